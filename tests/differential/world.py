"""The world on a side: how it is made, what it looks like, and how it is put right after a request changed it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from tests.differential.names import GROUPS, INTERNAL, PARTITIONS, SHARE_GROUPS, SHARE_MEMBER, TRANSACTIONAL_IDS
from tests.differential.nodes import Node, Pair
from tests.differential.values import Records, Step, entity_of
from tests.integration.door import ENOUGH_S, eventually

TOPIC_CONFIG, BROKER_CONFIG, GROUP_CONFIG = 2, 4, 32
COORDINATED: Final = {0: GROUPS, 1: TRANSACTIONAL_IDS}
SETTLE_S: Final = 10.0
_SHARED_WITHIN_S: Final = 100.0
"""A coordinator that was interrupted tries again after half a minute."""

_BARRIER: Final = "barrier"
_values = cycle(range(45_001, 60_000))
_pool = ThreadPoolExecutor(2)


def admin(node: Node, api_key: ApiKey, version: int, **values: Any) -> Any:
    """Ask as a super user, past doorkeeper and authorizer."""
    return node.admin.ask(api_key, version, entity_of(Step(api_key, version, values), node))


def prepare(pair: Pair) -> None:
    """Make the world on both sides: topics, coordinators, a group with offsets."""
    for node in pair.both:
        for key_type in COORDINATED:
            _coordinate(node, key_type)
    restore(pair)
    for node in pair.both:
        commit_offsets(node)


def _coordinate(node: Node, key_type: int) -> None:
    """Wait until all of a kind have a coordinator; asking for it makes the topic that it needs."""
    for name in COORDINATED[key_type]:
        eventually(lambda name=name: _has_coordinator(node, name, key_type))


def _has_coordinator(node: Node, name: str, key_type: int) -> bool:
    found = admin(node, ApiKey.FIND_COORDINATOR, 4, coordinator_keys=[name], key_type=key_type).coordinators[0]
    if found.error_code != ErrorCode.none:
        return False
    if key_type == 1:
        told = admin(node, ApiKey.DESCRIBE_TRANSACTIONS, 0, transactional_ids=[name]).transaction_states[0]
        return bool(told.error_code == ErrorCode.transactional_id_not_found)
    told = admin(node, ApiKey.OFFSET_FETCH, 9, groups=[{"group_id": name, "topics": None}]).groups[0]
    return bool(told.error_code == ErrorCode.none)


def commit_offsets(node: Node) -> None:
    """Let every group have read the first record of every topic."""
    first = {"partition_index": 0, "committed_offset": 1, "committed_leader_epoch": -1}
    topics = [{"name": name, "partitions": [first]} for name in PARTITIONS]
    for group in GROUPS:
        admin(node, ApiKey.OFFSET_COMMIT, 8, group_id=group, generation_id_or_member_epoch=-1, topics=topics)


def share(pair: Pair) -> None:
    """Let every share group have every partition: the first time takes its coordinators a while."""
    list(_pool.map(_share, pair.both))


def _share(node: Node) -> None:
    everything = sum(PARTITIONS.values())
    for group in SHARE_GROUPS:
        me = {"group_id": group, "member_id": SHARE_MEMBER, "subscribed_topic_names": [*PARTITIONS]}
        epoch = 0

        def has_all(me: dict[str, Any] = me) -> bool:
            nonlocal epoch
            told = admin(node, ApiKey.SHARE_GROUP_HEARTBEAT, 1, **me, member_epoch=epoch)
            epoch = max(told.member_epoch, 0) if told.error_code is ErrorCode.none else 0
            assigned = () if told.assignment is None else told.assignment.topic_partitions
            return sum(len(topic.partitions) for topic in assigned) == everything

        eventually(has_all, _SHARED_WITHIN_S)
        admin(node, ApiKey.SHARE_GROUP_HEARTBEAT, 1, **me, member_epoch=-1)


def settle(node: Node) -> None:
    """Wait until the broker has read whatever its controller has written so far."""
    value = str(next(_values))
    key = "consumer.session.timeout.ms"
    configs = [{"name": key, "config_operation": 0, "value": value}]
    resource = {"resource_type": GROUP_CONFIG, "resource_name": _BARRIER}
    admin(node, ApiKey.INCREMENTAL_ALTER_CONFIGS, 1, resources=[resource | {"configs": configs}])

    def read() -> bool:
        told = admin(node, ApiKey.DESCRIBE_CONFIGS, 4, resources=[resource | {"configuration_keys": [key]}])
        return any(config.value == value for config in told.results[0].configs)

    _soon(read)


def _soon(what: Any) -> None:
    deadline = time.monotonic() + ENOUGH_S
    while not what():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.002)


def settle_both(pair: Pair) -> None:
    """The same on both sides."""
    list(_pool.map(settle, pair.both))


def restore(pair: Pair) -> list[dict[str, int]]:
    """Put the topics back to what stands in names.py, on both sides; gives what was found there before."""
    return list(_pool.map(_restore, pair.both))


def _restore(node: Node) -> dict[str, int]:
    settle(node)
    found = node.learn_topics()
    for key_type, name in zip(COORDINATED, INTERNAL, strict=True):
        if name not in found:
            # Whoever asks next would have it made anew, on either side at another time.
            _coordinate(node, key_type)
            node.learn_topics()
    wrong = [
        name for name, partitions in found.items() if not name.startswith("__") and PARTITIONS.get(name) != partitions
    ]
    missing = [name for name in PARTITIONS if name in wrong or name not in found]
    if not wrong and not missing:
        return found
    if wrong:
        admin(node, ApiKey.DELETE_TOPICS, 5, topic_names=wrong, timeout=10_000)
        settle(node)
    topics = [{"name": name, "num_partitions": PARTITIONS[name], "replication_factor": 1} for name in missing]
    admin(node, ApiKey.CREATE_TOPICS, 7, topics=topics, timeout=10_000)
    settle(node)
    node.learn_topics()
    for name in missing:
        _soon(lambda name=name: _writes(node, name))
        _soon(lambda name=name: _led(node, name))
    return found


def _writes(node: Node, name: str) -> bool:
    data = [{"name": name, "partition_data": [{"index": 0, "records": Records()}]}]
    told = admin(node, ApiKey.PRODUCE, 9, acks=-1, timeout=10_000, topic_data=data)
    return bool(told.responses[0].partition_responses[0].error_code == ErrorCode.none)


def _led(node: Node, name: str) -> bool:
    return all(end >= 0 for end in _offsets(node, {name: PARTITIONS[name]}, -1).values())


def _offsets(node: Node, topics: dict[str, int], timestamp: int) -> dict[str, int]:
    asked = [
        {
            "name": name,
            "partitions": [
                {"partition_index": index, "timestamp": timestamp, "current_leader_epoch": -1}
                for index in range(partitions)
            ],
        }
        for name, partitions in topics.items()
    ]
    told = admin(node, ApiKey.LIST_OFFSETS, 6, replica_id=-1, topics=asked)
    return {f"{topic.name}-{p.partition_index}": p.offset for topic in told.topics for p in topic.partitions}


def picture(node: Node) -> dict[str, Any]:
    """All that requests may have changed, without what each side numbers for itself."""
    topics = node.learn_topics()
    data = {name: partitions for name, partitions in topics.items() if name not in INTERNAL and name[:2] != "__"}
    groups = sorted((group.group_id, group.group_type) for group in admin(node, ApiKey.LIST_GROUPS, 5).groups)
    return {
        "topics": topics,
        "end offsets": _offsets(node, data, -1),
        "start offsets": _offsets(node, data, -2),
        "configs": _configs(
            node, [*((TOPIC_CONFIG, name) for name in data), (BROKER_CONFIG, "1"), (BROKER_CONFIG, "")]
        ),
        "group configs": _configs(node, [(GROUP_CONFIG, name) for name in GROUPS]),
        "groups": groups,
        "committed": _committed(node, sorted({*GROUPS, *(name for name, _ in groups)})),
        "transactions": _transactions(node),
        "quotas": _quotas(node),
    }


def _configs(node: Node, resources: Iterable[tuple[int, str]]) -> list[Any]:
    asked = [{"resource_type": kind, "resource_name": name, "configuration_keys": None} for kind, name in resources]
    told = admin(node, ApiKey.DESCRIBE_CONFIGS, 4, resources=asked).results
    dynamic = (1, 2, 3, 7, 8)
    return sorted(
        (result.resource_name, config.name, config.value)
        for result in told
        for config in result.configs
        if config.config_source in dynamic
    )


def _committed(node: Node, groups: list[str]) -> list[Any]:
    told = admin(node, ApiKey.OFFSET_FETCH, 9, groups=[{"group_id": name, "topics": None} for name in groups]).groups
    return sorted(
        (group.group_id, topic.name, p.partition_index, p.committed_offset, p.metadata)
        for group in told
        for topic in group.topics
        for p in topic.partitions
    )


def _transactions(node: Node) -> list[Any]:
    told = admin(node, ApiKey.LIST_TRANSACTIONS, 0).transaction_states
    return sorted((found.transactional_id, found.transaction_state) for found in told)


def _quotas(node: Node) -> list[str]:
    told = admin(node, ApiKey.DESCRIBE_CLIENT_QUOTAS, 1).entries
    return sorted(map(repr, told or ()))


def differing_effects(pair: Pair) -> list[str]:
    """How the worlds differ; they are given time to come to rest."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        real, ours = _pool.map(picture, pair.both)
        if real == ours:
            return []
        if time.monotonic() > deadline:
            return [f"{what}: {_only(real[what], ours[what])}" for what in real if real[what] != ours[what]]
        time.sleep(0.05)


def _only(real: Any, ours: Any) -> str:
    first = list(real.items()) if isinstance(real, dict) else real
    second = list(ours.items()) if isinstance(ours, dict) else ours
    return (
        f"Kafka has {[item for item in first if item not in second]}, "
        f"doorkeeper {[item for item in second if item not in first]}"
    )
