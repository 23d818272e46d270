"""The traps of cutting and merging, API by API: what a secured broker answers where the obvious way would differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, has_field, item_type
from tests.session.support import Desk, Policy

NONE = ErrorCode.none
TAF = ErrorCode.topic_authorization_failed
GAF = ErrorCode.group_authorization_failed
XAF = ErrorCode.transactional_id_authorization_failed
CAF = ErrorCode.cluster_authorization_failed
UTP = ErrorCode.unknown_topic_or_partition

POLICY = """
super_users: [User:admin]
policies:
  - {name: topics, principals: [User:alice], allow: [Read, Write], topics: [open, open.*]}
  - {name: shown, principals: [User:alice], allow: [Describe], topics: [shown]}
  - {name: groups, principals: [User:alice], allow: [Read, Delete], consumer_groups: [app]}
  - {name: transactions, principals: [User:alice], allow: [Write], transactional_ids: [tx]}
  - {name: deleter, principals: [User:dora], allow: [Delete], topics: ["*"]}
  - {name: not-shown-to-dora, principals: [User:dora], deny: [Describe], topics: [open]}
  - {name: cluster, principals: [User:carl], allow: [Create, Delete], cluster: true}
  - {name: nothing-for-carl, principals: [User:carl], deny: [All], topics: ["*"]}
  - {name: creator, principals: [User:cora], allow: [Create, Describe], topics: [new]}
  - {name: creator-sees, principals: [User:cora], allow: [Describe], topics: [open, gone]}
