"""Every API that is served, in every version: allowed, denied, and denied in part."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build, item_type
from proxy.enforcement.access import Mode
from proxy.enforcement.engine import BROKER_ONLY
from proxy.enforcement.table import JUDGED, TABLE
from tests.enforcement.support import (
    CAF,
    GAF,
    IR,
    NONE,
    TAF,
    UTI,
    XAF,
    answered,
    naming,
    run,
    subject,
    topic_id,
)
from tests.enforcement.support import named_in as named

EVERYTHING = [(key, version) for key in TABLE for version in TABLE[key].versions]
FOR_BROKERS = [(ApiKey.ADD_PARTITIONS_TO_TXN, version) for version in (4, 5)]
ANSWERED_HERE = (
    # What the brokers behind do not have in use, and what they ask each other: see test_not_in_use.py.
    ApiKey.DESCRIBE_ACLS,
    ApiKey.CREATE_ACLS,
    ApiKey.DELETE_ACLS,
    ApiKey.CREATE_DELEGATION_TOKEN,
    ApiKey.RENEW_DELEGATION_TOKEN,
    ApiKey.EXPIRE_DELEGATION_TOKEN,
    ApiKey.DESCRIBE_DELEGATION_TOKEN,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
    ApiKey.INITIALIZE_SHARE_GROUP_STATE,
    ApiKey.READ_SHARE_GROUP_STATE,
    ApiKey.WRITE_SHARE_GROUP_STATE,
    ApiKey.DELETE_SHARE_GROUP_STATE,
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
)
IN_SESSIONS = (
    # An acknowledgement belongs to a share session that is open: see test_share_fetch.py.
    ApiKey.SHARE_ACKNOWLEDGE,
)
OF_CLIENTS = [
    served for served in EVERYTHING if served not in FOR_BROKERS and served[0] not in (*ANSWERED_HERE, *IN_SESSIONS)
]
OF_ADMINISTRATORS = (
    # A right on the cluster opens these, which alice has not: see test_cluster_apis.py.
    ApiKey.WRITE_TXN_MARKERS,
    ApiKey.ALTER_REPLICA_LOG_DIRS,
    ApiKey.DESCRIBE_LOG_DIRS,
    ApiKey.ELECT_LEADERS,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS,
    ApiKey.LIST_PARTITION_REASSIGNMENTS,
    ApiKey.DESCRIBE_CLIENT_QUOTAS,
    ApiKey.ALTER_CLIENT_QUOTAS,
    ApiKey.DESCRIBE_QUORUM,
    ApiKey.UPDATE_FEATURES,
    ApiKey.UNREGISTER_BROKER,
    ApiKey.LIST_CONFIG_RESOURCES,
    ApiKey.ADD_RAFT_VOTER,
    ApiKey.REMOVE_RAFT_VOTER,
)

BY_TOPIC = (
    ApiKey.PRODUCE,
    ApiKey.FETCH,
    ApiKey.LIST_OFFSETS,
    ApiKey.METADATA,
    ApiKey.OFFSET_COMMIT,
    ApiKey.OFFSET_FETCH,
    ApiKey.CREATE_TOPICS,
    ApiKey.DELETE_TOPICS,
    ApiKey.DELETE_RECORDS,
    ApiKey.OFFSET_FOR_LEADER_EPOCH,
    ApiKey.TXN_OFFSET_COMMIT,
    ApiKey.DESCRIBE_CONFIGS,
    ApiKey.ALTER_CONFIGS,
    ApiKey.CREATE_PARTITIONS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.OFFSET_DELETE,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
    ApiKey.DESCRIBE_PRODUCERS,
)
BY_TRANSACTION = (ApiKey.DESCRIBE_TRANSACTIONS,)
BY_GROUP = (
    ApiKey.DESCRIBE_GROUPS,
    ApiKey.DELETE_GROUPS,
    ApiKey.CONSUMER_GROUP_DESCRIBE,
    ApiKey.SHARE_GROUP_DESCRIBE,
    ApiKey.STREAMS_GROUP_DESCRIBE,
    ApiKey.FIND_COORDINATOR,
)
PARTLY = [
    (key, version)
    for key, version in EVERYTHING
    if key in (*BY_TOPIC, *BY_GROUP, *BY_TRANSACTION) and not (key is ApiKey.FIND_COORDINATOR and version < 4)
]
ASKED_ANYWAY = (ApiKey.METADATA, ApiKey.OFFSET_FETCH, ApiKey.OFFSET_DELETE)
ONCE = (
    # Kafka answers these once, or as malformed, where they stand twice.
    ApiKey.METADATA,
    ApiKey.CREATE_TOPICS,
    ApiKey.DELETE_TOPICS,
    ApiKey.ALTER_CONFIGS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.CREATE_PARTITIONS,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
)
ASKED_FIRST = (
    ApiKey.OFFSET_COMMIT,
    ApiKey.TXN_OFFSET_COMMIT,
    ApiKey.OFFSET_DELETE,
    ApiKey.DESCRIBE_GROUPS,
    ApiKey.CONSUMER_GROUP_DESCRIBE,
    ApiKey.SHARE_GROUP_DESCRIBE,
    ApiKey.STREAMS_GROUP_DESCRIBE,
    ApiKey.CREATE_PARTITIONS,
)
IN_ORDER = (
    ApiKey.FIND_COORDINATOR,
    ApiKey.ALTER_CONFIGS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.DESCRIBE_PRODUCERS,
    ApiKey.DESCRIBE_TRANSACTIONS,
)
OPEN = ("open", "open.a", "open.b")
CLOSED = ("secret", "secret.b")


def denial(api_key: ApiKey) -> ErrorCode:
    """The error of an item of this API that is denied."""
    if api_key in BY_TRANSACTION:
        return XAF
    return GAF if api_key in BY_GROUP else TAF


def by_id(api_key: ApiKey, version: int) -> bool:
    """Whether the items of this version name topics by id alone."""
    return (api_key, version) in {
        (ApiKey.PRODUCE, 13),
        *((ApiKey.FETCH, later) for later in range(13, 19)),
        (ApiKey.OFFSET_COMMIT, 10),
        (ApiKey.OFFSET_FETCH, 10),
    }


@pytest.mark.parametrize(
    ("api_key", "version", "principal"),
    [
        *((*served, "User:admin") for served in OF_CLIENTS),
        *((*served, "User:alice") for served in OF_CLIENTS if served[0] not in OF_ADMINISTRATORS),
    ],
)
def test_what_is_allowed_goes_on_as_the_very_same_bytes(api_key: ApiKey, version: int, principal: str) -> None:
    entity = naming(api_key, version, *OPEN)
    outcome = run(api_key, version, entity, principal=principal)
    assert outcome.forwarded == outcome.frame
    assert outcome.checked == []
    if (api_key, version) in PARTLY:
        assert {error for _, error in answered(api_key, outcome.answer)} == {NONE}


@pytest.mark.parametrize(("api_key", "version"), OF_CLIENTS)
@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.OFF])
def test_a_policy_that_does_not_enforce_lets_the_same_bytes_go_on(api_key: ApiKey, version: int, mode: Mode) -> None:
    outcome = run(api_key, version, naming(api_key, version, "open", "secret"), principal="User:nobody", mode=mode)
    assert outcome.forwarded == outcome.frame
    if mode is Mode.OFF:
        assert outcome.checked == []


DENIED_WHOLE = {
    ApiKey.JOIN_GROUP: GAF,
    ApiKey.HEARTBEAT: GAF,
    ApiKey.LEAVE_GROUP: GAF,
    ApiKey.SYNC_GROUP: GAF,
    ApiKey.CONSUMER_GROUP_HEARTBEAT: GAF,
    ApiKey.SHARE_GROUP_HEARTBEAT: GAF,
    ApiKey.STREAMS_GROUP_HEARTBEAT: GAF,
    ApiKey.SHARE_FETCH: GAF,
    ApiKey.SHARE_ACKNOWLEDGE: GAF,
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: GAF,
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: GAF,
    ApiKey.INIT_PRODUCER_ID: XAF,
    ApiKey.ADD_OFFSETS_TO_TXN: XAF,
    ApiKey.END_TXN: XAF,
    ApiKey.OFFSET_DELETE: GAF,
}
"""What the top of the answer says to somebody without any right."""


@pytest.mark.parametrize(("api_key", "version"), [served for served in EVERYTHING if served[0] in DENIED_WHOLE])
def test_a_denied_request_has_its_error_at_the_top(api_key: ApiKey, version: int) -> None:
    outcome = run(api_key, version, naming(api_key, version, "open"), principal="User:nobody")
    assert outcome.forwarded is None
    assert outcome.answer.error_code == DENIED_WHOLE[api_key]
    assert getattr(outcome.answer, "member_id", None) in ("", None)
    assert getattr(outcome.answer, "producer_id", -1) == -1
    assert getattr(outcome.answer, "producer_epoch", -1) == -1
    assert len(outcome.checked) == 1


@pytest.mark.parametrize(
    ("api_key", "version", "error"),
    [
        *((key, version, GAF) for key, version in EVERYTHING if key is ApiKey.OFFSET_COMMIT),
        *((key, version, XAF) for key, version in OF_CLIENTS if key is ApiKey.ADD_PARTITIONS_TO_TXN),
        *((key, version, XAF) for key, version in EVERYTHING if key is ApiKey.TXN_OFFSET_COMMIT),
        *((ApiKey.OFFSET_FETCH, version, GAF) for version in (0, 1)),
    ],
)
def test_without_a_place_at_the_top_the_error_is_at_every_partition(
    api_key: ApiKey, version: int, error: ErrorCode
) -> None:
    outcome = run(api_key, version, naming(api_key, version, "open", "secret"), principal="User:nobody")
    assert outcome.forwarded is None
    assert [found for _, found in answered(api_key, outcome.answer)] == [error, error]


@pytest.mark.parametrize("version", range(2, 8))
def test_a_denied_group_has_no_offsets(version: int) -> None:
    outcome = run(ApiKey.OFFSET_FETCH, version, naming(ApiKey.OFFSET_FETCH, version, "open", group="other"))
    assert (outcome.forwarded, outcome.answer.error_code, outcome.answer.topics) == (None, GAF, ())


@pytest.mark.parametrize("version", [8, 9, 10])
def test_a_denied_group_is_told_in_its_own_entry(version: int) -> None:
    outcome = run(ApiKey.OFFSET_FETCH, version, naming(ApiKey.OFFSET_FETCH, version, "open", group="other"))
    assert outcome.forwarded is None
    assert [(g.group_id, g.error_code, g.topics) for g in outcome.answer.groups] == [("other", GAF, ())]


@pytest.mark.parametrize(("api_key", "version"), PARTLY)
def test_with_everything_denied_the_broker_reads_no_denied_name(api_key: ApiKey, version: int) -> None:
    outcome = run(api_key, version, naming(api_key, version, "secret", "secret.b"))
    expected = denial(api_key)
    about = topic_id if by_id(api_key, version) else str
    assert sorted(map(str, answered(api_key, outcome.answer))) == sorted(
        str((about(name), expected)) for name in ("secret", "secret.b")
    )
    if api_key in ASKED_ANYWAY and (api_key, version) != (ApiKey.METADATA, 0):
        assert named(api_key, outcome.asked) == []
    else:
        assert outcome.forwarded is None
    assert sorted((check.name, check.count) for check in outcome.checked) == [("secret", 1), ("secret.b", 1)]
    assert not any(check.decision.allowed for check in outcome.checked)


@pytest.mark.parametrize(("api_key", "version"), PARTLY)
@settings(max_examples=max(20, settings().max_examples // 5))
@given(names=st.lists(st.sampled_from((*OPEN, *CLOSED)), min_size=1, max_size=6))
def test_cut_and_merge_answers_exactly_what_was_asked(api_key: ApiKey, version: int, names: list[str]) -> None:
    """The law of all cuts: the broker reads what is allowed, and the answer has one entry for each thing asked."""
    if api_key in ONCE:
        names = list(dict.fromkeys(names))
    outcome = run(api_key, version, naming(api_key, version, *names, allow_auto_topic_creation=False))
    about = topic_id if by_id(api_key, version) else str
    allowed = [name for name in names if name in OPEN]
    denied = [name for name in names if name in CLOSED]
    expected = denial(api_key)
    if outcome.forwarded is None:
        assert allowed == []
    elif api_key is not ApiKey.METADATA or allowed:
        # A page is sorted by name where it had to be written anew.
        rewritten = api_key is ApiKey.DESCRIBE_TOPIC_PARTITIONS and denied
        assert named(api_key, outcome.asked) == [about(name) for name in (sorted(allowed) if rewritten else allowed)]
    for name in CLOSED:
        assert name.encode() not in (outcome.forwarded or b"")
    entries = answered(api_key, outcome.answer)
    told_allowed, told_denied = [(about(n), NONE) for n in allowed], [(about(n), expected) for n in denied]
    if api_key is ApiKey.DELETE_GROUPS:
        told_denied = list(dict.fromkeys(told_denied))
    if api_key in IN_ORDER:
        assert entries == [(n, NONE if n in OPEN else expected) for n in names]
    elif api_key in ASKED_FIRST:
        assert entries == told_denied + told_allowed
    elif api_key is ApiKey.DESCRIBE_TOPIC_PARTITIONS:
        assert sorted(entries) == sorted(told_allowed + told_denied)
    else:
        assert entries == told_allowed + told_denied
    assert {(check.name, check.count) for check in outcome.checked} == {(n, names.count(n)) for n in denied}


@pytest.mark.parametrize(
    ("api_key", "version"),
    [(key, version) for key, version in PARTLY if by_id(key, version)],
)
def test_an_id_that_the_broker_does_not_know_is_unknown(api_key: ApiKey, version: int) -> None:
    outcome = run(api_key, version, naming(api_key, version, "ghost", "secret", "open"))
    assert named(api_key, outcome.asked) == [topic_id("open")]
    assert set(answered(api_key, outcome.answer)) == {
        (topic_id("ghost"), UTI),
        (topic_id("secret"), TAF),
        (topic_id("open"), NONE),
    }
    assert len(outcome.questions) == 1


@pytest.mark.parametrize(("api_key", "version"), FOR_BROKERS)
@pytest.mark.parametrize("principal", ["User:alice", "User:admin"])
def test_the_form_for_brokers_is_refused_to_everybody(api_key: ApiKey, version: int, principal: str) -> None:
    outcome = run(api_key, version, principal=principal)
    assert outcome.forwarded is None
    assert (outcome.answer.error_code, outcome.answer.results_by_transaction) == (CAF, ())


@pytest.mark.parametrize(
    ("api_key", "version"),
    [(key, known_versions(key)[-1]) for key in ApiKey if key not in TABLE and known_versions(key)],
)
def test_an_api_without_a_rule_never_goes_on(api_key: ApiKey, version: int) -> None:
    outcome = run(api_key, version, principal="User:admin")
    assert outcome.forwarded is None
    if api_key in BROKER_ONLY:
        assert outcome.closed
    elif not outcome.closed:
        assert outcome.answer.error_code == ErrorCode.unsupported_version


def test_nothing_for_brokers_is_offered() -> None:
    assert not BROKER_ONLY & {ApiKey(key) for key in JUDGED}


TWICE = {
    ApiKey.CREATE_TOPICS: 1,
    ApiKey.DELETE_TOPICS: 1,
    ApiKey.CREATE_PARTITIONS: 1,
    ApiKey.ALTER_CONFIGS: 2,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: 2,
}
"""How often Kafka answers what must not stand twice."""


@pytest.mark.parametrize(("api_key", "version"), [served for served in EVERYTHING if served[0] in TWICE])
def test_what_stands_twice_is_malformed_before_anybody_is_asked_for_rights(api_key: ApiKey, version: int) -> None:
    outcome = run(api_key, version, naming(api_key, version, "secret", "open", "secret"))
    assert named(api_key, outcome.asked) == ["open"]
    assert sorted(answered(api_key, outcome.answer)) == [("open", NONE), *[("secret", IR)] * TWICE[api_key]]
    assert outcome.checked == []


@pytest.mark.parametrize("version", known_versions(ApiKey.FIND_COORDINATOR))
@pytest.mark.parametrize(("key_type", "error"), [(0, GAF), (1, XAF)])
def test_each_kind_of_coordinator_has_its_right(version: int, key_type: int, error: ErrorCode) -> None:
    if key_type and version == 0:
        return
    request = request_type(ApiKey.FIND_COORDINATOR, version)
    for name, expected in (("open", NONE), ("secret", error)):
        entity = build(request, key=name, coordinator_keys=(name,), key_type=key_type)
        outcome = run(ApiKey.FIND_COORDINATOR, version, entity)
        found = outcome.answer if version < 4 else outcome.answer.coordinators[0]
        assert found.error_code == expected
        assert (outcome.forwarded == outcome.frame) == (expected is NONE)


def test_the_coordinator_of_shares_is_for_brokers() -> None:
    """Every key is answered with the sentence, unlike the other kinds."""
    entity = build(request_type(ApiKey.FIND_COORDINATOR, 6), coordinator_keys=("a:b:1", "c"), key_type=2)
    answer = run(ApiKey.FIND_COORDINATOR, 6, entity).answer
    assert [(c.key, c.error_code, c.error_message) for c in answer.coordinators] == [
        ("a:b:1", CAF, "Cluster authorization failed."),
        ("c", CAF, "Cluster authorization failed."),
    ]


@pytest.mark.parametrize("version", known_versions(ApiKey.LIST_GROUPS))
def test_who_may_describe_the_cluster_sees_every_group(version: int) -> None:
    policy = "policies: [{name: ops, principals: [User:ops], allow: [Describe], cluster: true}]"
    answer_type = type(run(ApiKey.LIST_GROUPS, version).answer)
    group = item_type(answer_type, "groups")
    listed = build(answer_type, groups=tuple(build(group, group_id=name) for name in ("open", "other")))
    everything = run(ApiKey.LIST_GROUPS, version, served=listed, principal="User:ops", policy=policy)
    mine = run(ApiKey.LIST_GROUPS, version, served=listed)
    assert [subject(g) for g in everything.answer.groups] == ["open", "other"]
    assert [subject(g) for g in mine.answer.groups] == ["open"]
    assert mine.checked == everything.checked == []
