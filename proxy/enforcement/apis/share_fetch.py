"""ShareFetch and ShareAcknowledge (KIP-932): who may read, in every request of a share session anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.codec import build, has_field, item_type
from protocol.splice import Item, Message
from proxy.enforcement.apis.names import ask_topic_names
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import refusal
from proxy.enforcement.rights import READ_GROUP, READ_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.share_sessions import Key, ShareSession
from proxy.enforcement.verdict import Answer, Verdict

_INITIAL_EPOCH: Final = 0
_FINAL_EPOCH: Final = -1
_NO_SESSION: Final = ErrorCode.share_session_not_found
_DENIED: Final = READ_TOPIC.error

Partitions = dict[int, bool]
"""Partitions of one topic in an answer, and whether something of them was to be acknowledged."""


def judge_share_fetch(call: Call) -> Verdict:
    """Judge a ShareFetch."""
    return _judge(call, _fetch)


def judge_share_acknowledge(call: Call) -> Verdict:
    """Judge a ShareAcknowledge."""
    return _judge(call, _acknowledge)


def _judge(call: Call, serve: Callable[[Call, Key], Verdict]) -> Verdict:
    request = call.request
    if request.group_id is None or request.member_id is None:
        return Answer(refusal(call, ErrorCode.invalid_request))
    if not call.access.allows(READ_GROUP, request.group_id):
        return Answer(refusal(call, READ_GROUP.error))
    return serve(call, (request.group_id, request.member_id))


def _fetch(call: Call, key: Key) -> Verdict:
    request = call.request
    question = ask_topic_names(call, (topic.topic_id for topic in request.topics), lambda: _fetch(call, key))
    if question is not None:
        return question
    sessions = call.share_sessions
    session = sessions.get(key)
    if request.share_session_epoch == _INITIAL_EPOCH:
        session = ShareSession(call.access.generation)
        sessions.open(key, session)
    elif session is None or not _holds(call, session):
        sessions.close(key)
        return Answer(refusal(call, _NO_SESSION))
    for forgotten in request.forgotten_topics_data:
        session.forget(forgotten.topic_id, forgotten.partitions)
    if request.share_session_epoch == _FINAL_EPOCH:
        # Only acknowledgements are taken any more, and nothing is fetched.
        sessions.close(key)
        session = ShareSession(session.generation)
    asked = _split(call, session)
    if not session.allowed:
        # Kafka does not wait for records where nothing may be read.
        call.message.replace("max_wait", timedelta(0))
    return call.forward(_adding(call, session, asked))


def _acknowledge(call: Call, key: Key) -> Verdict:
    request = call.request
    question = ask_topic_names(call, (topic.topic_id for topic in request.topics), lambda: _acknowledge(call, key))
    if question is not None:
        return question
    if request.share_session_epoch == _INITIAL_EPOCH:
        return Answer(refusal(call, ErrorCode.invalid_share_session_epoch))
    session = call.share_sessions.get(key)
    if session is None or not _holds(call, session):
        call.share_sessions.close(key)
        return Answer(refusal(call, _NO_SESSION))
    told = ShareSession(session.generation)
    asked = _split(call, told)
    if request.share_session_epoch == _FINAL_EPOCH:
        call.share_sessions.close(key)
    return call.forward(_adding(call, told, asked))


def _holds(call: Call, session: ShareSession) -> bool:
    """Whether what the session was judged by still holds; else it is gone, and the client opens another."""
    generation = call.access.generation
    if session.generation == generation:
        return True
    session.generation = generation
    return all(_may_read(call, topic) for topic in session.allowed) and not any(
        _may_read(call, topic) for topic in session.denied
    )


def _may_read(call: Call, topic: UUID) -> bool:
    name = call.facts.topic_ids.name(topic)
    return name is not None and call.access.allows(READ_TOPIC, name, quiet=True)


def _split(call: Call, session: ShareSession) -> dict[UUID, Partitions]:
    """Cut what may not be read out of the request; what was asked of it comes back."""
    items = call.message.items("topics")
    kept: list[Item] = []
    asked: dict[UUID, Partitions] = {}
    for item in items:
        topic = item.value
        name = call.facts.topic_ids.name(topic.topic_id)
        if name is not None and call.access.allows(READ_TOPIC, name, count=len(topic.partitions)):
            kept.append(item)
            session.allowed.add(topic.topic_id)
            continue
        held = session.unknown if name is None else session.denied
        indexes = {each.partition_index: bool(each.acknowledgement_batches) for each in topic.partitions}
        held.setdefault(topic.topic_id, {}).update(dict.fromkeys(indexes))
        asked.setdefault(topic.topic_id, {}).update(indexes)
    if len(kept) < len(items):
        items.keep(kept)
    return asked


def _adding(call: Call, session: ShareSession, asked: dict[UUID, Partitions]) -> Callable[[Message], None]:
    """The refused partitions of the session are told in each of its answers, since the broker does not know of them.

    It finds a share session by group and member alone, whoever asks. Another client may have opened one by the same
    names since, so nothing is shown of a topic that this one did not ask for and may read.
    """

    def add(answer: Message) -> None:
        if answer.value("error_code") == ErrorCode.none:
            items = answer.items("responses")
            items.keep([item for item in items if item.get("topic_id") in session.allowed])
            items.append(list(_entries(call, session, asked)))

    return add


def _entries(call: Call, session: ShareSession, asked: dict[UUID, Partitions]) -> Iterator[Any]:
    for held, error in ((session.denied, _DENIED), (session.unknown, ErrorCode.unknown_topic_id)):
        for topic, indexes in held.items():
            if error is _DENIED and topic not in asked:
                call.access.allows(READ_TOPIC, call.facts.topic_ids.name(topic) or "", count=len(indexes))
            yield _entry(call, topic, indexes, asked.get(topic, {}), error)


def _entry(call: Call, topic: UUID, indexes: Iterable[int], asked: Partitions, error: ErrorCode) -> Any:
    topic_type = call.answer_item("responses")
    partition_type = item_type(topic_type, "partitions")
    acknowledges = has_field(partition_type, "acknowledge_error_code")
    partitions = tuple(
        build(
            partition_type,
            partition_index=index,
            error_code=error,
            records=b"",
            **({"acknowledge_error_code": error.value} if acknowledges and asked.get(index) else {}),
        )
        for index in indexes
    )
    return build(topic_type, topic_id=topic, partitions=partitions)


_SUMMARY: Final = (
    "Read Group, else GROUP_AUTHORIZATION_FAILED. Read Topic for each topic of the request and of its share session, "
    "else TOPIC_AUTHORIZATION_FAILED for its partitions. A share session that this connection did not open is "
    "SHARE_SESSION_NOT_FOUND."
)

RULES: Final = (
    ApiRule(
        ApiKey.SHARE_FETCH,
        judge=judge_share_fetch,
        summary=_SUMMARY,
        claims=frozenset({"group_id", "topics.topic_id"}),
        exempt=(("forgotten_topics_data.topic_id", "forgetting a topic reveals nothing and needs no right"),),
    ),
    ApiRule(
        ApiKey.SHARE_ACKNOWLEDGE,
        judge=judge_share_acknowledge,
        summary=_SUMMARY,
        claims=frozenset({"group_id", "topics.topic_id"}),
    ),
)
