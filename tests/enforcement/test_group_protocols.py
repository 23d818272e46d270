"""Share groups and streams groups, but for what is fetched: topics of requests and descriptions, offsets, creation."""

from __future__ import annotations

from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from proxy.enforcement.call import ClusterFacts
from tests.enforcement.support import GAF, NONE, POLICY, TAF, naming, run

SENTENCE = "Topic authorization failed."
GROUP_SENTENCE = "Group authorization failed."
OFFSETS = [(ApiKey.ALTER_SHARE_GROUP_OFFSETS, 0), (ApiKey.DELETE_SHARE_GROUP_OFFSETS, 0)]
DESCRIBE_OFFSETS = [*known_versions(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS)]
NO_CREATION = POLICY.replace("allow: [All]\n    topics: [open*]", "allow: [Read, Write, Describe]\n    topics: [open*]")


@pytest.mark.parametrize("names", [("secret",), ("open", "secret")])
def test_one_hidden_topic_refuses_a_share_heartbeat(names: tuple[str, ...]) -> None:
    key = ApiKey.SHARE_GROUP_HEARTBEAT
    outcome = run(key, 1, naming(key, 1, *names))
    assert (outcome.forwarded, outcome.answer.error_code) == (None, TAF)
    assert [check.name for check in outcome.checked] == ["secret"]
    assert run(key, 1, naming(key, 1, *names, group="other")).answer.error_code == GAF


def share_description(*topics: str) -> Any:
    """A share group whose only member is assigned these topics."""
    group = item_type(response_type(ApiKey.SHARE_GROUP_DESCRIBE, 1), "groups")
    member = item_type(group, "members")
    assignment = item_type(member, "assignment")
    topic = item_type(assignment, "topic_partitions")
    assigned = build(assignment, topic_partitions=tuple(build(topic, topic_name=name) for name in topics))
    return build(group, group_id="open", members=(build(member, member_id="m", assignment=assigned),))


def streams_description(field: str, *topics: str) -> Any:
    """A streams group with these topics in one part of its topology."""
    group = item_type(response_type(ApiKey.STREAMS_GROUP_DESCRIBE, 0), "groups")
    topology = item_type(group, "topology")
    part = item_type(topology, "subtopologies")
    inner = item_type(part, field)
    named = tuple(build(inner, name=name) if hasattr(inner, "__version__") else name for name in topics)
    member = build(item_type(group, "members"), member_id="m")
    made = build(topology, subtopologies=(build(part, **{field: named}),))
    return build(group, group_id="open", topology=made, members=(member,))


PARTS = ("source_topics", "repartition_sink_topics", "repartition_source_topics", "state_changelog_topics")
DESCRIPTIONS = [
    (ApiKey.SHARE_GROUP_DESCRIBE, share_description, "The group has described topic(s) that the client is not"),
    *(
        (
            ApiKey.STREAMS_GROUP_DESCRIBE,
            lambda *topics, part=part: streams_description(part, *topics),
            "The described group uses topics that the client is not",
        )
        for part in PARTS
    ),
]


@pytest.mark.parametrize(("key", "described", "sentence"), DESCRIPTIONS)
def test_a_group_with_a_hidden_topic_is_hidden(key: ApiKey, described: Any, sentence: str) -> None:
    version = known_versions(key)[-1]
    for topics, error in ((("open", "shown"), NONE), (("open", "secret"), TAF), ((), NONE)):
        served = build(response_type(key, version), groups=(described(*topics),))
        outcome = run(key, version, naming(key, version, "open"), served=served)
        (group,) = outcome.answer.groups
        assert (group.group_id, group.error_code, len(group.members)) == ("open", error, int(error is NONE))
        if error is TAF:
            assert group.error_message == f"{sentence} authorized to describe."
            assert getattr(group, "topology", None) is None
            assert [check.name for check in outcome.checked] == ["secret"]


@pytest.mark.parametrize(("key", "version"), OFFSETS)
def test_offsets_of_a_share_group_are_changed_topic_by_topic(key: ApiKey, version: int) -> None:
    outcome = run(key, version, naming(key, version, "open", "secret"))
    assert [topic.topic_name for topic in outcome.asked.topics] == ["open"]
    (denied,) = [topic for topic in outcome.answer.responses if topic.topic_name == "secret"]
    place = denied.partitions[0] if hasattr(denied, "partitions") else denied
    assert (place.error_code, place.error_message) == (TAF, SENTENCE)
    refused = run(key, version, naming(key, version, "open", group="other")).answer
    assert (refused.error_code, refused.error_message, refused.responses) == (GAF, GROUP_SENTENCE, ())


def test_the_coordinator_is_asked_for_its_own_error_where_kafka_asks_it() -> None:
    for (key, version), asked in zip(OFFSETS, (True, False), strict=True):
        served = build(response_type(key, version), error_code=ErrorCode.non_empty_group)
        outcome = run(key, version, naming(key, version, "secret"), served=served)
        assert (outcome.forwarded is not None) is asked
        expected = (ErrorCode.non_empty_group, 0) if asked else (NONE, 1)
        assert (outcome.answer.error_code, len(outcome.answer.responses)) == expected


def asking(version: int, *groups: tuple[str, tuple[str, ...] | None]) -> Any:
    """A DescribeShareGroupOffsets of these groups and topics (None: all)."""
    request = request_type(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, version)
    group = item_type(request, "groups")
    topic = item_type(group, "topics")

    def of(topics: tuple[str, ...] | None) -> Any:
        return None if topics is None else tuple(build(topic, topic_name=name, partitions=(0,)) for name in topics)

    return build(request, groups=tuple(build(group, group_id=name, topics=of(topics)) for name, topics in groups))


