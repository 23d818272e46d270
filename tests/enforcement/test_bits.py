"""Authorized operations (KIP-430) are those of the policy, however many the broker claims."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, has_field, item_type
from proxy.enforcement.rights import CLUSTER_ACTION
from proxy.enforcement.table import TABLE
from tests.enforcement.support import CAF, TAF, naming, run

CREATE, DESCRIBE, READ = 1 << 5, 1 << 8, 1 << 3
EVERYTHING = 3400
POLICY = """
policies:
  - {name: reads, principals: [User:reader], allow: [Read], consumer_groups: [open*], topics: [open*]}
  - {name: creates, principals: [User:creator], allow: [Create], cluster: true}
  - {name: sees, principals: [User:seer], allow: [Create, Describe], cluster: true}
"""
DESCRIPTIONS = [
    key
    for key in (
        ApiKey.DESCRIBE_GROUPS,
        ApiKey.CONSUMER_GROUP_DESCRIBE,
        ApiKey.SHARE_GROUP_DESCRIBE,
        ApiKey.STREAMS_GROUP_DESCRIBE,
    )
    if key in TABLE
]
OF_GROUPS = [
    (key, version)
    for key in DESCRIPTIONS
    for version in known_versions(key)
    if has_field(item_type(response_type(key, version), "groups"), "authorized_operations")
]
OF_THE_CLUSTER = [
    (key, version)
    for key in (ApiKey.METADATA, ApiKey.DESCRIBE_CLUSTER)
    for version in known_versions(key)
    if has_field(request_type(key, version), "include_cluster_authorized_operations")
]


def groups(key: ApiKey, version: int) -> Any:
    """What a broker without security tells of a group."""
    answer = response_type(key, version)
    group = item_type(answer, "groups")
    return build(answer, groups=(build(group, group_id="open", authorized_operations=EVERYTHING),))


@pytest.mark.parametrize(("key", "version"), OF_GROUPS)
def test_the_bits_of_a_group(key: ApiKey, version: int) -> None:
    for asked, expected in ((True, READ | DESCRIBE), (False, EVERYTHING)):
        request = naming(key, version, "open", include_authorized_operations=asked)
        outcome = run(key, version, request, policy=POLICY, principal="User:reader", served=groups(key, version))
        assert [group.authorized_operations for group in outcome.answer.groups] == [expected]


@pytest.mark.parametrize(("key", "version"), OF_THE_CLUSTER)
def test_without_describe_there_are_no_bits_of_the_cluster(key: ApiKey, version: int) -> None:
    request = build(request_type(key, version), topics=(), include_cluster_authorized_operations=True)
    served = build(response_type(key, version), cluster_authorized_operations=8096)
    for principal, expected in (("User:creator", 0), ("User:seer", CREATE | DESCRIBE)):
        outcome = run(key, version, request, policy=POLICY, principal=principal, served=served)
        assert outcome.answer.cluster_authorized_operations == expected


@pytest.mark.parametrize("version", [*known_versions(ApiKey.FETCH)])
def test_a_fetch_as_a_replica_is_told(version: int) -> None:
    request = naming(ApiKey.FETCH, version, "open", replica_id=1)
    if version >= 15:
        state = build(item_type(type(request), "replica_state"), replica_id=1)
        request = naming(ApiKey.FETCH, version, "open", replica_state=state)
    outcome = run(ApiKey.FETCH, version, request)
    assert [(check.right, check.decision.allowed) for check in outcome.checked] == [(CLUSTER_ACTION, False)]
    assert outcome.answer.responses[0].partitions[0].error_code == TAF


@pytest.mark.parametrize("version", [4, 5])
def test_a_brokers_way_to_add_partitions_is_told(version: int) -> None:
    outcome = run(ApiKey.ADD_PARTITIONS_TO_TXN, version)
    assert [(check.right, check.decision.allowed) for check in outcome.checked] == [(CLUSTER_ACTION, False)]
    assert outcome.answer.error_code == CAF
