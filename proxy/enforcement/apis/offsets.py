"""Offsets: of partitions, and those that groups have committed."""

from __future__ import annotations

from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.refusals import refused_item
from protocol.splice import Item
from proxy.enforcement.apis.names import ask_topic_names
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Cut, Gate, field_of, forward_kept, refusal, refused
from proxy.enforcement.rights import (
    CLUSTER_ACTION,
    DELETE_GROUP,
    DELETE_TOPIC,
    DESCRIBE_TOPIC,
    READ_GROUP,
    READ_TOPIC,
    Right,
)
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_COMMIT_BY_ID: Final = 10


def judge_leader_epochs(call: Call) -> Verdict:
    """Judge an OffsetForLeaderEpoch: ClusterAction opens all of it."""
    if call.access.holds(CLUSTER_ACTION):
        return call.forward()
    return _EPOCHS.apply(call)


def judge_offset_commit(call: Call) -> Verdict:
    """Judge an OffsetCommit."""
    if not call.access.allows(READ_GROUP, call.request.group_id):
        return Answer(refusal(call, READ_GROUP.error))
    if call.version < _COMMIT_BY_ID:
        return _COMMIT.apply(call)
    return _judge_commit_by_id(call)


def _judge_commit_by_id(call: Call) -> Verdict:
    items = call.message.items("topics")
    question = ask_topic_names(call, (item.value.topic_id for item in items), lambda: _judge_commit_by_id(call))
    if question is not None:
        return question
    kept: list[Item] = []
    entries: list[Any] = []
    for item in items:
        name = call.facts.topic_ids.name(item.value.topic_id)
        if name is not None and call.access.allows(READ_TOPIC, name):
            kept.append(item)
            continue
        error = ErrorCode.unknown_topic_id if name is None else READ_TOPIC.error
        entries.append(refused_item(call.answer_item("topics"), item.value, error))
    return forward_kept(call, "topics", kept, "topics", entries, first=True)


def _cut_topics(right: Right, *, ask_anyway: bool = False, first: bool = False, name: str = "name") -> Cut:
    return Cut("topics", right, "topics", field_of(name), refused("topics"), ask_anyway=ask_anyway, first=first)


_EPOCHS: Final = ApiRule(ApiKey.OFFSET_FOR_LEADER_EPOCH, (_cut_topics(DESCRIBE_TOPIC, name="topic"),))
_COMMIT: Final = ApiRule(ApiKey.OFFSET_COMMIT, (_cut_topics(READ_TOPIC, first=True),))

RULES: Final = (
    ApiRule(ApiKey.LIST_OFFSETS, (_cut_topics(DESCRIBE_TOPIC),), claims=frozenset({"topics.name"})),
    ApiRule(
        ApiKey.OFFSET_FOR_LEADER_EPOCH,
        judge=judge_leader_epochs,
        summary="ClusterAction Cluster, else Describe Topic for each, else TOPIC_AUTHORIZATION_FAILED for that one.",
        claims=frozenset({"topics.topic"}),
    ),
    ApiRule(
        ApiKey.OFFSET_COMMIT,
        judge=judge_offset_commit,
        summary=(
            "Read Group, else GROUP_AUTHORIZATION_FAILED for every partition. Read Topic for each topic, else "
            "TOPIC_AUTHORIZATION_FAILED for its partitions; the rest is committed."
        ),
        claims=frozenset({"group_id", "topics.name", "topics.topic_id"}),
    ),
    ApiRule(
        ApiKey.OFFSET_DELETE,
        (Gate(DELETE_GROUP, field_of("group_id")), _cut_topics(READ_TOPIC, ask_anyway=True, first=True)),
        claims=frozenset({"group_id", "topics.name"}),
    ),
    ApiRule(ApiKey.DELETE_RECORDS, (_cut_topics(DELETE_TOPIC),), claims=frozenset({"topics.name"})),
)
