"""More of the traps of cutting and merging, by the number that the authorization notes give them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, has_field, item_type
from tests.enforcement.support import (
    CAF,
    GAF,
    IR,
    NONE,
    TAF,
    UTI,
    UTP,
    Broker,
    answered,
    naming,
    run,
    topic_id,
)

NOT_ASKED = -(2**31)
DESCRIBE, READ_WRITE_DESCRIBE = 1 << 8, 1 << 3 | 1 << 4 | 1 << 8
BITS_POLICY = """
policies:
  - {name: rw, principals: [User:bits], allow: [Read, Write], topics: [open*]}
  - {name: shown, principals: [User:bits], allow: [Describe], topics: [shown*, __consumer_offsets]}
  - {name: creates, principals: [User:bits], allow: [Create], topics: [open.new]}
  - {name: cluster, principals: [User:bits], allow: [Describe], cluster: true}
"""


def metadata(version: int, *names: str | None, ids: tuple[UUID, ...] = (), **values: Any) -> Any:
    """A Metadata request by names, then by ids."""
    request = request_type(ApiKey.METADATA, version)
    topic = item_type(request, "topics")
    topics = (*(build(topic, name=name) for name in names), *(build(topic, topic_id=found) for found in ids))
    return build(request, topics=topics, **{"allow_auto_topic_creation": True} | values)


def told(answer: Any) -> dict[Any, ErrorCode]:
    return {topic.name or topic.topic_id: topic.error_code for topic in answer.topics}


# Metadata and discovery


@pytest.mark.parametrize("version", range(1, 14))
def test_trap_02_an_empty_list_means_no_topics_and_is_passed_on(version: int) -> None:
    outcome = run(ApiKey.METADATA, version, metadata(version))
    assert outcome.forwarded == outcome.frame
    assert outcome.answer.topics == ()


@pytest.mark.parametrize("version", known_versions(ApiKey.METADATA))
def test_trap_03_a_name_without_describe_never_reaches_the_broker(version: int) -> None:
    outcome = run(ApiKey.METADATA, version, metadata(version, "secret.new", "open"))
    assert b"secret" not in (outcome.forwarded or b"")
    assert not any("secret" in str(question) for question in outcome.questions)
    assert told(outcome.answer) == {"open": NONE, "secret.new": TAF}


@pytest.mark.parametrize("version", range(4))
def test_trap_03_a_broker_before_the_flag_is_asked_for_the_list_of_all(version: int) -> None:
    """Brokers before 0.11 create whatever they are asked for by name, even what was deleted a moment ago."""
    old = Broker(versions={ApiKey.METADATA: range(version + 1)})
    outcome = run(ApiKey.METADATA, version, metadata(version, "shown", "shown.new"), broker=old)
    assert [question.topics for question in outcome.questions] == [None if version else ()]
    assert outcome.forwarded is None
    assert told(outcome.answer) == {"shown": NONE, "shown.new": TAF}
    mixed = run(ApiKey.METADATA, version, metadata(version, "shown", "shown.new", "open.new"), broker=old)
    assert [topic.name for topic in mixed.asked.topics] == ["open.new"]
    assert told(mixed.answer) == {"shown": NONE, "open.new": UTP, "shown.new": TAF}


@pytest.mark.parametrize("version", range(1, 14))
@pytest.mark.parametrize("name", ["__consumer_offsets", "shown.new"])
def test_trap_06_only_a_denial_to_create_tells_whether_a_topic_is_internal(version: int, name: str) -> None:
    outcome = run(ApiKey.METADATA, version, metadata(version, name), policy=BITS_POLICY, principal="User:bits")
    assert [(t.error_code, t.is_internal) for t in outcome.answer.topics] == [(TAF, name.startswith("__"))]
    denied = run(ApiKey.METADATA, version, metadata(version, name), principal="User:nobody")
    assert [(t.error_code, t.is_internal) for t in denied.answer.topics] == [(TAF, False)]


@pytest.mark.parametrize("version", [12, 13])
def test_trap_07_beside_an_id_a_name_is_not_answered(version: int) -> None:
    request = metadata(version, "open.new", ids=(topic_id("open"), topic_id("secret"), topic_id("ghost")))
    outcome = run(ApiKey.METADATA, version, request)
    assert [topic.topic_id for topic in outcome.asked.topics] == [topic_id("open")]
    assert b"secret" not in (outcome.forwarded or b"")
    assert told(outcome.answer) == {topic_id("ghost"): UTI, "open": NONE, topic_id("secret"): TAF}


@pytest.mark.parametrize("version", range(10, 14))
def test_trap_08_neither_name_nor_id_is_an_invalid_request(version: int) -> None:
    outcome = run(ApiKey.METADATA, version, metadata(version, None))
    assert outcome.forwarded is None
    assert [topic.error_code for topic in outcome.answer.topics] == [IR]


@pytest.mark.parametrize("version", [10, 11])
def test_trap_08_ids_were_no_use_before_version_12(version: int) -> None:
    outcome = run(ApiKey.METADATA, version, metadata(version, ids=(topic_id("open"),)))
    assert outcome.forwarded is None
    assert [topic.error_code for topic in outcome.answer.topics] == [IR]


@pytest.mark.parametrize("version", range(8, 14))
@pytest.mark.parametrize("names", [("open", "open.gone"), ("open", "open.gone", "shown.gone"), ("open", "open.new")])
def test_trap_13_a_missing_topic_has_bits_and_a_denied_one_has_none(version: int, names: tuple[str, ...]) -> None:
    flags: dict[str, Any] = {"include_topic_authorized_operations": True, "include_cluster_authorized_operations": True}
    request = metadata(version, *names, "secret", **flags)
    outcome = run(ApiKey.METADATA, version, request, policy=BITS_POLICY, principal="User:bits")
    found = {t.name: (t.error_code, t.topic_authorized_operations) for t in outcome.answer.topics}
    created = READ_WRITE_DESCRIBE | 1 << 5
    expected = {
        "open": (NONE, READ_WRITE_DESCRIBE),
        "open.gone": (TAF, NOT_ASKED),
        "shown.gone": (TAF, NOT_ASKED),
        "open.new": (UTP, created),
        "secret": (TAF, NOT_ASKED),
    }
    assert found == {name: expected[name] for name in (*names, "secret")}
    if version <= 10:
        assert outcome.answer.cluster_authorized_operations == DESCRIBE


@pytest.mark.parametrize("version", range(8, 14))
def test_trap_13_a_topic_nobody_wants_created_is_missing_with_its_bits(version: int) -> None:
    flags: dict[str, Any] = {"include_topic_authorized_operations": True, "allow_auto_topic_creation": False}
    outcome = run(ApiKey.METADATA, version, metadata(version, "shown.gone", **flags))
    (found,) = outcome.answer.topics
    assert (found.error_code, found.topic_authorized_operations) == (UTP, DESCRIBE)


def test_trap_13_pages_of_topics_always_have_bits() -> None:
    key = ApiKey.DESCRIBE_TOPIC_PARTITIONS
    topic = item_type(response_type(key, 0), "topics")
    page = build(
        response_type(key, 0),
        topics=(
            build(topic, name="open.gone", error_code=UTP, topic_authorized_operations=3576),
            build(topic, name="shown", topic_authorized_operations=3576),
        ),
    )
    request = naming(key, 0, "open.gone", "shown", "secret")
    outcome = run(key, 0, request, served=page, policy=BITS_POLICY, principal="User:bits")
    assert [(t.name, t.topic_authorized_operations) for t in outcome.answer.topics] == [
        ("open.gone", READ_WRITE_DESCRIBE),
        ("shown", DESCRIBE),
        ("secret", NOT_ASKED),
    ]


def test_trap_13_a_page_that_failed_as_a_whole_has_no_bits_and_no_denials() -> None:
    """As a broker does where a topic has no name."""
    key, failed = ApiKey.DESCRIBE_TOPIC_PARTITIONS, ErrorCode.unknown_server_error
    topic = item_type(response_type(key, 0), "topics")
    page = build(response_type(key, 0), topics=tuple(build(topic, name=n, error_code=failed) for n in ("", "open")))
    policy = """
