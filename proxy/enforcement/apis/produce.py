"""Produce: the hot way to write. Names and flags are read in place; records are neither decoded nor copied."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.errors import MalformedFrame
from protocol.produce import ProduceSummary, summarize
from protocol.records import fault_of_first_batch, is_transactional
from protocol.refusals import refuse, refused_item
from protocol.splice import Item
from proxy.enforcement.apis.names import ask_topic_names
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import adding
from proxy.enforcement.rights import WRITE_TOPIC, WRITE_TRANSACTIONAL_ID
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Disconnect, Forward, Verdict

_SILENT: Final = "a Produce without acknowledgement was denied"


def judge_produce(call: Call) -> Verdict:
    """Judge a Produce request."""
    summary = summarize(call.version, call.frame, call.head.body)
    frame = call.frame
    if summary is None:
        frame = call.message.frame
        summary = summarize(call.version, frame, call.message.body)
        if summary is None:
            raise MalformedFrame("a Produce request has tagged fields within its partitions")
    if summary.transactional and not _may_use_transaction(call, summary.transactional_id):
        return _unreadable(call, summary) or _refused(call, summary, ErrorCode.transactional_id_authorization_failed)
    if not call.holds_on_all(WRITE_TOPIC, summary.topics):
        return _judge_each(call, summary)
    repeatable = summary if frame is call.frame else None
    return Forward((frame,), acknowledged=summary.acks != 0, repeatable=repeatable)


def _refused(call: Call, summary: ProduceSummary, error: ErrorCode, message: str | None = None) -> Verdict:
    if summary.acks == 0:
        return Disconnect(_SILENT)
    return Answer(refuse(ApiKey.PRODUCE, call.version, call.request, error, message))


def _unreadable(call: Call, summary: ProduceSummary) -> Verdict | None:
    """Brokers look for the transactional flag before all rights, and a batch in which they cannot find it fails all."""
    for topic in call.request.topic_data:
        for partition in topic.partition_data:
            records = partition.records or b""
            if (fault := fault_of_first_batch(records)) is not None:
                return _refused(call, summary, ErrorCode.corrupt_message, fault)
            if is_transactional(records, 0, len(records)):
                return None
    return None


def _may_use_transaction(call: Call, transactional_id: str | None) -> bool:
    return transactional_id is not None and call.access.allows(WRITE_TRANSACTIONAL_ID, transactional_id)


def _judge_each(call: Call, summary: ProduceSummary) -> Verdict:
    """Some topic is denied, or goes by its id: decide for each."""
    ids = [topic for topic in summary.topics if isinstance(topic, UUID) and topic.int]
    question = ask_topic_names(call, ids, lambda: _judge_each(call, summary))
    if question is not None:
        return question
    if (verdict := _unreadable(call, summary)) is not None:
        return verdict
    items = call.message.items("topic_data")
    kept: list[Item] = []
    entries: list[Any] = []
    for item, topic in zip(items, summary.topics, strict=True):
        name = topic if isinstance(topic, str) else call.facts.topic_ids.name(topic)
        if name is not None and call.access.allows(WRITE_TOPIC, name):
            kept.append(item)
            continue
        error = ErrorCode.unknown_topic_id if name is None else ErrorCode.topic_authorization_failed
        entries.append(refused_item(call.answer_item("responses"), item.value, error))
    return _forward_kept(call, summary, kept, entries)


def _forward_kept(call: Call, summary: ProduceSummary, kept: list[Item], entries: list[Any]) -> Verdict:
    acknowledged = summary.acks != 0
    if not entries:
        return Forward(call.message.frame_pieces(), acknowledged=acknowledged)
    if not kept:
        if acknowledged:
            return Answer(call.build_answer(responses=tuple(entries)))
        return Disconnect(_SILENT)
    call.message.items("topic_data").keep(kept)

    edits = (adding("responses", entries),) if acknowledged else ()
    return Forward(call.message.frame_pieces(), edits, acknowledged=acknowledged, close=not acknowledged)


RULE: Final = ApiRule(
    ApiKey.PRODUCE,
    judge=judge_produce,
    summary=(
        "Write TransactionalId if the first batch of any partition is transactional, else "
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED for all. Write Topic for each topic, else "
        " TOPIC_AUTHORIZATION_FAILED for its partitions; the rest is stored. "
        "With acks=0 the connection is closed."
    ),
    claims=frozenset({"transactional_id", "topic_data.name", "topic_data.topic_id"}),
)