"""


def desk(principal: str = "User:alice") -> Desk:
    return Desk(principal, policy=Policy(POLICY))


def topic_item(api_key: ApiKey, version: int, name: str, field: str = "topics") -> Any:
    """An item of a request that names a topic and its partition 0."""
    topic = item_type(request_type(api_key, version), field)
    for partitions in ("partitions", "partition_indexes"):
        if has_field(topic, partitions):
            inner = item_type(topic, partitions)
            named = dict.fromkeys(("partition_index", "partition"), 0)
            one = build(inner, **named) if hasattr(inner, "__version__") else 0
            return build(topic, name=name, topic=name, **{partitions: (one,)})
    return build(topic, name=name, topic=name)


def answer_item(api_key: ApiKey, version: int, name: str, field: str = "topics") -> Any:
    """What the broker answers for it."""
    topic = item_type(response_type(api_key, version), field)
    return build(topic, name=name, topic=name, partitions=(build(item_type(topic, "partitions")),))


def errors(items: Any) -> list[tuple[str, list[ErrorCode]]]:
    return [
        (getattr(item, "name", None) or item.topic, [partition.error_code for partition in item.partitions])
        for item in items
    ]


# Metadata


def metadata(version: int, *names: str, create: bool = True) -> Any:
    request = request_type(ApiKey.METADATA, version)
    topics = tuple(build(item_type(request, "topics"), name=name) for name in names)
    return build(request, topics=topics, allow_auto_topic_creation=create)


def metadata_topic(version: int, name: str, error: ErrorCode = NONE, topic_id: UUID | None = None) -> Any:
    topic = item_type(response_type(ApiKey.METADATA, version), "topics")
    return build(topic, name=name, error_code=error, topic_id=topic_id)


def told(answer: Any) -> list[tuple[str | None, ErrorCode]]:
    return [(topic.name, topic.error_code) for topic in answer.topics]


@pytest.mark.parametrize("version", known_versions(ApiKey.METADATA))
def test_metadata_with_all_names_denied_names_no_topic_to_the_broker(version: int) -> None:
    """Trap 1: in version 0 an empty list would mean all topics."""
    door = desk()
    door.send(ApiKey.METADATA, version, metadata(version, "secret", "other"))
    frame, asked = door.at_broker()
    assert asked.topics == ()
    door.answer(frame)
    answer = door.at_client(ApiKey.METADATA, version)
    assert told(answer) == [("secret", TAF), ("other", TAF)]
    if version == 0:
        assert asked.__version__ == 1


@pytest.mark.parametrize("version", known_versions(ApiKey.METADATA))
def test_denied_topics_are_absent_from_a_list_of_all(version: int) -> None:
    """Trap 5."""
    door = desk()
    everything = () if version == 0 else None
    frame = door.send(ApiKey.METADATA, version, build(request_type(ApiKey.METADATA, version), topics=everything))
    assert door.sent_to_broker == frame
    door.answer(frame, topics=tuple(metadata_topic(version, name) for name in ("open", "secret", "shown")))
    assert told(door.at_client(ApiKey.METADATA, version)) == [("open", NONE), ("shown", NONE)]


@pytest.mark.parametrize("version", range(4, 14))
def test_who_may_not_create_does_not_create_by_naming(version: int) -> None:
    """Traps 3 and 4: the flag is taken away on the way, and seen in the answer."""
    door = desk()
    door.send(ApiKey.METADATA, version, metadata(version, "open", "open.x"))
    frame, asked = door.at_broker()
    assert not asked.allow_auto_topic_creation
    door.answer(frame, topics=(metadata_topic(version, "open.x", UTP), metadata_topic(version, "open")))
    assert told(door.at_client(ApiKey.METADATA, version)) == [("open", NONE), ("open.x", TAF)]


@pytest.mark.parametrize("version", range(4, 14))
def test_a_missing_topic_nobody_wanted_to_create_is_missing(version: int) -> None:
    door = desk()
    frame = door.send(ApiKey.METADATA, version, metadata(version, "open", create=False))
    assert door.sent_to_broker == frame
    door.answer(frame, topics=(metadata_topic(version, "open", UTP),))
    assert told(door.at_client(ApiKey.METADATA, version)) == [("open", UTP)]


@pytest.mark.parametrize("version", known_versions(ApiKey.METADATA))
def test_a_broker_that_creates_nothing_leaves_a_missing_topic_missing(version: int) -> None:
    door = desk()
    door.facts.auto_create_topics = False
    frame = door.send(ApiKey.METADATA, version, metadata(version, "open"))
    assert door.sent_to_broker == frame
    door.answer(frame, topics=(metadata_topic(version, "open", UTP),))
    assert told(door.at_client(ApiKey.METADATA, version)) == [("open", UTP)]


@pytest.mark.parametrize("version", range(4))
def test_the_oldest_metadata_is_looked_up_without_creating(version: int) -> None:
    """Versions 0 to 3 always create, so the broker is asked in version 4 and only what may be created is named."""
    door = desk()
    door.send(ApiKey.METADATA, version, metadata(version, "open", "open.x", "secret"))
    frame, asked = door.at_broker()
    assert (asked.__version__, asked.allow_auto_topic_creation) == (4, False)
    assert [topic.name for topic in asked.topics] == ["open", "open.x"]
    door.answer(frame, topics=(metadata_topic(4, "open"), metadata_topic(4, "open.x", UTP)))
    assert door.at_broker() is None
    assert told(door.at_client(ApiKey.METADATA, version)) == [("open", NONE), ("open.x", TAF), ("secret", TAF)]


@pytest.mark.parametrize("version", known_versions(ApiKey.METADATA))
def test_only_names_that_may_be_created_reach_the_broker_with_the_flag(version: int) -> None:
    door = desk("User:cora")
    door.send(ApiKey.METADATA, version, metadata(version, "open", "gone", "new"))
    probe, asked = door.at_broker()
    assert not asked.allow_auto_topic_creation
    asked_version = asked.__version__
    door.answer(
        probe,
        topics=(
            metadata_topic(asked_version, "open"),
            metadata_topic(asked_version, "gone", UTP),
            metadata_topic(asked_version, "new", UTP),
        ),
    )
    frame, asked = door.at_broker()
    assert [topic.name for topic in asked.topics] == ["new"]
    door.answer(frame, topics=(metadata_topic(version, "new", ErrorCode.leader_not_available),))
    assert told(door.at_client(ApiKey.METADATA, version)) == [
        ("open", NONE),
        ("new", ErrorCode.leader_not_available),
        ("gone", TAF),
    ]


@pytest.mark.parametrize("version", [12, 13])
def test_metadata_by_id_never_tells_a_denied_name(version: int) -> None:
    """Trap 7."""
    door = desk()
    mine, other, ghost = UUID(int=1), UUID(int=2), UUID(int=3)
    request = request_type(ApiKey.METADATA, version)
    topic = item_type(request, "topics")
    door.send(
        ApiKey.METADATA, version, build(request, topics=tuple(build(topic, topic_id=i) for i in (mine, other, ghost)))
    )
    frame, asked = door.at_broker()
    door.answer(
        frame,
        topics=(
            metadata_topic(asked.__version__, "open", topic_id=mine),
            metadata_topic(asked.__version__, "secret", topic_id=other),
        ),
    )
    frame, asked = door.at_broker()
    assert [t.topic_id for t in asked.topics] == [mine]
    door.answer(frame, topics=(metadata_topic(version, "open", topic_id=mine),))
    answer = door.at_client(ApiKey.METADATA, version)
    assert [(t.topic_id, t.name, t.error_code) for t in answer.topics] == [
        (ghost, None, ErrorCode.unknown_topic_id),
        (mine, "open", NONE),
        (other, None, TAF),
    ]


@pytest.mark.parametrize("version", [8, 9, 10])
def test_the_bits_come_from_the_policy(version: int) -> None:
    """Trap 13: an unsecured broker would say that everything is allowed."""
    door = desk()
    request = build(
        request_type(ApiKey.METADATA, version),
        topics=None,
        include_topic_authorized_operations=True,
        include_cluster_authorized_operations=True,
    )
    frame = door.send(ApiKey.METADATA, version, request)
    topic = item_type(response_type(ApiKey.METADATA, version), "topics")
    door.answer(
        frame, topics=(build(topic, name="open", topic_authorized_operations=3576),), cluster_authorized_operations=8096
    )
    answer = door.at_client(ApiKey.METADATA, version)
    assert answer.topics[0].topic_authorized_operations == 1 << 3 | 1 << 4 | 1 << 8
    assert answer.cluster_authorized_operations == 0


# Items of topics: each denied one is answered here, the rest goes on


TOPIC_CUTS = [
    (ApiKey.LIST_OFFSETS, {}),
    (ApiKey.OFFSET_FOR_LEADER_EPOCH, {}),
    (ApiKey.OFFSET_COMMIT, {"group_id": "app"}),
    (ApiKey.OFFSET_DELETE, {"group_id": "app"}),
    (ApiKey.TXN_OFFSET_COMMIT, {"group_id": "app", "transactional_id": "tx"}),
]
TOPIC_CUT_VERSIONS = [
    (api_key, version, values)
    for api_key, values in TOPIC_CUTS
    for version in known_versions(api_key)
    if not (api_key is ApiKey.OFFSET_COMMIT and version >= 10)
]


@pytest.mark.parametrize(("api_key", "version", "values"), TOPIC_CUT_VERSIONS)
def test_allowed_topics_go_on_byte_for_byte(api_key: ApiKey, version: int, values: dict[str, Any]) -> None:
    door = desk()
    frame = door.send(api_key, version, topics=(topic_item(api_key, version, "open"),), **values)
    assert door.sent_to_broker == frame
    assert door.sent_to_client == b""
    raw = door.answer(frame, topics=(answer_item(api_key, version, "open"),))
    assert door.sent_to_client == raw


@pytest.mark.parametrize(("api_key", "version", "values"), TOPIC_CUT_VERSIONS)
def test_denied_topics_are_answered_beside_the_others(api_key: ApiKey, version: int, values: dict[str, Any]) -> None:
    """Before those of the coordinator, where Kafka merges its answer in; else behind them."""
    door = desk()
    names = ("secret", "open", "open.b")
    door.send(api_key, version, topics=tuple(topic_item(api_key, version, name) for name in names), **values)
    frame, asked = door.at_broker()
    assert [getattr(t, "name", None) or t.topic for t in asked.topics] == ["open", "open.b"]
    door.answer(frame, topics=tuple(answer_item(api_key, version, name) for name in ("open", "open.b")))
    answer = door.at_client(api_key, version)
    allowed, denied = [("open", [NONE]), ("open.b", [NONE])], [("secret", [TAF])]
    assert errors(answer.topics) == (denied + allowed if values else allowed + denied)


@pytest.mark.parametrize(("api_key", "version", "values"), TOPIC_CUT_VERSIONS)
def test_with_nothing_left_the_coordinator_is_not_asked(api_key: ApiKey, version: int, values: dict[str, Any]) -> None:
    """Trap 36; OffsetDelete alone asks, since the group's own error takes the place of all (trap 38)."""
    door = desk()
    door.send(api_key, version, topics=(topic_item(api_key, version, "secret"),), **values)
    if api_key is ApiKey.OFFSET_DELETE:
        frame, asked = door.at_broker()
        assert asked.topics == ()
        door.answer(frame)
    assert door.at_broker() is None
    assert errors(door.at_client(api_key, version).topics) == [("secret", [TAF])]


