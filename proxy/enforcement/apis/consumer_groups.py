"""The consumer groups of KIP-848."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from policies.model import ResourceType
from protocol.apis import ApiKey
from protocol.refusals import refuse
from protocol.splice import Message
from proxy.enforcement.apis.group_descriptions import HideGroups
from proxy.enforcement.apis.names import ask_topics
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Annotate, Cut, field_of, itself, refusal, refused
from proxy.enforcement.operations import GROUP_OPERATIONS
from proxy.enforcement.rights import DESCRIBE_GROUP, DESCRIBE_TOPIC, READ_GROUP
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_HIDDEN_TOPICS: Final = "The group has described topic(s) that the client is not authorized to describe."
_REGEX: Final = (
    "Subscribing by pattern needs the right to describe every topic of the cluster here; subscribe by topic names."
)


def judge_heartbeat(call: Call) -> Verdict:
    """Judge a ConsumerGroupHeartbeat: one topic that may not be described refuses it whole."""
    request = call.request
    if not call.access.allows(READ_GROUP, request.group_id):
        return Answer(refusal(call, READ_GROUP.error))
    names = dict.fromkeys(request.subscribed_topic_names or ())
    # All of them are asked, so that the audit trail has every topic that is missing.
    denied = [name for name in names if not call.access.allows(DESCRIBE_TOPIC, name)]
    if denied:
        return Answer(refusal(call, DESCRIBE_TOPIC.error))
    if getattr(request, "subscribed_topic_regex", None):
        question = ask_topics(call, None, lambda found: _judge_pattern(call, found))
        return question if question is not None else Answer(_pattern_refused(call))
    return call.forward()


def _judge_pattern(call: Call, found: Message) -> Verdict:
    """The broker resolves the pattern against all topics, so all of them must be open to the principal."""
    if all(call.access.allows(DESCRIBE_TOPIC, topic.name) for topic in found.entity.topics):
        return call.forward()
    return Answer(_pattern_refused(call))


def _pattern_refused(call: Call) -> Any:
    return refuse(call.head.api_key, call.version, call.request, DESCRIBE_TOPIC.error, _REGEX)


def _topics(group: Any) -> Iterator[str]:
    for member in group.members:
        for assignment in (member.assignment, member.target_assignment):
            for topic in assignment.topic_partitions:
                yield topic.topic_name


RULES: Final = (
    ApiRule(
        ApiKey.CONSUMER_GROUP_HEARTBEAT,
        judge=judge_heartbeat,
        summary=(
            "Read Group, else GROUP_AUTHORIZATION_FAILED. Describe Topic on every subscribed name, else "
            "TOPIC_AUTHORIZATION_FAILED for the whole request. A pattern needs Describe on every topic of the cluster."
        ),
        claims=frozenset({"group_id", "subscribed_topic_names", "subscribed_topic_regex"}),
        exempt=(
            ("topic_partitions.topic_id", "what the member owns; the coordinator compares it with what it assigned"),
        ),
    ),
    ApiRule(
        ApiKey.CONSUMER_GROUP_DESCRIBE,
        (
            Cut("group_ids", DESCRIBE_GROUP, "groups", itself, refused("groups", named="group_id"), first=True),
            HideGroups(_topics, _HIDDEN_TOPICS),
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
)