policies:
  - {name: all, principals: [User:bits], allow: [Describe], topics: ["*"]}
  - {name: but, principals: [User:bits], deny: [Describe], topics: [secret]}
"""
    names = ["secret", "open", "", "open"]
    outcome = run(key, 0, naming(key, 0, *names), served=page, policy=policy, principal="User:bits")
    answered = [(t.name, t.error_code, t.topic_authorized_operations) for t in outcome.answer.topics]
    assert answered == [(name, failed, NOT_ASKED) for name in names]


@pytest.mark.parametrize("version", range(3, 7))
def test_trap_13_the_bits_of_groups_come_from_the_policy(version: int) -> None:
    """And what an older broker does not know of is not claimed: 328 is Read, Delete and Describe."""
    key = ApiKey.DESCRIBE_GROUPS
    group = item_type(response_type(key, version), "groups")
    served = build(
        response_type(key, version),
        groups=(
            build(group, group_id="open", authorized_operations=328),
            build(
                group, group_id="open.gone", error_code=ErrorCode.group_id_not_found, authorized_operations=NOT_ASKED
            ),
        ),
    )
    request = naming(key, version, "open", "open.gone", "other", include_authorized_operations=True)
    outcome = run(key, version, request, served=served)
    assert [(g.group_id, g.authorized_operations) for g in outcome.answer.groups] == [
        ("other", NOT_ASKED),
        ("open", 328),
        ("open.gone", NOT_ASKED),
    ]


# Offsets and groups


@pytest.mark.parametrize("version", [8, 9, 10])
def test_trap_34_an_empty_rest_is_never_all_offsets(version: int) -> None:
    outcome = run(ApiKey.OFFSET_FETCH, version, naming(ApiKey.OFFSET_FETCH, version, "secret"))
    assert [group.topics for group in outcome.asked.groups] == [()]


def offsets_of_all(version: int, *groups: str) -> Any:
    request = request_type(ApiKey.OFFSET_FETCH, version)
    group = item_type(request, "groups")
    return build(request, groups=tuple(build(group, group_id=name, topics=None) for name in groups))


def offsets(version: int, **topics: tuple[str, ...]) -> Any:
    """The coordinator's answer: offsets of some topics for each group."""
    answer = response_type(ApiKey.OFFSET_FETCH, version)
    group = item_type(answer, "groups")
    topic = item_type(group, "topics")
    named = "topic_id" if version >= 10 else "name"
    return build(
        answer,
        groups=tuple(
            build(
                group,
                group_id=name.replace("_", "."),
                topics=tuple(build(topic, **{named: topic_id(t) if version >= 10 else t}) for t in found),
            )
            for name, found in topics.items()
        ),
    )


