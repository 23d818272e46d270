"""The APIs that one right on the cluster opens: each of their denials has a shape of its own, in every version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from proxy.enforcement.table import TABLE
from tests.enforcement.support import CAF, NONE, run
from tests.integration.wire import fill

SENTENCE = "Cluster authorization failed."
TOPICS = [
    {"name": "t", "topic": "t", "partitions": [0, 1], "partition_indexes": [0, 1]},
    {"name": "u", "topic": "u", "partitions": [7], "partition_indexes": [7]},
]
ALTER, DESCRIBE, ALTER_CONFIGS, DESCRIBE_CONFIGS = "Alter", "Describe", "AlterConfigs", "DescribeConfigs"
RIGHTS = {
    ApiKey.ALTER_REPLICA_LOG_DIRS: ALTER,
    ApiKey.DESCRIBE_LOG_DIRS: DESCRIBE,
    ApiKey.ELECT_LEADERS: ALTER,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: ALTER,
    ApiKey.LIST_PARTITION_REASSIGNMENTS: DESCRIBE,
    ApiKey.DESCRIBE_CLIENT_QUOTAS: DESCRIBE_CONFIGS,
    ApiKey.ALTER_CLIENT_QUOTAS: ALTER_CONFIGS,
    ApiKey.DESCRIBE_QUORUM: DESCRIBE,
    ApiKey.UPDATE_FEATURES: ALTER,
    ApiKey.UNREGISTER_BROKER: ALTER,
    ApiKey.LIST_CONFIG_RESOURCES: DESCRIBE_CONFIGS,
    ApiKey.ADD_RAFT_VOTER: ALTER,
    ApiKey.REMOVE_RAFT_VOTER: ALTER,
}
IMPLIED_BY = {DESCRIBE: {ALTER}, DESCRIBE_CONFIGS: {ALTER_CONFIGS}}
EVERY_RIGHT = ("Alter", "AlterConfigs", "Create", "Describe", "DescribeConfigs", "ClusterAction", "IdempotentWrite")
VALUES: dict[ApiKey, dict[str, Any]] = {
    ApiKey.WRITE_TXN_MARKERS: {"markers": [{"producer_id": 7, "topics": TOPICS}]},
    ApiKey.ALTER_REPLICA_LOG_DIRS: {"dirs": [{"path": "/logs", "topics": TOPICS}]},
    ApiKey.DESCRIBE_LOG_DIRS: {"topics": TOPICS},
    ApiKey.ELECT_LEADERS: {"topic_partitions": TOPICS},
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: {
        "topics": [{"name": "t", "partitions": [{"partition_index": 0, "replicas": [1]}, {"partition_index": 1}]}]
    },
    ApiKey.LIST_PARTITION_REASSIGNMENTS: {"topics": TOPICS},
    ApiKey.DESCRIBE_CLIENT_QUOTAS: {"components": [{"entity_type": "user", "match_type": 2}]},
    ApiKey.ALTER_CLIENT_QUOTAS: {
        "entries": [
            {
                "entity": [{"entity_type": "user", "entity_name": "x"}, {"entity_type": "client-id"}],
                "ops": [{"key": "producer_byte_rate", "value": 1.0}],
            },
            {"entity": [{"entity_type": "ip", "entity_name": "10.0.0.1"}], "ops": []},
        ]
    },
    ApiKey.DESCRIBE_QUORUM: {"topics": [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]},
    ApiKey.UPDATE_FEATURES: {"feature_updates": [{"feature": "share.version", "max_version_level": 1}]},
    ApiKey.UNREGISTER_BROKER: {"broker_id": 3},
    ApiKey.LIST_CONFIG_RESOURCES: {"resource_types": [2]},
    ApiKey.ADD_RAFT_VOTER: {"voter_id": 3, "voter_directory_id": UUID(int=3), "listeners": []},
    ApiKey.REMOVE_RAFT_VOTER: {"voter_id": 3, "voter_directory_id": UUID(int=3)},
}


def policy(*rights: str) -> str:
    allowed = ", ".join(rights)
    return f"policies: [{{name: ops, principals: [User:ops], allow: [{allowed}], cluster: true}}]"


def ask(api_key: ApiKey, version: int, *rights: str, **values: Any) -> Any:
    """What comes of a request of somebody with these rights on the cluster."""
    entity = fill(request_type(api_key, version), values or VALUES[api_key])
    return run(
        api_key, version, entity, principal="User:ops" if rights else "User:nobody", policy=policy(*rights or ("Read",))
    )


def versions(*keys: ApiKey) -> list[tuple[ApiKey, int]]:
    return [(key, version) for key in keys for version in TABLE[key].versions]


def partitions(items: Any, field: str = "partitions", index: str = "partition_index") -> list[Any]:
    """(topic, partition, error, message) of each partition."""
    return [
        (getattr(item, "name", None) or getattr(item, "topic", None) or item.topic_name, getattr(each, index),
         each.error_code, getattr(each, "error_message", None))
        for item in items
        for each in getattr(item, field)
    ]  # fmt: skip


@pytest.mark.parametrize(("api_key", "version"), versions(*RIGHTS))
def test_just_the_right_of_the_api_opens_it(api_key: ApiKey, version: int) -> None:
    wanted = RIGHTS[api_key]
    for right in EVERY_RIGHT:
        outcome = ask(api_key, version, right)
        if right == wanted or right in IMPLIED_BY.get(wanted, ()):
            assert outcome.forwarded == outcome.frame
            assert outcome.checked == []
        else:
            assert outcome.forwarded is None
            ((check),) = outcome.checked
            assert (check.right.operation.label, check.name, check.count) == (wanted, "kafka-cluster", 1)


@pytest.mark.parametrize("version", TABLE[ApiKey.WRITE_TXN_MARKERS].versions)
def test_either_right_writes_markers(version: int) -> None:
    for right in EVERY_RIGHT:
        outcome = ask(ApiKey.WRITE_TXN_MARKERS, version, right)
        if right in ("Alter", "ClusterAction"):
            assert outcome.forwarded == outcome.frame
            assert outcome.checked == []
        else:
            assert outcome.forwarded is None
            assert [check.right.operation.label for check in outcome.checked] == ["ClusterAction"]


@pytest.mark.parametrize("version", TABLE[ApiKey.WRITE_TXN_MARKERS].versions)
def test_denied_markers_are_told_by_producer(version: int) -> None:
    markers = [
        {"producer_id": 7, "topics": TOPICS},
        {"producer_id": 8, "topics": TOPICS[1:]},
        {"producer_id": 7, "topics": [*TOPICS[:1], *TOPICS[:1]]},
    ]
    answer = ask(ApiKey.WRITE_TXN_MARKERS, version, markers=markers).answer
    assert [(marker.producer_id, partitions(marker.topics)) for marker in answer.markers] == [
        (7, [("t", 0, CAF, None), ("t", 1, CAF, None)]),
        (8, [("u", 7, CAF, None)]),
    ]


EVERY_PARTITION = [("t", 0), ("t", 1), ("u", 7)]


@pytest.mark.parametrize("version", TABLE[ApiKey.ALTER_REPLICA_LOG_DIRS].versions)
def test_denied_log_dirs_are_told_by_partition(version: int) -> None:
    answer = ask(ApiKey.ALTER_REPLICA_LOG_DIRS, version).answer
    assert partitions(answer.results) == [(*each, CAF, None) for each in EVERY_PARTITION]


@pytest.mark.parametrize("version", TABLE[ApiKey.DESCRIBE_LOG_DIRS].versions)
@pytest.mark.parametrize("topics", [TOPICS, None])
def test_trap_53_log_dirs_without_a_place_for_the_error_are_none(version: int, topics: Any) -> None:
    outcome = ask(ApiKey.DESCRIBE_LOG_DIRS, version, topics=topics)
    assert outcome.forwarded is None
    assert outcome.answer.results == ()
    assert getattr(outcome.answer, "error_code", None) == (CAF if version >= 3 else None)


@pytest.mark.parametrize("version", TABLE[ApiKey.ELECT_LEADERS].versions)
def test_trap_53_a_denied_election_of_all_is_empty(version: int) -> None:
    named = ask(ApiKey.ELECT_LEADERS, version).answer
    of_all = ask(ApiKey.ELECT_LEADERS, version, topic_partitions=None)
    assert partitions(named.replica_election_results, "partition_result", "partition_id") == [
        (*each, CAF, SENTENCE) for each in EVERY_PARTITION
    ]
    assert of_all.forwarded is None
    assert of_all.answer.replica_election_results == ()
    for answer in (named, of_all.answer):
        assert getattr(answer, "error_code", None) == (CAF if version else None)


@pytest.mark.parametrize("version", TABLE[ApiKey.ALTER_PARTITION_REASSIGNMENTS].versions)
def test_trap_54_a_denied_reassignment_is_told_at_the_top_and_at_each_partition(version: int) -> None:
    answer = ask(ApiKey.ALTER_PARTITION_REASSIGNMENTS, version).answer
    assert (answer.error_code, answer.error_message) == (CAF, SENTENCE)
    assert partitions(answer.responses) == [("t", 0, CAF, SENTENCE), ("t", 1, CAF, SENTENCE)]


def test_a_denied_list_of_reassignments_repeats_what_was_named() -> None:
    answer = ask(ApiKey.LIST_PARTITION_REASSIGNMENTS, 0).answer
    assert (answer.error_code, answer.error_message) == (CAF, SENTENCE)
    assert [
        (topic.name, each.partition_index, each.replicas, each.adding_replicas, each.removing_replicas)
        for topic in answer.topics
        for each in topic.partitions
    ] == [(*each, (), (), ()) for each in EVERY_PARTITION]
    assert ask(ApiKey.LIST_PARTITION_REASSIGNMENTS, 0, topics=None).answer.topics == ()


@pytest.mark.parametrize("version", TABLE[ApiKey.DESCRIBE_CLIENT_QUOTAS].versions)
def test_trap_54_denied_quotas_are_null(version: int) -> None:
    answer = ask(ApiKey.DESCRIBE_CLIENT_QUOTAS, version).answer
    assert (answer.error_code, answer.error_message, answer.entries) == (CAF, None, None)


@pytest.mark.parametrize("version", TABLE[ApiKey.ALTER_CLIENT_QUOTAS].versions)
def test_denied_quotas_are_told_by_entry(version: int) -> None:
    answer = ask(ApiKey.ALTER_CLIENT_QUOTAS, version).answer
    assert [
        (entry.error_code, entry.error_message, [(part.entity_type, part.entity_name) for part in entry.entity])
        for entry in answer.entries
    ] == [
        (CAF, SENTENCE, [("user", "x"), ("client-id", None)]),
        (CAF, SENTENCE, [("ip", "10.0.0.1")]),
    ]


AT_THE_TOP = (
    ApiKey.DESCRIBE_QUORUM,
    ApiKey.UPDATE_FEATURES,
    ApiKey.UNREGISTER_BROKER,
    ApiKey.LIST_CONFIG_RESOURCES,
    ApiKey.ADD_RAFT_VOTER,
    ApiKey.REMOVE_RAFT_VOTER,
)


@pytest.mark.parametrize(("api_key", "version"), versions(*AT_THE_TOP))
def test_the_others_say_it_at_the_top_and_nothing_more(api_key: ApiKey, version: int) -> None:
    answer = ask(api_key, version).answer
    assert answer == build(type(answer), error_code=CAF, error_message=SENTENCE)


@pytest.mark.parametrize("version", TABLE[ApiKey.LIST_CONFIG_RESOURCES].versions)
def test_trap_55_the_names_of_config_resources_are_not_filtered(version: int) -> None:
    answer_type = type(ask(ApiKey.LIST_CONFIG_RESOURCES, version).answer)
    listed = fill(answer_type, {"config_resources": [{"resource_name": "secret", "resource_type": 2}]})
    entity = fill(request_type(ApiKey.LIST_CONFIG_RESOURCES, version), {})
    shown = run(
        ApiKey.LIST_CONFIG_RESOURCES,
        version,
        entity,
        served=listed,
        principal="User:ops",
        policy=policy("DescribeConfigs"),
    )
    assert shown.answer == listed


@pytest.mark.parametrize("api_key", [ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, ApiKey.PUSH_TELEMETRY])
def test_telemetry_is_never_denied(api_key: ApiKey) -> None:
    outcome = run(api_key, 0, principal="User:nobody")
    assert outcome.forwarded == outcome.frame
    assert outcome.answer.error_code == NONE
    assert outcome.checked == []
