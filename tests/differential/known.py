"""The differences that are intended: each stands in docs/differences.md, and has a name here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from protocol.apis import ApiKey
from tests.differential.nodes import SILENT
from tests.differential.normal import Difference
from tests.differential.values import Step


@dataclass(frozen=True)
class Instance:
    """One place in which the answers to a step differ."""

    step: Step
    user: str
    real: Any
    ours: Any
    path: str
    kafka: Any
    doorkeeper: Any


Known = Callable[[Instance], bool]
_KNOWN: Final[list[Known]] = []


def known(matches: Known) -> Known:
    """Register an intended difference; its docstring says what it is."""
    _KNOWN.append(matches)
    return matches


ENDING: Final = frozenset(
    {"all_denied_opens_no_session", "fetch_as_replica", "unknown_ids_of_shares", "starting_shares"}
)
"""After one of these the sides are not alike any more, so the script ends."""


def is_known(step: Step, user: str, real: Any, ours: Any, difference: Difference) -> str | None:
    """The name of the intended difference that this one is; None if it is not intended."""
    instance = Instance(step, user, real, ours, *difference)
    return next((matches.__name__ for matches in _KNOWN if matches(instance)), None)


@known
def java_text(it: Instance) -> bool:
    """A message that shows a Java object is a fixed sentence here, or none."""
    return it.path.endswith("error_message") and isinstance(it.kafka, str) and "Request(processor=" in it.kafka


_ORDERED_OTHERWISE: Final = frozenset(
    {ApiKey.FETCH, ApiKey.OFFSET_COMMIT, ApiKey.TXN_OFFSET_COMMIT, ApiKey.OFFSET_DELETE, ApiKey.OFFSET_FETCH}
)


@known
def order_of_errors(it: Instance) -> bool:
    """Entries of denied topics stand together; Kafka mixes them with those of topics that it does not have."""
    return it.step.api_key in _ORDERED_OTHERWISE and flattened(it.real) == flattened(it.ours)


def flattened(answer: Any) -> list[str]:
    """The entries of an answer, each partition with its topic, in no order."""
    if not isinstance(answer, dict):
        return [str(answer)]
    found: list[str] = []
    rest = {name: value for name, value in answer.items() if name not in ("topics", "responses", "groups")}
    for name in ("topics", "responses"):
        for topic in answer.get(name) or ():
            about = {key: value for key, value in topic.items() if key != "partitions"}
            found += [json.dumps([about, partition], default=str) for partition in topic["partitions"]]
    found += [json.dumps(flattened(group)) for group in answer.get("groups", ())]
    return [*sorted(found), json.dumps(rest, default=str, sort_keys=True)]


@known
def fetch_as_replica(it: Instance) -> bool:
    """A Fetch that says it comes from a replica is refused for all."""
    return it.step.api_key is ApiKey.FETCH and it.step.values["replica_id"] >= 0


@known
def all_denied_opens_no_session(it: Instance) -> bool:
    """A Fetch of which everything is denied is answered with session id 0."""
    return it.step.api_key is ApiKey.FETCH and it.path == "session_id" and (it.kafka, it.doorkeeper) == ("NUMBER", 0)


@known
def add_partitions_of_brokers(it: Instance) -> bool:
    """AddPartitionsToTxn 4+ is for brokers, and refused for all."""
    refused = isinstance(it.ours, dict) and it.ours.get("error_code") == "cluster_authorization_failed"
    return it.step.api_key is ApiKey.ADD_PARTITIONS_TO_TXN and it.step.version >= 4 and refused


_NOT_IN_USE: Final = frozenset(
    {
        ApiKey.DESCRIBE_ACLS,
        ApiKey.CREATE_ACLS,
        ApiKey.DELETE_ACLS,
        ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
        ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
    }
)


@known
def not_in_use(it: Instance) -> bool:
    """The brokers' own ACLs and SCRAM users are not in use behind the doorkeeper; who may not ask is denied alike."""
    denied = "cluster_authorization_failed"
    return it.step.api_key in _NOT_IN_USE and denied not in json.dumps(it.real, default=str)


_SHARE_STATE: Final = frozenset(
    {
        ApiKey.INITIALIZE_SHARE_GROUP_STATE,
        ApiKey.READ_SHARE_GROUP_STATE,
        ApiKey.WRITE_SHARE_GROUP_STATE,
        ApiKey.DELETE_SHARE_GROUP_STATE,
        ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
    }
)


@known
def share_state(it: Instance) -> bool:
    """What share coordinators ask each other is refused for all."""
    return it.step.api_key in _SHARE_STATE and "cluster_authorization_failed" in json.dumps(it.ours, default=str)


@known
def unknown_ids_of_shares(it: Instance) -> bool:
    """An id that nobody knows makes a Kafka with an authorizer fail inside."""
    failed = isinstance(it.real, dict) and it.real.get("error_code") == "unknown_server_error"
    return it.step.api_key in (ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE) and failed


@known
def share_sessions_of_connections(it: Instance) -> bool:
    """A share session that another connection opened is not found; Kafka finds it, and looks at its epoch."""
    found = (it.kafka, it.doorkeeper) == ("invalid_share_session_epoch", "share_session_not_found")
    return it.step.api_key in (ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE) and found


@known
def starting_shares(it: Instance) -> bool:
    """A share partition that its coordinator has not initialised yet fails now and then, on either side."""
    failed = "unknown_server_error" in json.dumps([it.real, it.ours], default=str)
    return it.step.api_key in (ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE) and failed