@pytest.mark.parametrize("version", [8, 9, 10])
def test_all_offsets_of_a_group_are_those_of_topics_that_may_be_described(version: int) -> None:
    served = offsets(version, open=("secret", "open", "shown"))
    outcome = run(ApiKey.OFFSET_FETCH, version, offsets_of_all(version, "open"), served=served)
    assert outcome.forwarded == outcome.frame
    shown = [getattr(t, "name", None) or t.topic_id for t in outcome.answer.groups[0].topics]
    assert shown == [topic_id(name) if version >= 10 else name for name in ("open", "shown")]


@pytest.mark.parametrize("version", [8, 9, 10])
def test_trap_35_an_entry_belongs_to_its_group_in_whatever_order_it_comes(version: int) -> None:
    """Brokers 3.0 to 3.2 answered groups in no order."""
    group = item_type(request_type(ApiKey.OFFSET_FETCH, version), "groups")
    topic = item_type(group, "topics")
    named = {"topic_id": topic_id("secret")} if version >= 10 else {"name": "secret"}
    request = build(
        request_type(ApiKey.OFFSET_FETCH, version),
        groups=(
            build(group, group_id="open.a", topics=None),
            build(group, group_id="other", topics=None),
            build(group, group_id="open.b", topics=(build(topic, **named, partition_indexes=(0,)),)),
        ),
    )
    served = offsets(version, open_b=(), open_a=("secret", "open"))
    answer = run(ApiKey.OFFSET_FETCH, version, request, served=served).answer
    assert [(g.group_id, g.error_code, len(g.topics)) for g in answer.groups] == [
        ("open.a", NONE, 1),
        ("other", GAF, 0),
        ("open.b", NONE, 1),
    ]
    assert answer.groups[2].topics[0].partitions[0].error_code == TAF