def test_an_error_of_the_group_takes_the_place_of_denied_topics() -> None:
    """Trap 38."""
    door = desk()
    door.send(ApiKey.OFFSET_DELETE, 0, group_id="app", topics=(topic_item(ApiKey.OFFSET_DELETE, 0, "secret"),))
    frame, _ = door.at_broker()
    door.answer(frame, error_code=ErrorCode.group_id_not_found)
    answer = door.at_client(ApiKey.OFFSET_DELETE, 0)
    assert (answer.error_code, answer.topics) == (ErrorCode.group_id_not_found, ())


def test_a_denied_topic_named_twice_is_answered_twice() -> None:
    """Trap 39."""
    door = desk()
    secret = topic_item(ApiKey.LIST_OFFSETS, 7, "secret")
    door.send(ApiKey.LIST_OFFSETS, 7, topics=(secret, secret))
    assert errors(door.at_client(ApiKey.LIST_OFFSETS, 7).topics) == [("secret", [TAF]), ("secret", [TAF])]


# OffsetFetch


def offset_fetch(version: int, *groups: str, topics: tuple[str, ...] | None) -> Any:
    request = request_type(ApiKey.OFFSET_FETCH, version)
    if version < 8:
        topic = item_type(request, "topics")
        wanted = None if topics is None else tuple(build(topic, name=n, partition_indexes=(0,)) for n in topics)
        return build(request, group_id=groups[0], topics=wanted)
    group = item_type(request, "groups")
    topic = item_type(group, "topics")
    wanted = None if topics is None else tuple(build(topic, name=n, partition_indexes=(0,)) for n in topics)
    return build(request, groups=tuple(build(group, group_id=name, topics=wanted) for name in groups))


def fetched(version: int, *names: str) -> tuple[Any, ...]:
    answer = response_type(ApiKey.OFFSET_FETCH, version)
    topic = item_type(item_type(answer, "groups") if version >= 8 else answer, "topics")
    partition = item_type(topic, "partitions")
    return tuple(build(topic, name=n, partitions=(build(partition, committed_offset=4),)) for n in names)