@known
def busy_shares(it: Instance) -> bool:
    """A share partition that is being read for somebody else is left out of an answer."""
    if it.step.api_key is not ApiKey.SHARE_FETCH or not isinstance(it.real, dict) or not isinstance(it.ours, dict):
        return False
    real, ours = _shared(it.real), _shared(it.ours)
    alike = all(real[each] == ours[each] for each in real.keys() & ours.keys())
    left_out = [(real.get(each) or ours[each]) for each in real.keys() ^ ours.keys()]
    return alike and bool(left_out) and all(_is_nothing(partition) for partition in left_out)


def _shared(answer: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    return {
        (topic["topic_id"], partition["partition_index"]): partition
        for topic in answer["responses"]
        for partition in topic["partitions"]
    }


def _is_nothing(partition: dict[str, Any]) -> bool:
    return partition["error_code"] == "none" and not partition["records"] and not partition["acquired_records"]


_NOT_LOADED: Final = "This server does not host this topic-partition."
_LOADED: Final = ("none", "invalid_record_state")


@known
def loaded_shares(it: Instance) -> bool:
    """A share partition is loaded by its first ShareFetch, which here may be one that a Kafka with an authorizer failed
    to serve for the unknown id beside it; only what is loaded can be acknowledged."""
    if it.step.api_key not in (ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE) or "].partitions[" not in it.path:
        return False
    sides = [_partition_at(side, it.path) for side in (it.real, it.ours)]
    loaded = [side["error_code"] in _LOADED for side in sides]
    return loaded.count(True) == 1 and sides[loaded.index(False)]["error_message"] == _NOT_LOADED


def _partition_at(answer: Any, path: str) -> dict[str, Any]:
    topic, partition = map(int, re.findall(r"\[(\d+)\]", path)[:2])
    found: dict[str, Any] = answer["responses"][topic]["partitions"][partition]
    return found


@known
def subscription_by_pattern(it: Instance) -> bool:
    """A pattern is served only to those who may describe every topic."""
    refused = isinstance(it.ours, dict) and "Subscribing by pattern" in str(it.ours.get("error_message"))
    return it.step.api_key is ApiKey.CONSUMER_GROUP_HEARTBEAT and refused


_HEARTBEATS: Final = (ApiKey.CONSUMER_GROUP_HEARTBEAT, ApiKey.STREAMS_GROUP_HEARTBEAT)


@known
def never_joined(it: Instance) -> bool:
    """Who was refused for his pattern, or for his internal topics, is no member and cannot leave."""
    leaves = it.step.api_key in _HEARTBEATS and it.step.values["member_epoch"] == -1
    if not leaves or not isinstance(it.real, dict) or not isinstance(it.ours, dict):
        return False
    return (it.real["error_code"], it.ours["error_code"]) == ("none", "unknown_member_id")


@known
def internal_topics_of_streams(it: Instance) -> bool:
    """A heartbeat whose internal topics would be created without the right is refused."""
    refused = isinstance(it.ours, dict) and "Unauthorized to CREATE" in str(it.ours.get("error_message"))
    return it.step.api_key is ApiKey.STREAMS_GROUP_HEARTBEAT and refused


@known
def topology_not_seen(it: Instance) -> bool:
    """Without the topology of a group it cannot be told whether a heartbeat would create topics."""
    refused = isinstance(it.ours, dict) and it.ours.get("error_code") == "unknown_member_id"
    return it.step.api_key is ApiKey.STREAMS_GROUP_HEARTBEAT and refused


@known
def ids_of_denied_topics(it: Instance) -> bool:
    """The denial of a topic does not tell its id."""
    altered = it.step.api_key in (ApiKey.ALTER_SHARE_GROUP_OFFSETS, ApiKey.DELETE_SHARE_GROUP_OFFSETS)
    return altered and it.path.endswith("topic_id") and it.doorkeeper is None


@known
def moving(it: Instance) -> bool:
    """The end of the controllers' own log, and a transaction that is just being aborted."""
    quorum = it.step.api_key is ApiKey.DESCRIBE_QUORUM and it.path.endswith("high_watermark")
    states = {"PrepareAbort", "CompleteAbort", "PrepareCommit", "CompleteCommit"}
    ending = it.step.api_key is ApiKey.DESCRIBE_TRANSACTIONS and any(state in str(it.real) for state in states)
    return quorum or ending


@known
def ids_of_new_topics(it: Instance) -> bool:
    """Each side gives a new topic an id of its own."""
    return (
        it.step.api_key is ApiKey.CREATE_TOPICS
        and it.path.endswith("topic_id")
        and None not in (it.kafka, it.doorkeeper)
    )


@known
def controllers(it: Instance) -> bool:
    """Controllers cannot be reached through the doorkeeper, and their addresses are not shown."""
    return it.step.api_key is ApiKey.DESCRIBE_QUORUM and it.path.endswith("listeners") and it.doorkeeper == []


@known
def values_of_settings(it: Instance) -> bool:
    """The receiving broker looks at values and at its own id before anybody is authorized; here after the right."""
    altered = it.step.api_key in (ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS)
    if not altered or "[" not in it.path:
        return False
    number = int(it.path.split("[")[1].split("]")[0])
    real, ours = (side["responses"][number]["error_code"] for side in (it.real, it.ours))
    return real in ("invalid_request", "unknown_server_error") and ours.endswith("_authorization_failed")


@known
def a_resource_twice(it: Instance) -> bool:
    """An AlterConfigs that names a resource twice is never answered by Kafka, which fails while it answers."""
    named = [(each["resource_type"], each["resource_name"]) for each in it.step.values.get("resources", ())]
    return it.step.api_key is ApiKey.ALTER_CONFIGS and it.real == SILENT and len(set(named)) < len(named)
