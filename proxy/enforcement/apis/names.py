"""Topics behind topic ids, and which topics exist: what the judge has to ask the broker before it can decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from protocol.splice import Message
from proxy.enforcement.call import Call
from proxy.enforcement.verdict import Ask, Verdict

INTERNAL_TOPICS: Final = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
_WITH_IDS: Final = 10
_BY_ID: Final = 12
_WITHOUT_CREATING: Final = 4


def ask_topic_names(call: Call, ids: Iterable[UUID | None], then: Callable[[], Verdict]) -> Verdict | None:
    """Ask the broker for the names behind ids that are not known yet; None if there is nothing (left) to ask.

    An id that the broker does not know either stays unknown, and is not asked for again in this request.
    """
    missing = [topic_id for topic_id in dict.fromkeys(ids) if topic_id is not None and _is_open(call, topic_id)]
    version = call.broker_version(ApiKey.METADATA, _BY_ID)
    if not missing or version is None or version < _WITH_IDS:
        return None
    entity_type = request_type(ApiKey.METADATA, version)
    topic = item_type(entity_type, "topics")
    # Brokers 2.8 to 3.0 tell ids but cannot be asked by them.
    topics = tuple(build(topic, topic_id=topic_id) for topic_id in missing) if version >= _BY_ID else None
    question = build(entity_type, topics=topics, allow_auto_topic_creation=False)

    def learn(answer: Message) -> Verdict:
        call.facts.topic_ids.learn(answer.entity.topics)
        call.unknown_ids.update(missing)
        return then()

    return Ask(ApiKey.METADATA, version, question, learn)


def ask_all_names(call: Call, then: Callable[[], Verdict]) -> Verdict | None:
    """Ask the broker for the names and ids of all topics; None if it is too old to have ids."""

    def learn(answer: Message) -> Verdict:
        call.facts.topic_ids.learn(answer.entity.topics)
        return then()

    version = call.broker_version(ApiKey.METADATA, _BY_ID)
    return None if version is None or version < _WITH_IDS else ask_topics(call, None, learn, highest=version)


def ask_topics(
    call: Call, names: Sequence[str] | None, then: Callable[[Message], Verdict], highest: int = _WITHOUT_CREATING
) -> Verdict | None:
    """Ask the broker about topics by name (None: all) without creating any; None if it is too old to be asked so.

    The answer is of the newest version that the broker has, not above ``highest``, and 4 at least.
    """
    version = call.broker_version(ApiKey.METADATA, max(highest, _WITHOUT_CREATING))
    if version is None or version < _WITHOUT_CREATING:
        return None
    entity_type = request_type(ApiKey.METADATA, version)
    topic = item_type(entity_type, "topics")
    topics = None if names is None else tuple(build(topic, name=name) for name in names)
    return Ask(ApiKey.METADATA, version, build(entity_type, topics=topics, allow_auto_topic_creation=False), then)


def missing_topics(answer: Message) -> set[str]:
    """The names that a Metadata answer reports as not existing."""
    return {topic.name for topic in answer.entity.topics if topic.error_code == ErrorCode.unknown_topic_or_partition}


def existing_partitions(answer: Message) -> set[tuple[str, int]]:
    """The partitions that a Metadata answer tells of, each with the name of its topic."""
    return {(topic.name, found.partition_index) for topic in answer.entity.topics for found in topic.partitions}


def _is_open(call: Call, topic_id: UUID) -> bool:
    return topic_id not in call.unknown_ids and call.facts.topic_ids.name(topic_id) is None
