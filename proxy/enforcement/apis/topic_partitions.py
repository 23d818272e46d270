"""DescribeTopicPartitions (KIP-966): topics in pages, sorted by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from protocol.splice import Message
from proxy.enforcement.apis.metadata import annotate_topics
from proxy.enforcement.apis.names import ask_topics
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import refusal
from proxy.enforcement.rights import DESCRIBE_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, AnswerEdit, Disconnect, Verdict

_FAILED: Final = ErrorCode.unknown_server_error


def judge_topic_partitions(call: Call) -> Verdict:
    """Judge a DescribeTopicPartitions request."""
    request = call.request
    cursor = request.cursor
    names = sorted({topic.name for topic in request.topics})
    if cursor is not None and (cursor.partition_index < 0 or (names and cursor.topic_name not in names)):
        return Answer(refusal(call, ErrorCode.invalid_request))
    if not names:
        question = ask_topics(call, None, lambda found: _page_of_all(call, found))
        return question if question is not None else Disconnect("the broker cannot tell which topics there are")
    if cursor is not None:
        names = [name for name in names if name >= cursor.topic_name]
    allowed = [name for name in names if call.access.allows(DESCRIBE_TOPIC, name)]
    denied = [_denied(call, name) for name in names if name not in allowed]
    return _ask_for(call, allowed, denied)


def _page_of_all(call: Call, found: Message) -> Verdict:
    """A page is counted after the filter, so the broker is asked for the names that may be seen."""
    cursor = call.request.cursor
    names = sorted(topic.name for topic in found.entity.topics)
    if cursor is not None:
        names = [name for name in names if name >= cursor.topic_name]
    return _ask_for(call, [name for name in names if call.access.allows(DESCRIBE_TOPIC, name)], [])


def _ask_for(call: Call, names: Sequence[str], denied: Sequence[Any]) -> Verdict:
    if not names:
        return Answer(call.build_answer(topics=tuple(denied)))
    request_class = request_type(ApiKey.DESCRIBE_TOPIC_PARTITIONS, call.version)
    topic = item_type(request_class, "topics")
    cursor = call.request.cursor
    wanted = tuple(build(topic, name=name) for name in names)
    if {topic.name for topic in call.request.topics} != set(names):
        call.message.replace("topics", wanted)
    if cursor is not None and cursor.topic_name not in names:
        # The topic that the cursor stands on is gone or denied: the page begins with the next one.
        call.message.replace("cursor", None)
    return call.forward(_finish(call, denied))


def _finish(call: Call, denied: Sequence[Any]) -> AnswerEdit:
    def edit(answer: Message) -> None:
        items = answer.items("topics")
        if {item.value.error_code for item in items} == {_FAILED}:
            # As a whole, at a topic without a name for one. Kafka says so of all that was asked for, as it was asked.
            entry = call.answer_item("topics")
            items.keep([])
            items.append([build(entry, name=topic.name, error_code=_FAILED) for topic in call.request.topics])
            return
        call.facts.topic_ids.learn(item.value for item in items)
        annotate_topics(call, answer)
        cursor = answer.value("next_cursor")
        # Nobody has looked yet at what comes on a later page.
        items.append([entry for entry in denied if cursor is None or entry.name < cursor.topic_name])

    return edit


def _denied(call: Call, name: str) -> Any:
    return build(call.answer_item("topics"), name=name, error_code=ErrorCode.topic_authorization_failed)


RULE: Final = ApiRule(
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
    judge=judge_topic_partitions,
    summary=(
        "Describe Topic for each topic: a named one is answered TOPIC_AUTHORIZATION_FAILED, in a list of all it is not "
        "there."
    ),
    claims=frozenset({"topics.name", "cursor.topic_name"}),
)