@pytest.mark.parametrize("version", range(8))
@pytest.mark.parametrize("names", [("open", "secret"), ("secret",)])
def test_offset_fetch_asks_the_coordinator_even_with_nothing_left(version: int, names: tuple[str, ...]) -> None:
    """Trap 34: and never for all offsets by accident."""
    door = desk()
    door.send(ApiKey.OFFSET_FETCH, version, offset_fetch(version, "app", topics=names))
    frame, asked = door.at_broker()
    left = [name for name in names if name == "open"]
    assert asked.topics is not None
    assert [topic.name for topic in asked.topics] == left
    door.answer(frame, topics=fetched(version, *left))
    answer = door.at_client(ApiKey.OFFSET_FETCH, version)
    assert errors(answer.topics) == [*((name, [NONE]) for name in left), ("secret", [TAF])]


@pytest.mark.parametrize("version", range(2, 8))
def test_offset_fetch_of_all_hides_denied_topics(version: int) -> None:
    door = desk()
    frame = door.send(ApiKey.OFFSET_FETCH, version, offset_fetch(version, "app", topics=None))
    assert door.sent_to_broker == frame
    door.answer(frame, topics=fetched(version, "secret", "open"))
    assert errors(door.at_client(ApiKey.OFFSET_FETCH, version).topics) == [("open", [NONE])]


@pytest.mark.parametrize("version", [8, 9])
def test_each_group_has_its_own_verdict(version: int) -> None:
    """Trap 35."""
    door = desk()
    door.send(ApiKey.OFFSET_FETCH, version, offset_fetch(version, "other", "app", topics=("secret", "open")))
    frame, asked = door.at_broker()
    assert [group.group_id for group in asked.groups] == ["app"]
    assert [topic.name for topic in asked.groups[0].topics] == ["open"]
    group = item_type(response_type(ApiKey.OFFSET_FETCH, version), "groups")
    door.answer(frame, groups=(build(group, group_id="app", topics=fetched(version, "open")),))
    answer = door.at_client(ApiKey.OFFSET_FETCH, version)
    assert [(g.group_id, g.error_code) for g in answer.groups] == [("other", GAF), ("app", NONE)]
    assert errors(answer.groups[1].topics) == [("open", [NONE]), ("secret", [TAF])]


@pytest.mark.parametrize("version", [8, 9])
def test_a_group_error_of_the_coordinator_hides_denied_topics(version: int) -> None:
    door = desk()
    door.send(ApiKey.OFFSET_FETCH, version, offset_fetch(version, "app", topics=("secret",)))
    frame, _ = door.at_broker()
    group = item_type(response_type(ApiKey.OFFSET_FETCH, version), "groups")
    door.answer(frame, groups=(build(group, group_id="app", error_code=ErrorCode.not_coordinator),))
    (answered,) = door.at_client(ApiKey.OFFSET_FETCH, version).groups
    assert (answered.error_code, answered.topics) == (ErrorCode.not_coordinator, ())


@pytest.mark.parametrize("version", range(8))
def test_a_denied_group_is_told_where_its_version_tells_it(version: int) -> None:
    door = desk()
    door.send(ApiKey.OFFSET_FETCH, version, offset_fetch(version, "other", topics=("open",)))
    answer = door.at_client(ApiKey.OFFSET_FETCH, version)
    if version < 2:
        assert errors(answer.topics) == [("open", [GAF])]
        assert answer.topics[0].partitions[0].committed_offset == -1
    else:
        assert (answer.error_code, answer.topics) == (GAF, ())


# Groups