@pytest.mark.parametrize("version", [8, 9, 10])
def test_a_group_that_stands_twice_is_answered_twice(version: int) -> None:
    request = offsets_of_all(version, "open", "other", "open")
    for served in (offsets(version, open=("secret", "open")), None):
        answer = run(ApiKey.OFFSET_FETCH, version, request, served=served).answer
        assert [group.group_id for group in answer.groups] == ["open", "other", "open"]


@pytest.mark.parametrize("api_key", [ApiKey.OFFSET_COMMIT, ApiKey.TXN_OFFSET_COMMIT])
def test_trap_37_a_coordinator_that_moved_says_so_for_its_own_partitions_only(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        request = naming(api_key, version, "secret", "open")
        done = run(api_key, version, naming(api_key, version, "open")).answer
        topic = done.topics[0]
        partition = replace(topic.partitions[0], error_code=ErrorCode.not_coordinator)
        moved = replace(done, topics=(replace(topic, partitions=(partition,)),))
        errors = [error for _, error in answered(api_key, run(api_key, version, request, served=moved).answer)]
        assert errors == [TAF, ErrorCode.not_coordinator]


@pytest.mark.parametrize("version", known_versions(ApiKey.LIST_OFFSETS))
def test_trap_39_an_allowed_topic_that_stands_twice_is_the_brokers_to_judge(version: int) -> None:
    outcome = run(ApiKey.LIST_OFFSETS, version, naming(ApiKey.LIST_OFFSETS, version, "open", "secret", "open"))
    assert [topic.name for topic in outcome.asked.topics] == ["open", "open"]


@pytest.mark.parametrize("version", known_versions(ApiKey.OFFSET_FOR_LEADER_EPOCH))
def test_brokers_may_ask_for_the_epochs_of_every_topic(version: int) -> None:
    policy = "policies: [{name: b, principals: [User:b], allow: [ClusterAction], cluster: true}]"
    key = ApiKey.OFFSET_FOR_LEADER_EPOCH
    outcome = run(key, version, naming(key, version, "secret"), principal="User:b", policy=policy)
    assert outcome.forwarded == outcome.frame
    assert outcome.checked == []


@pytest.mark.parametrize("version", known_versions(ApiKey.JOIN_GROUP))
def test_trap_42_a_denied_member_is_not_echoed(version: int) -> None:
    request = naming(ApiKey.JOIN_GROUP, version, group="other", member_id="m")
    answer = run(ApiKey.JOIN_GROUP, version, request).answer
    assert (answer.error_code, answer.generation_id, answer.leader, answer.member_id) == (GAF, -1, "", "")
    assert answer.protocol_name == (None if version >= 7 else "")
    assert answer.members == ()


@pytest.mark.parametrize(("principal", "names", "error"), [("User:nobody", ("secret",), GAF), ("User:alice", (), NONE)])
def test_a_heartbeat_needs_its_group_first_and_may_name_no_topics(
    principal: str, names: tuple[str, ...], error: ErrorCode
) -> None:
    for version in known_versions(ApiKey.CONSUMER_GROUP_HEARTBEAT):
        request = naming(ApiKey.CONSUMER_GROUP_HEARTBEAT, version, subscribed_topic_names=names or None)
        outcome = run(ApiKey.CONSUMER_GROUP_HEARTBEAT, version, request, principal=principal)
        assert outcome.answer.error_code == error
        assert [check.right.error for check in outcome.checked] == ([GAF] if error == GAF else [])


def test_a_refused_pattern_says_what_to_do_instead() -> None:
    request = naming(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, subscribed_topic_regex="open.*")
    outcome = run(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, request)
    assert (outcome.forwarded, outcome.answer.error_code) == (None, TAF)
    assert "by topic names" in outcome.answer.error_message
    alone = run(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, request, broker=Broker(topics=("open", "shown")))
    assert alone.forwarded == alone.frame


@pytest.mark.parametrize("version", known_versions(ApiKey.CONSUMER_GROUP_DESCRIBE))
@pytest.mark.parametrize("assigned", ["assignment", "target_assignment"])
def test_trap_44_every_topic_of_a_group_must_be_open(version: int, assigned: str) -> None:
    key = ApiKey.CONSUMER_GROUP_DESCRIBE
    group = item_type(response_type(key, version), "groups")
    member = item_type(group, "members")
    assignment = item_type(member, "assignment")
    topic = item_type(assignment, "topic_partitions")

    def described(name: str, *topics: str) -> Any:
        found = build(assignment, topic_partitions=tuple(build(topic, topic_name=t) for t in topics))
        members = (build(member, member_id="m", **{assigned: found}),)
        return build(group, group_id=name, members=members, authorized_operations=3400)

    served = build(
        response_type(key, version), groups=(described("open", "open", "secret"), described("open.a", "open"))
    )
    request = naming(key, version, "open", "open.a", "other", include_authorized_operations=True)
    outcome = run(key, version, request, served=served)
    assert [(g.group_id, g.error_code, len(g.members), g.authorized_operations) for g in outcome.answer.groups] == [
        ("other", GAF, 0, NOT_ASKED),
        ("open", TAF, 0, NOT_ASKED),
        ("open.a", NONE, 1, 3400),
    ]
    assert {check.name for check in outcome.checked} == {"other", "secret"}


# Administration


@pytest.mark.parametrize("version", range(5, 8))
def test_trap_46_what_may_be_seen_of_a_new_topic_is_shown(version: int) -> None:
    key = ApiKey.CREATE_TOPICS
    result = item_type(response_type(key, version), "topics")
    setting = build(item_type(result, "configs"), name="a", value="b")
    served = build(
        response_type(key, version),
        topics=(build(result, name="open", num_partitions=3, replication_factor=1, configs=(setting,)),),
    )
    outcome = run(key, version, naming(key, version, "open", "secret"), served=served)
    created, denied = outcome.answer.topics
    assert (created.topic_config_error_code, created.num_partitions, created.configs) == (0, 3, (setting,))
    assert (denied.error_code, denied.error_message, denied.num_partitions) == (TAF, "Authorization failed.", -1)


@pytest.mark.parametrize("version", known_versions(ApiKey.CREATE_TOPICS))
def test_the_log_of_the_cluster_itself_cannot_be_created(version: int) -> None:
    key = ApiKey.CREATE_TOPICS
    outcome = run(key, version, naming(key, version, "__cluster_metadata"), principal="User:admin")
    assert outcome.forwarded is None
    assert answered(key, outcome.answer) == [("__cluster_metadata", IR)]


CLUSTER_OVERRIDES = """
policies:
  - {name: cluster, principals: [User:carl], allow: [Create, Delete], cluster: true}
  - {name: never, principals: [User:carl], deny: [All], topics: ["*"]}
"""


@pytest.mark.parametrize(
    ("api_key", "version"),
    [(key, version) for key in (ApiKey.CREATE_TOPICS, ApiKey.DELETE_TOPICS) for version in known_versions(key)],
)
def test_trap_47_a_right_on_the_cluster_overrides_a_denial_of_topics(api_key: ApiKey, version: int) -> None:
    request = naming(api_key, version, "secret")
    outcome = run(api_key, version, request, principal="User:carl", policy=CLUSTER_OVERRIDES)
    assert outcome.forwarded == outcome.frame
    assert outcome.checked == []


def deletion(*topics: tuple[str | None, UUID | None]) -> Any:
    request = request_type(ApiKey.DELETE_TOPICS, 6)
    state = item_type(request, "topics")
    return build(request, topics=tuple(build(state, name=name, topic_id=found) for name, found in topics))


def test_trap_48_a_denied_id_tells_its_name_to_those_who_may_describe_it() -> None:
    request = deletion(*((None, topic_id(name)) for name in ("shown", "secret", "ghost", "open")))
    outcome = run(ApiKey.DELETE_TOPICS, 6, request)
    assert [topic.topic_id for topic in outcome.asked.topics] == [topic_id("open")]
    assert {(t.name, t.topic_id, t.error_code) for t in outcome.answer.responses if t.error_code != NONE} == {
        ("shown", topic_id("shown"), TAF),
        (None, topic_id("secret"), TAF),
        (None, topic_id("ghost"), UTI),
    }


@pytest.mark.parametrize("metadata_versions", [range(11), range(12)])
def test_trap_48_a_broker_that_cannot_be_asked_by_id_is_asked_for_all(metadata_versions: range) -> None:
    """Brokers 2.8 to 3.0 delete by id but do not describe by id."""
    broker = Broker(versions={ApiKey.METADATA: metadata_versions})
    outcome = run(
        ApiKey.DELETE_TOPICS, 6, deletion((None, topic_id("open")), (None, topic_id("secret"))), broker=broker
    )
    assert [question.topics for question in outcome.questions] == [None]
    assert [topic.topic_id for topic in outcome.asked.topics] == [topic_id("open")]


def test_trap_49_a_topic_is_named_in_one_way() -> None:
    both, neither = ("open", topic_id("open")), (None, None)
    outcome = run(ApiKey.DELETE_TOPICS, 6, deletion(both, neither, both))
    assert outcome.forwarded is None
    assert [t.error_code for t in outcome.answer.responses] == [IR, IR, IR]


def test_trap_49_the_same_topic_by_name_and_by_id_is_the_brokers_to_judge() -> None:
    outcome = run(ApiKey.DELETE_TOPICS, 6, deletion(("open", None), (None, topic_id("open"))))
    assert outcome.forwarded == outcome.frame


ALTER = (ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS)


def configs(api_key: ApiKey, version: int, *resources: tuple[int, str]) -> Any:
    request = request_type(api_key, version)
    resource = item_type(request, "resources")
    return build(
        request, resources=tuple(build(resource, resource_type=kind, resource_name=name) for kind, name in resources)
    )


@pytest.mark.parametrize("api_key", [ApiKey.DESCRIBE_CONFIGS, *ALTER])
def test_trap_51_each_type_of_resource_has_its_right_and_its_error(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        asked = [(2, "t"), (4, "1"), (16, "m"), (32, "g"), (8, "1")]
        errors = [TAF, CAF, CAF, GAF, IR if api_key is ApiKey.ALTER_CONFIGS else CAF]
        outcome = run(api_key, version, configs(api_key, version, *asked), principal="User:nobody")
        assert outcome.forwarded is None
        found = outcome.answer.results if api_key is ApiKey.DESCRIBE_CONFIGS else outcome.answer.responses
        assert [entry.error_code for entry in found] == errors
        messages = {TAF: "Topic", CAF: "Cluster", GAF: "Group"}
        for entry in found:
            if entry.resource_type == 8 and api_key in ALTER:
                assert entry.error_message is None or entry.error_code == IR
            else:
                assert entry.error_message == f"{messages[entry.error_code]} authorization failed."


@pytest.mark.parametrize("api_key", [ApiKey.DESCRIBE_CONFIGS, *ALTER])
def test_rights_on_the_cluster_open_the_configurations_of_brokers(api_key: ApiKey) -> None:
    allowed = "[DescribeConfigs, AlterConfigs]"
    policy = f"policies: [{{name: o, principals: [User:ops], allow: {allowed}, cluster: true}}]"
    for version in known_versions(api_key):
        request = configs(api_key, version, (4, "1"), (16, "m"))
        outcome = run(api_key, version, request, principal="User:ops", policy=policy)
        assert outcome.forwarded == outcome.frame


@pytest.mark.parametrize("api_key", ALTER)
def test_an_unknown_type_is_never_passed_on(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        outcome = run(api_key, version, configs(api_key, version, (99, "x"), (2, "open")), principal="User:admin")
        assert [(r.resource_type, r.resource_name) for r in outcome.asked.resources] == [(2, "open")]
        assert [entry.error_code for entry in outcome.answer.responses] == [IR, NONE]


@pytest.mark.parametrize("version", known_versions(ApiKey.LIST_OFFSETS))
def test_trap_56_a_merged_answer_is_throttled_as_the_broker_says(version: int) -> None:
    key = ApiKey.LIST_OFFSETS
    done = run(key, version, naming(key, version, "open")).answer
    if not has_field(type(done), "throttle_time"):
        return
    slow = replace(done, throttle_time=done.throttle_time.resolution * 5_000_000)
    assert run(key, version, naming(key, version, "open", "secret"), served=slow).answer.throttle_time.seconds == 5
    assert run(key, version, naming(key, version, "secret"), served=slow).answer.throttle_time.seconds == 0
