"""Producer ids and transactions."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.codec import build, item_type
from proxy.enforcement.apis.names import INTERNAL_TOPICS, ask_topics, existing_partitions
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Cut, Gate, field_of, refusal, refused
from proxy.enforcement.rights import (
    ALTER_CLUSTER,
    CLUSTER_ACTION,
    IDEMPOTENT_WRITE,
    READ_GROUP,
    READ_TOPIC,
    TWO_PHASE_COMMIT,
    WRITE_TOPIC,
    WRITE_TRANSACTIONAL_ID,
)
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

Partitions = AbstractSet[tuple[str, int]]

_FOR_BROKERS: Final = 4
_TOPICS: Final = "v3_and_below_topics"
_RESULTS: Final = "results_by_topic_v3_and_below"

_WRITE_THE_TRANSACTION: Final = Gate(WRITE_TRANSACTIONAL_ID, field_of("transactional_id"))


def judge_init_producer_id(call: Call) -> Verdict:
    """Judge an InitProducerId (KIP-360; without a transactional id: KIP-679)."""
    transactional_id = call.request.transactional_id
    if transactional_id is None:
        access = call.access
        if access.holds(IDEMPOTENT_WRITE) or access.allows_any(WRITE_TOPIC):
            return call.forward()
        return Answer(refusal(call, IDEMPOTENT_WRITE.error))
    rights = [WRITE_TRANSACTIONAL_ID]
    if getattr(call.request, "enable2_pc", False):
        rights.append(TWO_PHASE_COMMIT)
    if all(call.access.allows(right, transactional_id) for right in rights):
        return call.forward()
    return Answer(refusal(call, WRITE_TRANSACTIONAL_ID.error))


def judge_add_partitions(call: Call) -> Verdict:
    """Judge an AddPartitionsToTxn: all or nothing; from version 4 on it is for brokers alone."""
    if call.version >= _FOR_BROKERS:
        call.access.allows_cluster(CLUSTER_ACTION)
        return Answer(refusal(call, CLUSTER_ACTION.error))
    request = call.request
    if not call.access.allows(WRITE_TRANSACTIONAL_ID, request.v3_and_below_transactional_id):
        return Answer(refusal(call, WRITE_TRANSACTIONAL_ID.error))
    names = list(dict.fromkeys(topic.name for topic in request.v3_and_below_topics))
    denied = {name for name in names if name in INTERNAL_TOPICS or not call.access.allows(WRITE_TOPIC, name)}
    if not denied:
        return call.forward()
    allowed = [name for name in names if name not in denied]
    if allowed:
        question = ask_topics(call, allowed, lambda found: _add_nothing(call, denied, existing_partitions(found)))
        if question is not None:
            return question
    return _add_nothing(call, denied, None)


def _add_nothing(call: Call, denied: set[str], existing: Partitions | None) -> Verdict:
    """Answer without the broker; nobody was asked what exists if that is None."""
    topic_type = call.answer_item(_RESULTS)
    return Answer(
        call.build_answer(
            **{
                _RESULTS: tuple(
                    _result(topic_type, topic, denied, existing) for topic in call.request.v3_and_below_topics
                )
            }
        )
    )


def _result(topic_type: type[Any], topic: Any, denied: set[str], existing: Partitions | None) -> Any:
    def error(partition: int) -> ErrorCode:
        if topic.name in denied:
            return WRITE_TOPIC.error
        if existing is not None and (topic.name, partition) not in existing:
            return ErrorCode.unknown_topic_or_partition
        return ErrorCode.operation_not_attempted

    partition_type = item_type(topic_type, "results_by_partition")
    results = tuple(
        build(partition_type, partition_index=index, partition_error_code=error(index)) for index in topic.partitions
    )
    return build(topic_type, name=topic.name, results_by_partition=results)


def judge_write_markers(call: Call) -> Verdict:
    """Judge a WriteTxnMarkers: transaction coordinators send it, and administrators who abort what hangs (KIP-664)."""
    if call.access.holds(ALTER_CLUSTER) or call.access.allows_cluster(CLUSTER_ACTION):
        return call.forward()
    return Answer(refusal(call, CLUSTER_ACTION.error))


RULES: Final = (
    ApiRule(
        ApiKey.INIT_PRODUCER_ID,
        judge=judge_init_producer_id,
        summary=(
            "With a transactional id Write TransactionalId (and TwoPhaseCommit TransactionalId if asked for), else "
            "TRANSACTIONAL_ID_AUTHORIZATION_FAILED. Without: IdempotentWrite Cluster, else Write on any Topic, else "
            "CLUSTER_AUTHORIZATION_FAILED."
        ),
        claims=frozenset({"transactional_id"}),
    ),
    ApiRule(
        ApiKey.ADD_PARTITIONS_TO_TXN,
        judge=judge_add_partitions,
        summary=(
            "Write TransactionalId, else TRANSACTIONAL_ID_AUTHORIZATION_FAILED for every partition. Write Topic for "
            "each topic; if one is denied nothing is added and the others are OPERATION_NOT_ATTEMPTED. Versions 4+ are "
            "for brokers and refused."
        ),
        claims=frozenset({"v3_and_below_transactional_id", "v3_and_below_topics.name"}),
        exempt=(
            ("transactions.transactional_id", "versions 4+ are refused whole"),
            ("transactions.topics.name", "versions 4+ are refused whole"),
        ),
    ),
    ApiRule(
        ApiKey.ADD_OFFSETS_TO_TXN,
        (_WRITE_THE_TRANSACTION, Gate(READ_GROUP, field_of("group_id"))),
        claims=frozenset({"transactional_id", "group_id"}),
    ),
    ApiRule(ApiKey.END_TXN, (_WRITE_THE_TRANSACTION,), claims=frozenset({"transactional_id"})),
    ApiRule(
        ApiKey.WRITE_TXN_MARKERS,
        judge=judge_write_markers,
        summary=(
            "Alter Cluster, else ClusterAction Cluster, else CLUSTER_AUTHORIZATION_FAILED for every partition of every "
            "marker."
        ),
        exempt=(("markers.topics.name", "the right on the cluster covers all topics"),),
    ),
    ApiRule(
        ApiKey.TXN_OFFSET_COMMIT,
        (
            _WRITE_THE_TRANSACTION,
            Gate(READ_GROUP, field_of("group_id")),
            Cut("topics", READ_TOPIC, "topics", field_of("name"), refused("topics"), first=True),
        ),
        claims=frozenset({"transactional_id", "group_id", "topics.name"}),
    ),
)
