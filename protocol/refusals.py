"""Refused items and refused requests: what an answer holds in the place of what was not done.

Kafka builds these in ``AbstractRequest.getErrorResponse`` and in ``KafkaApis``. One function serves all APIs because
their answers are alike: an item repeats what names it in the request, and its numbers say "unknown" (-1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, response_type
from protocol.codec import build, has_field, item_type
from protocol.refusal_shapes import SHAPES

_IDENTITY: Final = (
    "name",
    "topic",
    "topic_id",
    "group_id",
    "resource_type",
    "resource_name",
    "transactional_id",
    "key",
)
_REQUESTED_PARTITIONS: Final = ("partitions", "partition_data", "partition_indexes")
_ANSWERED_PARTITIONS: Final = ("partitions", "partition_responses", "results_by_partition")
_UNKNOWN: Final[dict[str, Any]] = {
    "aborted_transactions": (),
    "base_offset": -1,
    "committed_leader_epoch": -1,
    "committed_offset": -1,
    "configs": (),
    "end_offset": -1,
    "generation_id": -1,
    "high_watermark": -1,
    "last_stable_offset": -1,
    "leader_epoch": -1,
    "log_start_offset": -1,
    "low_watermark": -1,
    "metadata": "",
    "node_id": -1,
    "offset": -1,
    "port": -1,
    "producer_epoch": -1,
    "producer_id": -1,
    "records": b"",
    "timestamp": -1,
}

_ITEMS: Final[dict[ApiKey, tuple[tuple[str, str], ...]]] = {
    ApiKey.PRODUCE: (("topic_data", "responses"),),
    ApiKey.FETCH: (("topics", "responses"),),
    ApiKey.LIST_OFFSETS: (("topics", "topics"),),
    ApiKey.METADATA: (("topics", "topics"),),
    ApiKey.OFFSET_COMMIT: (("topics", "topics"),),
    ApiKey.OFFSET_FETCH: (("groups", "groups"), ("topics", "topics")),
    ApiKey.FIND_COORDINATOR: (("coordinator_keys", "coordinators"),),
    ApiKey.DESCRIBE_GROUPS: (("groups", "groups"),),
    ApiKey.DELETE_GROUPS: (("groups_names", "results"),),
    ApiKey.CREATE_TOPICS: (("topics", "topics"),),
    ApiKey.DELETE_TOPICS: (("topics", "responses"), ("topic_names", "responses")),
    ApiKey.DELETE_RECORDS: (("topics", "topics"),),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: (("topics", "topics"),),
    ApiKey.ADD_PARTITIONS_TO_TXN: (("v3_and_below_topics", "results_by_topic_v3_and_below"),),
    ApiKey.TXN_OFFSET_COMMIT: (("topics", "topics"),),
    ApiKey.DESCRIBE_CONFIGS: (("resources", "results"),),
    ApiKey.ALTER_CONFIGS: (("resources", "responses"),),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: (("resources", "responses"),),
    ApiKey.CREATE_PARTITIONS: (("topics", "results"),),
    ApiKey.CREATE_ACLS: (("creations", "results"),),
    ApiKey.DELETE_ACLS: (("filters", "filter_results"),),
    ApiKey.LIST_PARTITION_REASSIGNMENTS: (("topics", "topics"),),
    ApiKey.DESCRIBE_PRODUCERS: (("topics", "topics"),),
    ApiKey.CONSUMER_GROUP_DESCRIBE: (("group_ids", "groups"),),
    ApiKey.SHARE_GROUP_DESCRIBE: (("group_ids", "groups"),),
    ApiKey.STREAMS_GROUP_DESCRIBE: (("group_ids", "groups"),),
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: (("groups", "groups"),),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: (("topics", "topics"),),
}
"""(items of the request, items of the answer): where an error stands if it stands at each item."""

_TOP_LEVEL_ONLY: Final[dict[ApiKey, int]] = {ApiKey.FETCH: 13, ApiKey.OFFSET_FETCH: 2}
"""From this version on the error stands at the top alone, with no items (OffsetFetch 8+ has no top-level field)."""

_PLAIN_NAMES: Final[dict[ApiKey, str]] = {
    ApiKey.FIND_COORDINATOR: "key",
    ApiKey.DESCRIBE_GROUPS: "group_id",
    ApiKey.DELETE_GROUPS: "group_id",
    ApiKey.CONSUMER_GROUP_DESCRIBE: "group_id",
    ApiKey.SHARE_GROUP_DESCRIBE: "group_id",
    ApiKey.STREAMS_GROUP_DESCRIBE: "group_id",
    ApiKey.DELETE_TOPICS: "name",
}
"""What an item that is a bare string names."""


def refused_item(
    entity_type: type[Any], item: Any, error: ErrorCode, message: str | None = None, *, named: str = "name"
) -> Any:
    """The entry of an answer for one refused item of the request.

    ``item`` is an entity, or a bare string that the answer calls ``named``. Every requested partition gets the error.
    """
    values = _UNKNOWN | {"error_code": error, "partition_error_code": error, "error_message": message}
    if isinstance(item, str):
        return build(entity_type, **values, **{named: item})
    values |= {field: getattr(item, field) for field in _IDENTITY if hasattr(item, field)}
    for field in _ANSWERED_PARTITIONS:
        if has_field(entity_type, field):
            partition_type = item_type(entity_type, field)
            indexes = partition_indexes(item)
            values[field] = tuple(refused_partition(partition_type, index, error, message) for index in indexes)
    return build(entity_type, **values)


def refused_partition(entity_type: type[Any], index: int, error: ErrorCode, message: str | None = None) -> Any:
    """The entry of an answer for one refused partition."""
    values = _UNKNOWN | {"error_code": error, "partition_error_code": error, "error_message": message}
    return build(entity_type, **values, index=index, partition_index=index, partition=index)


def partition_indexes(item: Any) -> Iterable[int]:
    """The partitions that an item of a request names, whatever that API calls them."""
    for field in _REQUESTED_PARTITIONS:
        for partition in getattr(item, field, None) or ():
            if isinstance(partition, int):
                yield partition
            else:
                yield next(
                    getattr(partition, name)
                    for name in ("partition_index", "partition", "index")
                    if hasattr(partition, name)
                )


def refuse(api_key: int, version: int, request: Any, error: ErrorCode, message: str | None = None) -> Any:
    """The answer that gives a whole request one error, in the place where its API and version puts it."""
    entity_type = response_type(api_key, version)
    values: dict[str, Any] = _UNKNOWN | {"error_code": error, "error_message": message}
    key = ApiKey(api_key)
    if key not in _TOP_LEVEL_ONLY or version < _TOP_LEVEL_ONLY[key] or not has_field(entity_type, "error_code"):
        for requested, answered in _ITEMS.get(key, ()):
            items = getattr(request, requested, None)
            if items is not None and has_field(entity_type, answered):
                inner = item_type(entity_type, answered)
                named = _PLAIN_NAMES.get(key, "name")
                values[answered] = tuple(refused_item(inner, item, error, message, named=named) for item in items)
    if key in SHAPES:
        values |= SHAPES[key](entity_type, request, error, message)
    return build(entity_type, **values)


def can_say(api_key: int, version: int) -> bool:
    """Whether an answer of this API has any place for an error of the whole request."""
    return api_key in _ITEMS or api_key in SHAPES or has_field(response_type(api_key, version), "error_code")