def telling(version: int, *groups: tuple[str, tuple[str, ...], ErrorCode]) -> Any:
    """A broker's answer to it."""
    answer = response_type(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, version)
    group = item_type(answer, "groups")
    topic = item_type(group, "topics")
    partition = build(item_type(topic, "partitions"), start_offset=5)
    return build(
        answer,
        groups=tuple(
            build(
                group,
                group_id=name,
                error_code=error,
                topics=tuple(build(topic, topic_name=each, partitions=(partition,)) for each in topics),
            )
            for name, topics, error in groups
        ),
    )


@pytest.mark.parametrize("version", DESCRIBE_OFFSETS)
def test_offsets_are_described_group_by_group_and_topic_by_topic(version: int) -> None:
    key = ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS
    entity = asking(
        version, ("other", ("open",)), ("open", ("secret", "open")), ("open.b", None), ("open.c", ("secret",))
    )
    gone = ErrorCode.group_id_not_found
    served = telling(
        version, ("open", ("open",), NONE), ("open.b", ("open", "secret", "shown"), NONE), ("open.c", (), gone)
    )
    outcome = run(key, version, entity, served=served)
    asked = [(g.group_id, None if g.topics is None else [t.topic_name for t in g.topics]) for g in outcome.asked.groups]
    assert asked == [("open", ["open"]), ("open.b", None), ("open.c", [])]
    told = [
        (g.group_id, g.error_code, [(t.topic_name, t.partitions[0].error_code) for t in g.topics])
        for g in outcome.answer.groups
    ]
    assert told == [
        ("other", GAF, []),
        ("open", NONE, [("open", NONE), ("secret", TAF)]),
        ("open.b", NONE, [("open", NONE), ("shown", NONE)]),
        ("open.c", gone, []),
    ]
    denied = outcome.answer.groups[1].topics[1].partitions[0]
    assert (denied.start_offset, denied.error_message) == (-1, SENTENCE)
    assert outcome.answer.groups[0].error_message is None


def topology(**parts: tuple[str, ...]) -> Any:
    """A topology of one part."""
    whole = item_type(request_type(ApiKey.STREAMS_GROUP_HEARTBEAT, 0), "topology")
    part = item_type(whole, "subtopologies")

    def named(field: str, names: tuple[str, ...]) -> Any:
        inner = item_type(part, field)
        return tuple(build(inner, name=name) if hasattr(inner, "__version__") else name for name in names)

    return build(whole, subtopologies=(build(part, **{field: named(field, names) for field, names in parts.items()}),))


def heartbeat(made: Any, *, epoch: int = 0, policy: str = NO_CREATION, **values: Any) -> Any:
    key = ApiKey.STREAMS_GROUP_HEARTBEAT
    given = {"group_id": "open", "member_id": "m", "member_epoch": epoch, "topology": made} | values
    facts = given.pop("facts", ClusterFacts())
    return run(key, 0, build(request_type(key, 0), **given), policy=policy, facts=facts)


@pytest.mark.parametrize("part", PARTS)
def test_every_topic_of_a_topology_must_be_open(part: str) -> None:
    outcome = heartbeat(topology(**{part: ("open", "secret")}))
    assert (outcome.forwarded, outcome.answer.error_code) == (None, TAF)
    assert [check.name for check in outcome.checked] == ["secret"]
    assert heartbeat(topology(**{part: ("open",)})).forwarded is not None


@pytest.mark.parametrize("part", PARTS)
def test_kafkas_own_topics_are_in_no_topology(part: str) -> None:
    outcome = heartbeat(topology(**{part: ("open", "__consumer_offsets")}))
    assert (outcome.forwarded, outcome.answer.error_code) == (None, ErrorCode.streams_invalid_topology)


@pytest.mark.parametrize("part", ["repartition_source_topics", "state_changelog_topics"])
def test_an_internal_topic_comes_into_being_only_for_those_who_may_create_it(part: str) -> None:
    made = topology(**{part: ("open", "open.new")})
    refused = heartbeat(made)
    assert (refused.forwarded, refused.answer.error_code) == (None, TAF)
    assert refused.answer.error_message == "Unauthorized to CREATE on topics open.new."
    assert [(c.right.operation.label, c.name) for c in refused.checked] == [("Create", "open.new")]
    for policy in (POLICY, NO_CREATION + "  - {name: c, principals: [User:alice], allow: [Create], cluster: true}\n"):
        assert heartbeat(made, policy=policy).forwarded is not None
    assert heartbeat(topology(**{part: ("open",)})).forwarded is not None


def test_a_heartbeat_without_topology_is_judged_by_the_one_that_was_told_before() -> None:
    facts = ClusterFacts()
    stranger = heartbeat(None, epoch=3, facts=facts)
    assert (stranger.forwarded, stranger.answer.error_code) == (None, ErrorCode.unknown_member_id)
    heartbeat(topology(state_changelog_topics=("open",)), facts=facts)
    assert heartbeat(None, epoch=3, facts=facts).forwarded is not None
    heartbeat(topology(state_changelog_topics=("open.new",)), facts=facts, policy=POLICY)
    assert heartbeat(None, epoch=3, facts=facts).answer.error_code == TAF
    assert heartbeat(None, epoch=3, facts=facts, policy=POLICY).forwarded is not None
    # The coordinator may not take a topology that is told meanwhile.
    heartbeat(topology(state_changelog_topics=("open",)), facts=facts)
    assert heartbeat(None, epoch=3, facts=facts).answer.error_code == TAF


def test_a_member_may_always_leave() -> None:
    assert heartbeat(None, epoch=-1).forwarded is not None
