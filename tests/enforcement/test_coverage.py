"""Every field of a request that names something guarded is claimed by its rule, or exempt with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin

import pytest
from kio.schema import types

from protocol.apis import ApiKey, known_versions, request_type
from proxy.enforcement.table import JUDGED, TABLE

GUARDED_TYPES = {types.TopicName, types.GroupId, types.TransactionalId}
GUARDED_NAMES = {
    "topic_id",
    "key",
    "coordinator_keys",
    "resource_name",
    "subscribed_topic_regex",
    "topic",
    "group_id",
    "groups_names",
    "transactional_id",
}


def guarded(entity_type: type[Any], path: str = "") -> Iterator[str]:
    """The paths of the fields that name a topic, group, transactional id, resource or key."""
    for field in fields(entity_type):
        inner = _innermost(field.type)
        here = f"{path}{field.name}"
        if is_dataclass(inner):
            yield from guarded(inner, f"{here}.")  # type: ignore[arg-type]
        elif inner in GUARDED_TYPES or field.name in GUARDED_NAMES:
            yield here


def _innermost(annotation: Any) -> Any:
    while get_origin(annotation) is not None:
        annotation = next(a for a in get_args(annotation) if a not in (type(None), ...))
    return annotation


@pytest.mark.parametrize("api_key", TABLE)
def test_what_names_something_guarded_is_claimed_or_exempt(api_key: ApiKey) -> None:
    rule = TABLE[api_key]
    exempt = dict(rule.exempt)
    named = {path for version in rule.versions for path in guarded(request_type(api_key, version))}
    assert named - rule.claims - exempt.keys() == set()
    assert all(exempt.values())


@pytest.mark.parametrize("api_key", TABLE)
def test_a_claim_names_a_field(api_key: ApiKey) -> None:
    rule = TABLE[api_key]
    paths = {path for version in rule.versions for path in _paths(request_type(api_key, version))}
    assert (rule.claims | dict(rule.exempt).keys()) <= paths


def _paths(entity_type: type[Any], path: str = "") -> Iterator[str]:
    for field in fields(entity_type):
        yield f"{path}{field.name}"
        inner = _innermost(field.type)
        if is_dataclass(inner):
            yield from _paths(inner, f"{path}{field.name}.")  # type: ignore[arg-type]


def test_the_table_serves_what_it_promises() -> None:
    promised = [
        "Produce",
        "Fetch",
        "ListOffsets",
        "Metadata",
        "OffsetCommit",
        "OffsetFetch",
        "FindCoordinator",
        "JoinGroup",
        "Heartbeat",
        "LeaveGroup",
        "SyncGroup",
        "DescribeGroups",
        "ListGroups",
        "CreateTopics",
        "DeleteTopics",
        "DeleteRecords",
        "InitProducerId",
        "OffsetForLeaderEpoch",
        "AddPartitionsToTxn",
        "AddOffsetsToTxn",
        "EndTxn",
        "WriteTxnMarkers",
        "TxnOffsetCommit",
        "DescribeAcls",
        "CreateAcls",
        "DeleteAcls",
        "DescribeConfigs",
        "AlterConfigs",
        "AlterReplicaLogDirs",
        "DescribeLogDirs",
        "CreatePartitions",
        "CreateDelegationToken",
        "RenewDelegationToken",
        "ExpireDelegationToken",
        "DescribeDelegationToken",
        "DeleteGroups",
        "ElectLeaders",
        "IncrementalAlterConfigs",
        "AlterPartitionReassignments",
        "ListPartitionReassignments",
        "OffsetDelete",
        "DescribeClientQuotas",
        "AlterClientQuotas",
        "DescribeUserScramCredentials",
        "AlterUserScramCredentials",
        "DescribeQuorum",
        "UpdateFeatures",
        "DescribeCluster",
        "DescribeProducers",
        "UnregisterBroker",
        "DescribeTransactions",
        "ListTransactions",
        "ConsumerGroupHeartbeat",
        "ConsumerGroupDescribe",
        "GetTelemetrySubscriptions",
        "PushTelemetry",
        "ListConfigResources",
        "DescribeTopicPartitions",
        "ShareGroupHeartbeat",
        "ShareGroupDescribe",
        "ShareFetch",
        "ShareAcknowledge",
        "AddRaftVoter",
        "RemoveRaftVoter",
        "InitializeShareGroupState",
        "ReadShareGroupState",
        "WriteShareGroupState",
        "DeleteShareGroupState",
        "ReadShareGroupStateSummary",
        "StreamsGroupHeartbeat",
        "StreamsGroupDescribe",
        "DescribeShareGroupOffsets",
        "AlterShareGroupOffsets",
        "DeleteShareGroupOffsets",
    ]
    assert {key.label for key in TABLE} == set(promised)
    assert {int(key): known_versions(key) for key in TABLE} == JUDGED


@pytest.mark.parametrize("api_key", TABLE)
def test_every_rule_can_say_what_it_asks(api_key: ApiKey) -> None:
    rule = TABLE[api_key]
    assert bool(rule.clauses) != bool(rule.judge)
    assert rule.summary or all(clause.describe() for clause in rule.clauses)