@pytest.mark.parametrize("api_key", [ApiKey.JOIN_GROUP, ApiKey.SYNC_GROUP, ApiKey.HEARTBEAT, ApiKey.LEAVE_GROUP])
def test_a_denied_group_gets_its_error_at_the_top(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        door = desk()
        door.send(api_key, version, group_id="other", member_id="me", protocol_type="consumer", protocol_name="range")
        answer = door.at_client(api_key, version)
        assert answer.error_code == GAF
        assert getattr(answer, "member_id", "") == ""
        assert door.sent_to_broker == b""


def test_sync_group_without_a_protocol_is_inconsistent_before_it_is_denied() -> None:
    """Trap 42."""
    door = desk()
    door.send(ApiKey.SYNC_GROUP, 5, group_id="other")
    assert door.at_client(ApiKey.SYNC_GROUP, 5).error_code == ErrorCode.inconsistent_group_protocol


@pytest.mark.parametrize("version", known_versions(ApiKey.DESCRIBE_GROUPS))
def test_described_groups_stand_behind_denied_ones(version: int) -> None:
    """Trap 40."""
    door = desk()
    door.send(ApiKey.DESCRIBE_GROUPS, version, groups=("app", "other", "other"))
    frame, asked = door.at_broker()
    assert asked.groups == ("app",)
    group = item_type(response_type(ApiKey.DESCRIBE_GROUPS, version), "groups")
    door.answer(frame, groups=(build(group, group_id="app", group_state="Stable"),))
    answer = door.at_client(ApiKey.DESCRIBE_GROUPS, version)
    assert [(g.group_id, g.error_code) for g in answer.groups] == [("other", GAF), ("other", GAF), ("app", NONE)]


@pytest.mark.parametrize("version", known_versions(ApiKey.LIST_GROUPS))
def test_groups_are_listed_as_far_as_they_may_be_described(version: int) -> None:
    door = desk()
    frame = door.send(ApiKey.LIST_GROUPS, version)
    assert door.sent_to_broker == frame
    group = item_type(response_type(ApiKey.LIST_GROUPS, version), "groups")
    door.answer(frame, groups=tuple(build(group, group_id=name) for name in ("other", "app")))
    answer = door.at_client(ApiKey.LIST_GROUPS, version)
    assert (answer.error_code, [g.group_id for g in answer.groups]) == (NONE, ["app"])


@pytest.mark.parametrize("version", known_versions(ApiKey.DELETE_GROUPS))
def test_a_denied_group_named_twice_is_deleted_once(version: int) -> None:
    """Trap 40: the answer has it once."""
    door = desk()
    door.send(ApiKey.DELETE_GROUPS, version, groups_names=("other", "app", "other"))
    frame, asked = door.at_broker()
    assert asked.groups_names == ("app",)
    result = item_type(response_type(ApiKey.DELETE_GROUPS, version), "results")
    door.answer(frame, results=(build(result, group_id="app"),))
    answer = door.at_client(ApiKey.DELETE_GROUPS, version)
    assert [(r.group_id, r.error_code) for r in answer.results] == [("app", NONE), ("other", GAF)]


@pytest.mark.parametrize("version", known_versions(ApiKey.CONSUMER_GROUP_HEARTBEAT))
def test_one_denied_topic_refuses_the_whole_heartbeat(version: int) -> None:
    """Trap 43."""
    door = desk()
    door.send(ApiKey.CONSUMER_GROUP_HEARTBEAT, version, group_id="app", subscribed_topic_names=("open", "secret"))
    answer = door.at_client(ApiKey.CONSUMER_GROUP_HEARTBEAT, version)
    assert (answer.error_code, answer.error_message, answer.member_id, answer.assignment) == (TAF, None, None, None)
    assert door.sent_to_broker == b""


@pytest.mark.parametrize(("topics", "served"), [(("open", "shown"), True), (("open", "secret"), False)])
def test_a_pattern_is_served_to_those_who_may_see_every_topic(topics: tuple[str, ...], served: bool) -> None:
    """Trap 43: the unsecured coordinator would match topics that the member may not know of."""
    door = desk()
    sent = door.send(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, group_id="app", subscribed_topic_regex="o.*")
    question, asked = door.at_broker()
    assert (asked.topics, asked.allow_auto_topic_creation) == (None, False)
    door.answer(question, topics=tuple(metadata_topic(asked.__version__, name) for name in topics))
    if served:
        frame, _ = door.at_broker()
        assert frame == sent
    else:
        assert door.at_client(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1).error_code == TAF
        assert door.at_broker() is None


@pytest.mark.parametrize("version", known_versions(ApiKey.CONSUMER_GROUP_DESCRIBE))
def test_a_group_that_consumes_a_denied_topic_is_hidden_whole(version: int) -> None:
    """Trap 44."""
    door = desk()
    frame = door.send(ApiKey.CONSUMER_GROUP_DESCRIBE, version, group_ids=("app",))
    group = item_type(response_type(ApiKey.CONSUMER_GROUP_DESCRIBE, version), "groups")
    member = item_type(group, "members")
    assignment = item_type(member, "assignment")
    topic = item_type(assignment, "topic_partitions")
    secret = build(assignment, topic_partitions=(build(topic, topic_name="secret"),))
    door.answer(frame, groups=(build(group, group_id="app", members=(build(member, target_assignment=secret),)),))
    (answered,) = door.at_client(ApiKey.CONSUMER_GROUP_DESCRIBE, version).groups
    assert (answered.error_code, answered.members) == (TAF, ())
    assert "not authorized to describe" in answered.error_message


# Coordinators


@pytest.mark.parametrize("version", range(4))
def test_find_coordinator_denies_with_its_sentence(version: int) -> None:
    door = desk()
    door.send(ApiKey.FIND_COORDINATOR, version, key="other")
    answer = door.at_client(ApiKey.FIND_COORDINATOR, version)
    assert (answer.error_code, answer.node_id, answer.host, answer.port) == (GAF, -1, "", -1)
    if version >= 1:
        assert answer.error_message == "Group authorization failed."


@pytest.mark.parametrize("version", [4, 5, 6])
def test_coordinators_are_answered_in_the_order_of_the_keys(version: int) -> None:
    """Trap 11."""
    door = desk()
    door.send(ApiKey.FIND_COORDINATOR, version, coordinator_keys=("a", "app", "b"))
    frame, asked = door.at_broker()
    assert asked.coordinator_keys == ("app",)
    entry = item_type(response_type(ApiKey.FIND_COORDINATOR, version), "coordinators")
    door.answer(frame, coordinators=(build(entry, key="app", node_id=1, host="10.9.9.9", port=9092),))
    answer = door.at_client(ApiKey.FIND_COORDINATOR, version)
    assert [(c.key, c.error_code, c.error_message, c.port) for c in answer.coordinators] == [
        ("a", GAF, "", -1),
        ("app", NONE, None, 9101),
        ("b", GAF, "", -1),
    ]


@pytest.mark.parametrize(("version", "key_type"), [(1, 2), (5, 2), (3, 9), (6, 9)])
def test_key_types_of_no_version_are_invalid(version: int, key_type: int) -> None:
    door = desk("User:admin")
    door.send(ApiKey.FIND_COORDINATOR, version, key="x", coordinator_keys=("x",), key_type=key_type)
    answer = door.at_client(ApiKey.FIND_COORDINATOR, version)
    found = answer if version < 4 else answer.coordinators[0]
    assert found.error_code == ErrorCode.invalid_request


# Producers and transactions


@pytest.mark.parametrize("version", known_versions(ApiKey.INIT_PRODUCER_ID))
@pytest.mark.parametrize(
    ("principal", "transactional_id", "error"),
    [
        ("User:alice", "tx", NONE),
        ("User:alice", "other", XAF),
        ("User:alice", None, NONE),
        ("User:dora", None, CAF),
        ("User:alice", "", XAF),
    ],
)
def test_who_gets_a_producer_id(version: int, principal: str, transactional_id: str | None, error: ErrorCode) -> None:
    """Trap 22: without a transactional id the denial is the cluster's."""
    door = desk(principal)
    frame = door.send(ApiKey.INIT_PRODUCER_ID, version, transactional_id=transactional_id)
    if error == NONE:
        assert door.sent_to_broker == frame
        return
    answer = door.at_client(ApiKey.INIT_PRODUCER_ID, version)
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (error, -1, -1)


@pytest.mark.parametrize("version", range(4))
def test_one_denied_topic_adds_nothing_to_the_transaction(version: int) -> None:
    """Traps 18 and 19."""
    door = desk()
    names = ("open", "secret", "open.gone", "__consumer_offsets")
    topic = item_type(request_type(ApiKey.ADD_PARTITIONS_TO_TXN, version), "v3_and_below_topics")
    door.send(
        ApiKey.ADD_PARTITIONS_TO_TXN,
        version,
        v3_and_below_transactional_id="tx",
        v3_and_below_topics=tuple(build(topic, name=name, partitions=(0,)) for name in names),
    )
    question, asked = door.at_broker()
    assert [t.name for t in asked.topics] == ["open", "open.gone"]
    partitions = (build(item_type(type(metadata_topic(4, "open")), "partitions"), partition_index=0),)
    existing = replace(metadata_topic(4, "open"), partitions=partitions)
    door.answer(question, topics=(existing, metadata_topic(4, "open.gone", UTP)))
    assert door.at_broker() is None
    answer = door.at_client(ApiKey.ADD_PARTITIONS_TO_TXN, version)
    results = {t.name: t.results_by_partition[0].partition_error_code for t in answer.results_by_topic_v3_and_below}
    assert results == {
        "open": ErrorCode.operation_not_attempted,
        "secret": TAF,
        "open.gone": UTP,
        "__consumer_offsets": TAF,
    }


@pytest.mark.parametrize("version", range(3, 13))
def test_a_transactional_produce_needs_its_transactional_id(version: int) -> None:
    """Traps 15 to 17: it is the flag of the batch that asks, and the denial is for all partitions."""
    records = bytearray(61)
    records[8:12] = (49).to_bytes(4, "big")
    records[16] = 2
    records[22] = 0x10
    request = request_type(ApiKey.PRODUCE, version)
    topic = item_type(request, "topic_data")
    partition = item_type(topic, "partition_data")
    data = tuple(
        build(topic, name=name, partition_data=(build(partition, index=0, records=bytes(records)),))
        for name in ("open", "secret")
    )
    for transactional_id in (None, "other"):
        door = desk()
        door.send(ApiKey.PRODUCE, version, acks=-1, transactional_id=transactional_id, topic_data=data)
        answer = door.at_client(ApiKey.PRODUCE, version)
        assert [(t.name, t.partition_responses[0].error_code) for t in answer.responses] == [
            ("open", XAF),
            ("secret", XAF),
        ]
        assert door.sent_to_broker == b""


# Topics


@pytest.mark.parametrize("version", known_versions(ApiKey.CREATE_TOPICS))
def test_create_topics_cuts_denied_and_duplicate_names(version: int) -> None:
    door = desk("User:cora")
    topic = item_type(request_type(ApiKey.CREATE_TOPICS, version), "topics")
    door.send(ApiKey.CREATE_TOPICS, version, topics=tuple(build(topic, name=n) for n in ("new", "x", "twice", "twice")))
    frame, asked = door.at_broker()
    assert [t.name for t in asked.topics] == ["new"]
    result = item_type(response_type(ApiKey.CREATE_TOPICS, version), "topics")
    setting = build(item_type(result, "configs"), name="a", value="b") if version >= 5 else None
    door.answer(frame, topics=(build(result, name="new", num_partitions=3, replication_factor=1, configs=(setting,)),))
    answer = door.at_client(ApiKey.CREATE_TOPICS, version)
    assert [(t.name, t.error_code) for t in answer.topics] == [
        ("new", NONE),
        ("twice", ErrorCode.invalid_request),
        ("x", TAF),
    ]
    if version >= 1:
        assert answer.topics[2].error_message == "Authorization failed."
    if version >= 5:
        """Trap 46: without DescribeConfigs the configuration of the new topic is not told."""
        assert (answer.topics[0].num_partitions, answer.topics[0].configs) == (-1, ())
        assert answer.topics[0].topic_config_error_code == TAF.value


def test_rights_on_the_cluster_override_what_is_denied_on_topics() -> None:
    """Trap 47."""
    door = desk("User:carl")
    topic = item_type(request_type(ApiKey.CREATE_TOPICS, 5), "topics")
    frame = door.send(ApiKey.CREATE_TOPICS, 5, topics=(build(topic, name="any"),))
    assert door.sent_to_broker == frame
    door.answer(frame)
    door.send(ApiKey.DELETE_TOPICS, 5, topic_names=("any",))
    door.at_broker()
    _, asked = door.at_broker()
    assert asked.topic_names == ("any",)


@pytest.mark.parametrize("version", known_versions(ApiKey.DELETE_TOPICS))
def test_a_topic_is_missing_only_to_those_who_may_describe_it(version: int) -> None:
    """Trap 48."""
    door = desk()
    request = request_type(ApiKey.DELETE_TOPICS, version)
    names = ("shown", "secret", "open", "secret.twice", "secret.twice")
    if version >= 6:
        state = item_type(request, "topics")
        door.send(ApiKey.DELETE_TOPICS, version, topics=tuple(build(state, name=n) for n in names))
    else:
        door.send(ApiKey.DELETE_TOPICS, version, topic_names=names)
    question, asked = door.at_broker()
    assert [t.name for t in asked.topics] == ["shown", "open"]
    door.answer(question, topics=(metadata_topic(4, "shown", UTP), metadata_topic(4, "open")))
    assert door.at_broker() is None
    answer = door.at_client(ApiKey.DELETE_TOPICS, version)
    assert {t.name: t.error_code for t in answer.responses} == {
        "shown": UTP,
        "open": TAF,
        "secret": TAF,
        "secret.twice": ErrorCode.invalid_request,
    }
    assert len(answer.responses) == 4


def test_who_may_delete_but_not_describe_deletes_by_id_alone() -> None:
    """Trap 48."""
    door = desk("User:dora")
    hidden = UUID(int=5)
    door.facts.topic_ids._names[hidden] = "open"
    state = item_type(request_type(ApiKey.DELETE_TOPICS, 6), "topics")
    door.send(ApiKey.DELETE_TOPICS, 6, topics=(build(state, name="open"), build(state, topic_id=hidden)))
    _, asked = door.at_broker()
    assert [(t.name, t.topic_id) for t in asked.topics] == [(None, hidden)]


@pytest.mark.parametrize("version", known_versions(ApiKey.CREATE_PARTITIONS))
def test_create_partitions_tells_nothing_about_existence(version: int) -> None:
    """Trap 50."""
    door = desk()
    topic = item_type(request_type(ApiKey.CREATE_PARTITIONS, version), "topics")
    door.send(ApiKey.CREATE_PARTITIONS, version, topics=(build(topic, name="open"), build(topic, name="gone")))
    answer = door.at_client(ApiKey.CREATE_PARTITIONS, version)
    assert [(r.name, r.error_code, r.error_message) for r in answer.results] == [
        ("open", TAF, None),
        ("gone", TAF, None),
    ]


# Configurations


@pytest.mark.parametrize("version", known_versions(ApiKey.DESCRIBE_CONFIGS))
def test_one_unknown_type_makes_the_whole_request_invalid(version: int) -> None:
    """Trap 52."""
    door = desk("User:admin")
    resource = item_type(request_type(ApiKey.DESCRIBE_CONFIGS, version), "resources")
    door.send(
        ApiKey.DESCRIBE_CONFIGS,
        version,
        resources=(build(resource, resource_type=2, resource_name="open"), build(resource, resource_type=3)),
    )
    answer = door.at_client(ApiKey.DESCRIBE_CONFIGS, version)
    assert [r.error_code for r in answer.results] == [ErrorCode.invalid_request] * 2


@pytest.mark.parametrize("api_key", [ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS])
def test_altered_configs_are_answered_in_the_order_of_the_request(api_key: ApiKey) -> None:
    policy = POLICY + "  - {name: configs, principals: [User:alice], allow: [AlterConfigs], topics: [open]}\n"
    for version in known_versions(api_key):
        door = Desk(policy=Policy(policy))
        resource = item_type(request_type(api_key, version), "resources")
        kinds = [(4, "1"), (2, "open"), (2, "secret"), (32, "g")]
        door.send(
            api_key, version, resources=tuple(build(resource, resource_type=k, resource_name=n) for k, n in kinds)
        )
        frame, asked = door.at_broker()
        assert [r.resource_name for r in asked.resources] == ["open"]
        entry = item_type(response_type(api_key, version), "responses")
        door.answer(frame, responses=(build(entry, resource_type=2, resource_name="open"),))
        answer = door.at_client(api_key, version)
        assert [(r.resource_name, r.error_code) for r in answer.responses] == [
            ("1", CAF),
            ("open", NONE),
            ("secret", TAF),
            ("g", GAF),
        ]


@pytest.mark.parametrize("version", known_versions(ApiKey.DESCRIBE_CONFIGS))
def test_a_brokers_addresses_are_not_told_by_its_settings(version: int) -> None:
    door = desk("User:admin")
    resource = item_type(request_type(ApiKey.DESCRIBE_CONFIGS, version), "resources")
    frame = door.send(
        ApiKey.DESCRIBE_CONFIGS, version, resources=(build(resource, resource_type=4, resource_name="1"),)
    )
    result = item_type(response_type(ApiKey.DESCRIBE_CONFIGS, version), "results")
    setting = item_type(result, "configs")
    synonyms = (build(item_type(setting, "synonyms"), name="listeners", value="10.9.9.9"),) if version else ()
    configs = (
        build(setting, name="advertised.listeners", value="PLAINTEXT://10.9.9.9:9092"),
        build(setting, name="listeners", value="10.9.9.9", synonyms=synonyms),
        build(setting, name="log.dirs", value="/logs"),
    )
    door.answer(frame, results=(build(result, resource_type=4, resource_name="1", configs=configs),))
    assert b"10.9.9.9" not in door.sent_to_client
    (answered,) = door.at_client(ApiKey.DESCRIBE_CONFIGS, version).results
    assert [(c.name, c.value) for c in answered.configs] == [
        ("advertised.listeners", None),
        ("listeners", None),
        ("log.dirs", "/logs"),
    ]


# DescribeTopicPartitions


def test_pages_of_all_topics_are_counted_after_the_filter() -> None:
    """Trap 9."""
    door = desk()
    door.send(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0, response_partition_limit=1)
    question, asked = door.at_broker()
    door.answer(question, topics=tuple(metadata_topic(asked.__version__, n) for n in ("secret", "shown", "open")))
    _, asked = door.at_broker()
    assert [t.name for t in asked.topics] == ["open", "shown"]
    assert asked.response_partition_limit == 1


def test_a_list_of_all_topics_that_fails_as_a_whole_names_none() -> None:
    """Nobody asked for them by name."""
    door = desk()
    door.send(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0)
    question, asked = door.at_broker()
    door.answer(question, topics=tuple(metadata_topic(asked.__version__, n) for n in ("secret", "open")))
    frame, _ = door.at_broker()
    answered = item_type(response_type(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0), "topics")
    door.answer(frame, topics=(build(answered, name="open", error_code=ErrorCode.unknown_server_error),))
    assert door.at_client(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0).topics == ()


def test_names_below_the_cursor_are_not_answered() -> None:
    """Trap 10."""
    door = desk()
    request = request_type(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0)
    topic, cursor = item_type(request, "topics"), item_type(request, "cursor")
    door.send(
        ApiKey.DESCRIBE_TOPIC_PARTITIONS,
        0,
        topics=tuple(build(topic, name=n) for n in ("a-secret", "open", "z-secret")),
        cursor=build(cursor, topic_name="open"),
    )
    frame, asked = door.at_broker()
    assert [t.name for t in asked.topics] == ["open"]
    answered = item_type(response_type(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0), "topics")
    door.answer(frame, topics=(build(answered, name="open", topic_authorized_operations=3576),))
    answer = door.at_client(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0)
    assert told(answer) == [("open", NONE), ("z-secret", TAF)]
    # Always filled in, and from the policy: Read, Write, Describe.
    assert [topic.topic_authorized_operations for topic in answer.topics] == [0b100011000, -(2**31)]


# The cluster


@pytest.mark.parametrize("version", known_versions(ApiKey.DESCRIBE_CLUSTER))
def test_the_brokers_are_no_secret_but_their_addresses_are(version: int) -> None:
    """Trap 12."""
    door = desk("User:nobody")
    frame = door.send(ApiKey.DESCRIBE_CLUSTER, version, include_cluster_authorized_operations=True)
    broker = item_type(response_type(ApiKey.DESCRIBE_CLUSTER, version), "brokers")
    door.answer(
        frame,
        cluster_id="c",
        cluster_authorized_operations=8096,
        brokers=(build(broker, broker_id=1, host="10.9.9.9", port=9092),),
    )
    answer = door.at_client(ApiKey.DESCRIBE_CLUSTER, version)
    assert [(b.broker_id, b.host, b.port) for b in answer.brokers] == [(1, "kafka.example.com", 9101)]
    assert answer.cluster_authorized_operations == 0
