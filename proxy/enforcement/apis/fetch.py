"""Fetch: who may read, in every request of a fetch session (KIP-227) anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.codec import build
from protocol.fetch import summarize
from protocol.refusals import partition_indexes, refused_item, refused_partition
from protocol.splice import Item, Piece
from proxy.enforcement.apis.names import ask_topic_names
from proxy.enforcement.call import Call
from proxy.enforcement.fetch_answer import FetchAnswer
from proxy.enforcement.fetch_sessions import FetchSession, TopicKey
from proxy.enforcement.rights import CLUSTER_ACTION, READ_TOPIC
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Forward, Verdict

_SESSIONS: Final = 7
_TOPIC_IDS: Final = 13
_REPLICA_STATE: Final = 15
_NODE_ENDPOINTS: Final = 16
_FINAL_EPOCH: Final = -1
_INITIAL_EPOCH: Final = 0


@dataclass(slots=True)
class _Split:
    """The topics of one request, decided."""

    kept: list[Item] = field(default_factory=list)
    allowed: set[TopicKey] = field(default_factory=set)
    denied: list[tuple[TopicKey, Any]] = field(default_factory=list)
    unknown: list[Any] = field(default_factory=list)


def judge_fetch(call: Call) -> Verdict:
    """Judge a Fetch request."""
    verdict = _at_once(call)
    return _judge_closely(call) if verdict is None else verdict


def _judge_closely(call: Call) -> Verdict:
    request = call.request
    if _replica_id(call.version, request) >= 0:
        # Brokers do not come this way, and a consumer that calls itself one would see past the high watermark.
        call.access.allows_cluster(CLUSTER_ACTION)
        return Answer(_everything(call, ErrorCode.topic_authorization_failed))
    if call.version < _SESSIONS:
        return _judge_full(call)
    if request.session_epoch in (_INITIAL_EPOCH, _FINAL_EPOCH):
        return _judge_full(call)
    return _judge_incremental(call)


def _at_once(call: Call) -> Verdict | None:
    """What nearly every Fetch gets: it goes on as it is, and there is nothing to tell of it. None if it is not so."""
    summary = summarize(call.version, call.frame, call.head.body)
    if summary is None or summary.replica_id >= 0 or not call.holds_on_all(READ_TOPIC, summary.topics):
        return None
    session = None
    if summary.session_id:
        session = call.fetch_sessions.get(summary.session_id)
        if session is None or session.unresolved or session.denied or session.generation != call.access.generation:
            return None
    opened = None
    if summary.session_epoch in (_INITIAL_EPOCH, _FINAL_EPOCH):
        call.fetch_sessions.close(summary.session_id)
        if summary.session_epoch == _INITIAL_EPOCH:
            opened = FetchSession(call.access.generation, set(summary.topics))
    elif session is None:
        return None
    else:
        session.allowed.update(summary.topics)
    return _forward(call, (call.frame,), [], opened)


def _replica_id(version: int, request: Any) -> int:
    replica: int = request.replica_state.replica_id if version >= _REPLICA_STATE else request.replica_id
    return replica


def _everything(call: Call, error: ErrorCode) -> Any:
    topic_type = call.answer_item("responses")
    return call.build_answer(responses=tuple(refused_item(topic_type, topic, error) for topic in call.request.topics))


def _judge_full(call: Call) -> Verdict:
    question = _ask_names(call, lambda: _judge_full(call))
    if question is not None:
        return question
    request = call.request
    split = _split(call)
    if call.version >= _SESSIONS and request.session_id:
        # A full fetch ends the session that it names; only the connection's own may end so.
        if call.fetch_sessions.get(request.session_id) is None:
            call.message.replace("session_id", 0)
        call.fetch_sessions.close(request.session_id)
    entries = [*_told(call, split.denied), *_unknown(call, split.unknown)]
    if entries and not split.kept:
        return Answer(call.build_answer(responses=tuple(entries)))
    if entries:
        call.message.items("topics").keep(split.kept)
    opened = None
    if call.version >= _SESSIONS and request.session_epoch == _INITIAL_EPOCH:
        opened = FetchSession(call.access.generation, split.allowed, unresolved=bool(split.unknown))
        _deny(opened, split)
    return _forward(call, call.message.frame_pieces(), entries, opened)


def _judge_incremental(call: Call) -> Verdict:
    request = call.request
    session = call.fetch_sessions.get(request.session_id)
    if session is None or not _holds(call, session):
        call.fetch_sessions.close(request.session_id)
        return Answer(call.build_answer(error_code=ErrorCode.fetch_session_id_not_found))
    question = _ask_names(call, lambda: _judge_incremental(call))
    if question is not None:
        return question
    for forgotten in request.forgotten_topics_data:
        session.forget(_key(call.version, forgotten), forgotten.partitions)
    split = _split(call)
    session.allowed |= split.allowed
    session.unresolved = bool(split.unknown)
    _deny(session, split)
    if len(split.kept) < len(request.topics):
        call.message.items("topics").keep(split.kept)
    entries = [*_session_entries(call, session), *_unknown(call, split.unknown)]
    return _forward(call, call.message.frame_pieces(), entries, None)


def _holds(call: Call, session: FetchSession) -> bool:
    """Whether what the session was judged by still holds.

    If any of it changed, or a topic id may have got its name since, the client is told that its session is gone, as
    when a broker evicts one; it starts anew with a full fetch, which names everything and is judged as a whole.
    """
    if session.unresolved:
        return False
    generation = call.access.generation
    if session.generation == generation:
        return True
    session.generation = generation
    return all(_may_read(call, topic) for topic in session.allowed) and not any(
        _may_read(call, topic) for topic in session.denied
    )


def _may_read(call: Call, topic: TopicKey) -> bool:
    name = call.facts.topic_ids.name(topic) if isinstance(topic, UUID) else topic
    return name is not None and call.access.allows(READ_TOPIC, name, quiet=True)


def _ask_names(call: Call, again: Any) -> Verdict | None:
    if call.version < _TOPIC_IDS:
        return None
    return ask_topic_names(call, (topic.topic_id for topic in call.request.topics), again)


def _split(call: Call) -> _Split:
    split = _Split()
    for item in call.message.items("topics"):
        topic = item.value
        key = _key(call.version, topic)
        name = call.facts.topic_ids.name(topic.topic_id) if call.version >= _TOPIC_IDS else topic.topic
        if name is None or key is None:
            split.unknown.append(topic)
        elif call.access.allows(READ_TOPIC, name, count=len(topic.partitions)):
            split.kept.append(item)
            split.allowed.add(key)
        else:
            split.denied.append((key, topic))
    return split


def _key(version: int, topic: Any) -> Any:
    return topic.topic_id if version >= _TOPIC_IDS else topic.topic


def _deny(session: FetchSession, split: _Split) -> None:
    for key, topic in split.denied:
        session.deny(key, partition_indexes(topic))


def _told(call: Call, denied: Iterable[tuple[TopicKey, Any]]) -> Iterator[Any]:
    topic_type = call.answer_item("responses")
    return (refused_item(topic_type, topic, ErrorCode.topic_authorization_failed) for _, topic in denied)


def _unknown(call: Call, topics: Iterable[Any]) -> Iterator[Any]:
    topic_type = call.answer_item("responses")
    return (refused_item(topic_type, topic, ErrorCode.unknown_topic_id) for topic in topics)


def _session_entries(call: Call, session: FetchSession) -> Iterator[Any]:
    """The denied partitions of a session are told in each of its answers, since the broker does not know of them."""
    topic_type = call.answer_item("responses")
    partition_type = call.answer_item("responses", "partitions")
    name = "topic_id" if call.version >= _TOPIC_IDS else "topic"
    for key, indexes in session.denied.items():
        call.access.allows(READ_TOPIC, _name(call, key), count=len(indexes))
        partitions = tuple(
            refused_partition(partition_type, index, ErrorCode.topic_authorization_failed) for index in indexes
        )
        yield build(topic_type, **{name: key}, partitions=partitions)


def _name(call: Call, key: TopicKey) -> str:
    if isinstance(key, UUID):
        return call.facts.topic_ids.name(key) or ""
    return key


def _forward(call: Call, pieces: Sequence[Piece], entries: list[Any], opened: FetchSession | None) -> Verdict:
    if not entries and opened is None and call.version < _NODE_ENDPOINTS:
        return Forward(pieces)
    on_session = None
    if opened is not None:
        session = opened

        def on_session(session_id: int) -> None:
            call.fetch_sessions.opened(session_id, session)

    endpoints = call.endpoints if call.version >= _NODE_ENDPOINTS else None
    return Forward(pieces, stream=FetchAnswer(call.version, entries, on_session, endpoints))


RULE: Final = ApiRule(
    ApiKey.FETCH,
    judge=judge_fetch,
    summary=(
        "Read Topic for each topic, of the request and of its fetch session, else TOPIC_AUTHORIZATION_FAILED for its "
        "partitions in every answer. A fetch as a replica is refused. A fetch session that this connection did not "
        "open is FETCH_SESSION_ID_NOT_FOUND."
    ),
    claims=frozenset({"topics.topic", "topics.topic_id"}),
    exempt=(
        ("forgotten_topics_data.topic", "forgetting a topic reveals nothing and needs no right"),
        ("forgotten_topics_data.topic_id", "forgetting a topic reveals nothing and needs no right"),
    ),
)
