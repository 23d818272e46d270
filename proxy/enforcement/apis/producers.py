"""DescribeProducers: who writes to the partitions of a topic, answered topic by topic in the order of the request."""

from __future__ import annotations

import re
from typing import Any, Final

from protocol.apis import ApiKey
from protocol.codec import build, item_type
from protocol.errors import sentence
from protocol.refusals import refused_partition
from protocol.splice import Message
from proxy.enforcement.call import Call
from proxy.enforcement.rights import READ_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_VALID: Final = re.compile(r"(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}")


def judge_describe_producers(call: Call) -> Verdict:
    """Judge a DescribeProducers. A name that no topic can have is for the broker to find fault with, as in Kafka."""
    items = call.message.items("topics")
    entries: list[Any] = []
    kept = []
    for item in items:
        topic = item.value
        if not _VALID.fullmatch(topic.name) or call.access.allows(READ_TOPIC, topic.name):
            kept.append(item)
            entries.append(None)
        else:
            entries.append(_refused(call, topic))
    if len(kept) == len(entries):
        return call.forward()
    if not kept:
        return Answer(call.build_answer(topics=tuple(entries)))
    items.keep(kept)

    def merge(answer: Message) -> None:
        found = answer.items("topics")
        told = iter(found)
        found.arrange([entry for entry in (entry or next(told, None) for entry in entries) if entry is not None])

    return call.forward(merge)


def _refused(call: Call, topic: Any) -> Any:
    topic_type = call.answer_item("topics")
    partition_type = item_type(topic_type, "partitions")
    message = sentence(READ_TOPIC.error)
    return build(
        topic_type,
        name=topic.name,
        partitions=tuple(
            refused_partition(partition_type, index, READ_TOPIC.error, message) for index in topic.partition_indexes
        ),
    )


RULE: Final = ApiRule(
    ApiKey.DESCRIBE_PRODUCERS,
    judge=judge_describe_producers,
    summary="Read Topic for each topic, else TOPIC_AUTHORIZATION_FAILED for each of its partitions.",
    claims=frozenset({"topics.name"}),
)
