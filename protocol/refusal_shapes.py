"""Refused requests whose answers have a shape of their own: administration, and what brokers ask each other.

Each function gives the fields in which such an answer tells the error. What it leaves out is 0 or empty, as in Kafka.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.codec import build, convert, item_type

Shape = Callable[[type[Any], Any, ErrorCode, str | None], dict[str, Any]]
"""(type of the answer, request, error, message) -> fields of the answer."""


def _every_partition(
    entity_type: type[Any], partitions: str, indexes: Iterable[int], error: ErrorCode, message: str | None
) -> tuple[Any, ...]:
    inner = item_type(entity_type, partitions)
    return tuple(
        build(
            inner,
            partition=index,
            partition_index=index,
            partition_id=index,
            error_code=error,
            error_message=message,
        )
        for index in indexes
    )


def _markers(answer: type[Any], request: Any, error: ErrorCode, _message: str | None) -> dict[str, Any]:
    """One entry for each producer id: of two markers of one producer the last is told."""
    marker_type = item_type(answer, "markers")
    topic_type = item_type(marker_type, "topics")
    told = {}
    for marker in request.markers:
        topics: dict[str, dict[int, None]] = {}
        for topic in marker.topics:
            topics.setdefault(topic.name, {}).update(dict.fromkeys(topic.partition_indexes))
        told[marker.producer_id] = build(
            marker_type,
            producer_id=marker.producer_id,
            topics=tuple(
                build(
                    topic_type, name=name, partitions=_every_partition(topic_type, "partitions", indexes, error, None)
                )
                for name, indexes in topics.items()
            ),
        )
    return {"markers": tuple(told.values())}


def _log_dirs(answer: type[Any], request: Any, error: ErrorCode, _message: str | None) -> dict[str, Any]:
    result = item_type(answer, "results")
    return {
        "results": tuple(
            build(
                result,
                topic_name=topic.name,
                partitions=_every_partition(result, "partitions", topic.partitions, error, None),
            )
            for directory in request.dirs
            for topic in directory.topics
        )
    }


def _elections(answer: type[Any], request: Any, error: ErrorCode, message: str | None) -> dict[str, Any]:
    result = item_type(answer, "replica_election_results")
    return {
        "replica_election_results": tuple(
            build(
                result,
                topic=topic.topic,
                partition_result=_every_partition(result, "partition_result", topic.partitions, error, message),
            )
            for topic in request.topic_partitions or ()
        )
    }


def _reassignments(answer: type[Any], request: Any, error: ErrorCode, message: str | None) -> dict[str, Any]:
    response = item_type(answer, "responses")
    return {
        "responses": tuple(
            build(
                response,
                name=topic.name,
                partitions=_every_partition(
                    response,
                    "partitions",
                    (partition.partition_index for partition in topic.partitions),
                    error,
                    message,
                ),
            )
            for topic in request.topics
        )
    }


def _quotas(answer: type[Any], request: Any, error: ErrorCode, message: str | None) -> dict[str, Any]:
    entry_type = item_type(answer, "entries")
    component = item_type(entry_type, "entity")
    return {
        "entries": tuple(
            build(
                entry_type,
                error_code=error,
                error_message=message,
                entity=tuple(convert(part, component) for part in entry.entity),
            )
            for entry in request.entries
        )
    }


def _described_users(answer: type[Any], request: Any, error: ErrorCode, message: str | None) -> dict[str, Any]:
    """As many results as users were asked for, of nobody: Kafka does not repeat their names."""
    result = build(item_type(answer, "results"), error_code=error, error_message=message)
    return {"results": (result,) * len(request.users or ())}


def _altered_users(answer: type[Any], request: Any, error: ErrorCode, message: str | None) -> dict[str, Any]:
    result = item_type(answer, "results")
    users = {alteration.name for alteration in (*request.deletions, *request.upsertions)}
    return {
        "results": tuple(
            build(result, user=user, error_code=error, error_message=message) for user in sorted(users, key=java_order)
        )
    }


def java_order(text: str) -> bytes:
    """The key by which Java sorts strings: by their UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _transactions(answer: type[Any], request: Any, error: ErrorCode, _message: str | None) -> dict[str, Any]:
    state = item_type(answer, "transaction_states")
    return {
        "transaction_states": tuple(
            build(state, transactional_id=name, error_code=error) for name in request.transactional_ids
        )
    }


def _share_state(answer: type[Any], request: Any, error: ErrorCode, message: str | None) -> dict[str, Any]:
    result = item_type(answer, "results")
    return {
        "results": tuple(
            build(
                result,
                topic_id=topic.topic_id,
                partitions=_every_partition(
                    result, "partitions", (partition.partition for partition in topic.partitions), error, message
                ),
            )
            for topic in request.topics
        )
    }


SHAPES: Final[dict[ApiKey, Shape]] = {
    ApiKey.WRITE_TXN_MARKERS: _markers,
    ApiKey.ALTER_REPLICA_LOG_DIRS: _log_dirs,
    ApiKey.ELECT_LEADERS: _elections,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: _reassignments,
    ApiKey.ALTER_CLIENT_QUOTAS: _quotas,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: _described_users,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: _altered_users,
    ApiKey.DESCRIBE_TRANSACTIONS: _transactions,
    ApiKey.INITIALIZE_SHARE_GROUP_STATE: _share_state,
    ApiKey.READ_SHARE_GROUP_STATE: _share_state,
    ApiKey.WRITE_SHARE_GROUP_STATE: _share_state,
    ApiKey.DELETE_SHARE_GROUP_STATE: _share_state,
    ApiKey.READ_SHARE_GROUP_STATE_SUMMARY: _share_state,
}
"""The answers that repeat what was asked in a way that no common rule builds."""
