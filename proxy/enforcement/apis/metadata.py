"""Metadata: who may know of a topic, and who may bring one into being by naming it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from kio.schema.errors import ErrorCode

from policies.model import CLUSTER_NAME, ResourceType
from protocol.apis import ApiKey, request_type
from protocol.codec import build, convert, has_field
from protocol.splice import Item, Message
from proxy.enforcement.apis.names import INTERNAL_TOPICS, ask_topic_names, ask_topics
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import refusal
from proxy.enforcement.operations import CLUSTER_OPERATIONS, TOPIC_OPERATIONS
from proxy.enforcement.rights import CREATE_CLUSTER, CREATE_TOPIC, DESCRIBE_CLUSTER, DESCRIBE_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, AnswerEdit, Ask, Verdict

_FLAG: Final = 4
"""From this version on the request says whether missing topics may be created; before, they always are."""
_IDS: Final = 10
_USABLE_IDS: Final = 12
_NOT_THERE: Final = (ErrorCode.unknown_topic_or_partition, ErrorCode.invalid_topic_exception)
"""What a missing topic is answered, and one that cannot be: that it may be created is asked before that it can."""
_WITHOUT_BITS: Final = (ErrorCode.topic_authorization_failed, ErrorCode.unknown_topic_id)


def judge_metadata(call: Call) -> Verdict:
    """Judge a Metadata request."""
    request = call.request
    if not _is_well_formed(call.version, request.topics):
        return Answer(refusal(call, ErrorCode.invalid_request))
    if request.topics is None or (call.version == 0 and not request.topics):
        return call.forward(_learn_ids(call), _hide_topics(call), _bits(call))
    if any(getattr(topic, "topic_id", None) is not None for topic in request.topics):
        return _judge_ids(call)
    return _judge_names(call)


def _is_well_formed(version: int, topics: Sequence[Any] | None) -> bool:
    if version < _IDS or topics is None:
        return True
    if version < _USABLE_IDS:
        return all(topic.topic_id is None and topic.name is not None for topic in topics)
    return all(topic.topic_id is not None or topic.name is not None for topic in topics)


def _judge_ids(call: Call) -> Verdict:
    items = call.message.items("topics")
    ids = [item.value.topic_id for item in items]
    question = ask_topic_names(call, ids, lambda: _judge_ids(call))
    if question is not None:
        return question
    kept: list[Item] = []
    unknown: dict[Any, None] = {}
    denied: dict[Any, None] = {}
    for item in items:
        topic_id = item.value.topic_id
        name = call.facts.topic_ids.name(topic_id)
        if topic_id is None:
            continue
        if name is None:
            unknown[topic_id] = None
        elif call.access.allows(DESCRIBE_TOPIC, name):
            kept.append(item)
        else:
            denied[topic_id] = None
    # Names beside ids are not answered by Kafka, so they need not reach the broker, where they might create a topic.
    if len(kept) < len(ids):
        items.keep(kept)
    topic_type = call.answer_item("topics")
    front = [build(topic_type, topic_id=found, error_code=ErrorCode.unknown_topic_id) for found in unknown]
    back = [build(topic_type, topic_id=found, error_code=ErrorCode.topic_authorization_failed) for found in denied]
    return call.forward(_add(front, back), _bits(call))


def _judge_names(call: Call) -> Verdict:
    names = list(dict.fromkeys(topic.name for topic in call.request.topics))
    seen = {name: call.access.allows(DESCRIBE_TOPIC, name) for name in names}
    described = [name for name in names if seen[name]]
    denied = [_denied_topic(call, name) for name in names if not seen[name]]
    creates = call.facts.auto_create_topics and (call.version < _FLAG or call.request.allow_auto_topic_creation)
    forbidden = _may_not_create(call, described) if creates else set()
    if not described and denied and call.version == 0:
        # An empty list means all topics in version 0, so somebody who may see none asks in version 1.
        return _brokers_only(call, denied)
    if forbidden:
        return _look_before_creating(call, described, forbidden, denied)
    _keep_names(call, described)
    return call.forward(_learn_ids(call), _add((), denied), _bits(call))


def _may_not_create(call: Call, names: Sequence[str]) -> set[str]:
    if not names or call.access.holds(CREATE_CLUSTER):
        return set()
    return {name for name in names if not call.access.allows(CREATE_TOPIC, name, quiet=True)}


def _look_before_creating(call: Call, described: list[str], forbidden: set[str], denied: list[Any]) -> Verdict:
    if len(forbidden) == len(described) and call.version >= _FLAG:
        _keep_names(call, described)
        call.message.replace("allow_auto_topic_creation", False)
        return call.forward(_learn_ids(call), _deny_creation(call), _add((), denied), _bits(call))

    def decide(found: Message) -> Verdict:
        return _create_only(call, found, described, forbidden, denied)

    question = ask_topics(call, described, decide, highest=call.version)
    return question if question is not None else _look_at_all(call, decide)


def _create_only(
    call: Call, found: Message, described: Sequence[str], forbidden: set[str], denied: list[Any]
) -> Verdict:
    """Answer what exists from the question's answer, and send on only the names that may be created."""
    told = {topic.name: topic for topic in found.entity.topics if topic.error_code not in _NOT_THERE}
    missing = [name for name in described if name not in told]
    topic_type = call.answer_item("topics")
    existing = [convert(told[name], topic_type) for name in described if name in told]
    wanted = [name for name in missing if name not in forbidden]
    refused = [_denied_creation(call, name) for name in missing if name in forbidden]
    if not wanted:
        topics = (*existing, *refused, *denied)
        if _wants_topic_bits(call):
            topics = tuple(_with_bits(call, topic) for topic in topics)
        answer = replace(convert(found.entity, call.answer_type), topics=topics)
        if _wants_cluster_bits(call):
            answer = replace(answer, cluster_authorized_operations=cluster_bits(call))
        return Answer(answer)
    _keep_names(call, wanted)
    return call.forward(_add(existing, [*refused, *denied]), _bits(call))


