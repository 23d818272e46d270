"""Share groups (KIP-932), but for what their members fetch: heartbeats, descriptions and offsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from kio.schema.errors import ErrorCode

from policies.model import ResourceType
from protocol.apis import ApiKey
from protocol.codec import build, item_type
from protocol.errors import sentence
from protocol.refusals import refused_partition
from protocol.splice import Item, Message
from proxy.enforcement.apis.consumer_groups import judge_heartbeat
from proxy.enforcement.apis.group_descriptions import HideGroups
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Annotate, Cut, Gate, field_of, itself, refused
from proxy.enforcement.operations import GROUP_OPERATIONS
from proxy.enforcement.rights import DELETE_GROUP, DESCRIBE_GROUP, DESCRIBE_TOPIC, READ_GROUP, READ_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_HIDDEN_TOPICS: Final = "The group has described topic(s) that the client is not authorized to describe."
_UNKNOWN: Final = {"start_offset": -1, "lag": -1}


def _assigned_topics(group: Any) -> Iterator[str]:
    for member in group.members:
        for topic in member.assignment.topic_partitions:
            yield topic.topic_name


def judge_describe_offsets(call: Call) -> Verdict:
    """Judge a DescribeShareGroupOffsets: each group for itself, and in it each topic."""
    items = call.message.items("groups")
    kept: list[Item] = []
    order: list[Any] = []
    denied: dict[int, tuple[Any, ...]] = {}
    for item in items:
        group = item.value
        if not call.access.allows(DESCRIBE_GROUP, group.group_id):
            order.append(_denied_group(call, group))
            continue
        denied[len(kept)] = _cut_topics(call, items, item)
        kept.append(item)
        order.append(None)
    if order and not kept:
        return Answer(call.build_answer(groups=tuple(order)))
    items.keep(kept)

    def finish(answer: Message) -> None:
        found = answer.items("groups")
        for position, (asked, told) in enumerate(zip(kept, found, strict=False)):
            _finish_group(call, found, told, asked.value, denied[position])
        told_groups = iter(found)
        merged = [next(told_groups, None) if entry is None else entry for entry in order]
        if None not in order or len(kept) < len(order):
            found.arrange([entry for entry in merged if entry is not None])

    return call.forward(finish)


def _denied_group(call: Call, group: Any) -> Any:
    error = DESCRIBE_GROUP.error
    answer = call.answer_item("groups")
    return build(answer, group_id=group.group_id, error_code=error)


def _cut_topics(call: Call, items: Any, item: Item) -> tuple[Any, ...]:
    """Take denied topics out of one group of the request; their entries of the answer come back."""
    group = item.value
    allowed: list[Any] = []
    denied: list[Any] = []
    for topic in group.topics or ():
        (allowed if call.access.allows(DESCRIBE_TOPIC, topic.topic_name) else denied).append(topic)
    if denied:
        items.replace(item, replace(group, topics=tuple(allowed)))
    return tuple(_denied_topic(call, topic) for topic in denied)


def _denied_topic(call: Call, topic: Any) -> Any:
    topic_type = call.answer_item("groups", "topics")
    partition_type = item_type(topic_type, "partitions")
    error = DESCRIBE_TOPIC.error
    values: dict[str, Any] = {"error_code": error, "error_message": sentence(error), **_UNKNOWN}
    partitions = tuple(build(partition_type, partition_index=index, **values) for index in topic.partitions)
    return build(topic_type, topic_name=topic.topic_name, partitions=partitions)


def _finish_group(call: Call, found: Any, told: Item, asked: Any, denied: tuple[Any, ...]) -> None:
    group = told.value
    if group.error_code != ErrorCode.none:
        return
    topics = group.topics
    if asked.topics is None:
        topics = tuple(t for t in topics if call.access.allows(DESCRIBE_TOPIC, t.topic_name, quiet=True))
    topics = (*topics, *denied)
    if topics != group.topics:
        found.replace(told, replace(group, topics=topics))


def _refused_topic(call: Call, topic: Any, error: ErrorCode) -> Any:
    """The denial of a topic, at its partitions if the answer has these."""
    topic_type = call.answer_item("responses")
    values: dict[str, Any] = {"topic_name": topic.topic_name, "error_code": error, "error_message": sentence(error)}
    if hasattr(topic, "partitions"):
        partition_type = item_type(topic_type, "partitions")
        indexes = (partition.partition_index for partition in topic.partitions)
        values["partitions"] = tuple(refused_partition(partition_type, i, error, sentence(error)) for i in indexes)
    return build(topic_type, **values)


_TOPICS: Final = ("topics", READ_TOPIC, "responses", field_of("topic_name"), _refused_topic)

RULES: Final = (
    ApiRule(
        ApiKey.SHARE_GROUP_HEARTBEAT,
        judge=judge_heartbeat,
        summary=(
            "Read Group, else GROUP_AUTHORIZATION_FAILED. Describe Topic on every subscribed name, else "
            "TOPIC_AUTHORIZATION_FAILED for the whole request."
        ),
        claims=frozenset({"group_id", "subscribed_topic_names"}),
    ),
    ApiRule(
        ApiKey.SHARE_GROUP_DESCRIBE,
        (
            Cut("group_ids", DESCRIBE_GROUP, "groups", itself, refused("groups", named="group_id"), first=True),
            HideGroups(_assigned_topics, _HIDDEN_TOPICS),
            Annotate(
                "groups",
                GROUP_OPERATIONS,
                ResourceType.GROUP,
                field_of("group_id"),
                asked=lambda request: bool(request.include_authorized_operations),
            ),
        ),
        claims=frozenset({"group_ids"}),
    ),
    ApiRule(
        ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS,
        judge=judge_describe_offsets,
        summary=(
            "Describe Group for each group, else GROUP_AUTHORIZATION_FAILED for that one. Describe Topic for each "
            "topic, else TOPIC_AUTHORIZATION_FAILED for its partitions; of all topics those are shown that may be "
            "described."
        ),
        claims=frozenset({"groups.group_id", "groups.topics.topic_name"}),
    ),
    ApiRule(
        ApiKey.ALTER_SHARE_GROUP_OFFSETS,
        (Gate(READ_GROUP, field_of("group_id"), message=True), Cut(*_TOPICS, ask_anyway=True, first=True)),
        claims=frozenset({"group_id", "topics.topic_name"}),
    ),
    ApiRule(
        ApiKey.DELETE_SHARE_GROUP_OFFSETS,
        (Gate(DELETE_GROUP, field_of("group_id"), message=True), Cut(*_TOPICS, first=True)),
        claims=frozenset({"group_id", "topics.topic_name"}),
    ),
)