def _look_at_all(call: Call, decide: Callable[[Message], Verdict]) -> Verdict:
    """Brokers before 0.11 create every name that they are asked for, but not those that the list of all topics has."""
    topics = None if call.version else ()
    question = build(request_type(ApiKey.METADATA, call.version), topics=topics)
    return Ask(ApiKey.METADATA, call.version, question, decide)


def _brokers_only(call: Call, entries: Sequence[Any]) -> Verdict:
    version = call.broker_version(ApiKey.METADATA, 1) or 0

    def answer(found: Message) -> Verdict:
        return Answer(replace(convert(found.entity, call.answer_type), topics=tuple(entries)))

    return Ask(ApiKey.METADATA, version, build(request_type(ApiKey.METADATA, version), topics=()), answer)


def _keep_names(call: Call, names: Iterable[str]) -> None:
    """Cut the request to these names; an entry that stands twice is answered once either way."""
    wanted = set(names)
    items = call.message.items("topics")
    kept = [item for item in items if item.value.name in wanted]
    if len(kept) < len(items):
        items.keep(kept)


def _denied_topic(call: Call, name: str) -> Any:
    return build(call.answer_item("topics"), name=name, error_code=ErrorCode.topic_authorization_failed)


def _denied_creation(call: Call, name: str) -> Any:
    # Only now is it known that the topic is missing, which makes the missing right a denial worth a line.
    call.access.allows(CREATE_TOPIC, name)
    entry = _denied_topic(call, name)
    if has_field(type(entry), "is_internal"):
        entry = replace(entry, is_internal=name in INTERNAL_TOPICS)
    return entry


def _deny_creation(call: Call) -> AnswerEdit:
    """A missing topic that the client wanted created is denied, behind the topics that exist, as Kafka orders them."""

    def edit(answer: Message) -> None:
        items = answer.items("topics")
        found = [(item, item.get("error_code") in _NOT_THERE) for item in items]
        missing = [item.get("name") for item, is_missing in found if is_missing]
        if missing:
            items.keep([item for item, is_missing in found if not is_missing])
            items.append([_denied_creation(call, name) for name in missing])

    return edit


def _add(front: Sequence[Any], back: Sequence[Any]) -> AnswerEdit:
    def edit(answer: Message) -> None:
        items = answer.items("topics")
        items.insert(front)
        items.append(back)

    return edit


def _hide_topics(call: Call) -> AnswerEdit:
    def edit(answer: Message) -> None:
        items = answer.items("topics")
        shown = [item for item in items if call.access.allows(DESCRIBE_TOPIC, item.get("name"), quiet=True)]
        if len(shown) < len(items):
            items.keep(shown)

    return edit


def _learn_ids(call: Call) -> AnswerEdit:
    def edit(answer: Message) -> None:
        if call.version >= _IDS:
            # Only the beginning of each topic is read: answers are large, and nearly all of them is partitions.
            for item in answer.items("topics"):
                call.facts.topic_ids.learn_one(item.get("topic_id"), item.get("name"))

    return edit


def _bits(call: Call) -> AnswerEdit:
    """What an unsecured broker allows is everything; the bits that a client asks for come from our policy."""

    def edit(answer: Message) -> None:
        if _wants_cluster_bits(call):
            answer.replace("cluster_authorized_operations", cluster_bits(call))
        if _wants_topic_bits(call):
            annotate_topics(call, answer)

    return edit


def _wants_cluster_bits(call: Call) -> bool:
    return getattr(call.request, "include_cluster_authorized_operations", False)


def _wants_topic_bits(call: Call) -> bool:
    return getattr(call.request, "include_topic_authorized_operations", False)


def annotate_topics(call: Call, answer: Message) -> None:
    """Compute the bits of every topic that the principal may see."""
    items = answer.items("topics")
    for item in items:
        items.replace(item, _with_bits(call, item.value))


def _with_bits(call: Call, topic: Any) -> Any:
    """A missing topic has its bits too; one that is denied or that nobody knows has none."""
    if topic.error_code in _WITHOUT_BITS:
        return topic
    bits = call.access.bits(TOPIC_OPERATIONS, ResourceType.TOPIC, topic.name)
    return replace(topic, topic_authorized_operations=bits)


def cluster_bits(call: Call) -> int:
    """The bits of the cluster; 0, not the default, for those who may not describe it."""
    if not call.access.allows(DESCRIBE_CLUSTER, CLUSTER_NAME, quiet=True):
        return 0
    return call.access.bits(CLUSTER_OPERATIONS, ResourceType.CLUSTER, CLUSTER_NAME)


RULE: Final = ApiRule(
    ApiKey.METADATA,
    judge=judge_metadata,
    summary=(
        "Describe Topic for each topic: a named one is answered TOPIC_AUTHORIZATION_FAILED, in a list of all it is not "
        "there. "
        "A missing topic is created only with Create Cluster, else Create Topic; else TOPIC_AUTHORIZATION_FAILED."
    ),
    claims=frozenset({"topics.name", "topics.topic_id"}),
)
