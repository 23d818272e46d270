"""Two answers made comparable: what each side numbers and names for itself is put aside, and nothing else."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from protocol.apis import ApiKey
from tests.differential.values import WRITTEN_AT, plain

Names = Mapping[UUID, str]
"""What the side that answers calls the topics of these ids."""

UNORDERED: Final[dict[ApiKey, frozenset[str]]] = {
    ApiKey.PRODUCE: frozenset({"responses", "partition_responses"}),
    ApiKey.METADATA: frozenset({"topics", "partitions"}),
    ApiKey.CREATE_TOPICS: frozenset({"topics"}),
    ApiKey.DELETE_TOPICS: frozenset({"responses"}),
    ApiKey.DELETE_RECORDS: frozenset({"topics", "partitions"}),
    ApiKey.ADD_PARTITIONS_TO_TXN: frozenset({"results_by_topic_v3_and_below", "results_by_partition"}),
    ApiKey.ALTER_REPLICA_LOG_DIRS: frozenset({"results", "partitions"}),
    ApiKey.DESCRIBE_LOG_DIRS: frozenset({"topics", "partitions"}),
    ApiKey.LIST_GROUPS: frozenset({"groups"}),
    ApiKey.DELETE_GROUPS: frozenset({"results"}),
    ApiKey.LIST_TRANSACTIONS: frozenset({"transaction_states"}),
    ApiKey.DESCRIBE_TRANSACTIONS: frozenset({"topics", "partitions"}),
    ApiKey.OFFSET_FETCH: frozenset(),
    ApiKey.DESCRIBE_CONFIGS: frozenset({"configs"}),
    ApiKey.LIST_CONFIG_RESOURCES: frozenset({"config_resources"}),
    ApiKey.DESCRIBE_ACLS: frozenset({"resources", "acls"}),
    ApiKey.WRITE_TXN_MARKERS: frozenset({"markers", "topics", "partitions"}),
    ApiKey.CREATE_PARTITIONS: frozenset({"results"}),
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: frozenset({"responses", "partitions"}),
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: frozenset({"topics", "partitions"}),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: frozenset({"topics"}),
    ApiKey.SHARE_FETCH: frozenset({"responses", "partitions"}),
    ApiKey.SHARE_ACKNOWLEDGE: frozenset({"responses", "partitions"}),
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: frozenset({"responses"}),
    ApiKey.CONSUMER_GROUP_HEARTBEAT: frozenset({"topic_partitions"}),
    ApiKey.CONSUMER_GROUP_DESCRIBE: frozenset({"topic_partitions"}),
    ApiKey.SHARE_GROUP_HEARTBEAT: frozenset({"topic_partitions"}),
    ApiKey.SHARE_GROUP_DESCRIBE: frozenset({"topic_partitions"}),
}
"""Lists whose order is that of a hash map in Kafka, or shuffled."""

_SORTED_BY: Final = ("topic_name", "name", "topic_id", "partition_index")
BROKER: Final = 4
_OF_NODE: Final = re.compile(
    r"(advertised\.)?listener|controller\.(quorum|listener)|log\.dirs?$|metadata\.log\.dir|authorizer\.|super\.users"
    r"|allow\.everyone"
)
"""Settings in which the nodes differ, or that are addresses, which the doorkeeper does not show."""

_MEMBER: Final = re.compile(r"wire-[0-9a-f-]{36}|(?<![\w-])[A-Za-z0-9_-]{22}(?![\w-])")
_DROPPED: Final = frozenset({"throttle_time", "throttle_time_ms"})
_TIMES: Final = frozenset(
    {
        "timestamp",
        "last_timestamp",
        "transaction_start_time",
        "transaction_start_time_ms",
        "last_fetch_timestamp",
        "last_caught_up_timestamp",
        "issue_timestamp_ms",
        "expiry_timestamp_ms",
        "max_timestamp_ms",
    }
)
_SERIALS: Final = frozenset({"session_id", "member_epoch", "group_epoch", "assignment_epoch"})
_OF_DISK: Final = frozenset({"total_bytes", "usable_bytes"})
"""What the disk holds at the moment of the answer: anything on the machine may write between the two."""

_OF_SIDE: Final = frozenset(
    {"client_host", "cluster_id", "log_dir", "log_end_offset", "directory_id", "replica_directory_id"}
)
"""What a side is called, where it keeps its files, and how much its controllers have written."""


def normal(step_api: ApiKey, answer: Any, names: Names) -> Any:
    """An answer as dicts, lists and words."""
    if isinstance(answer, str):
        return answer
    return _walk(plain(answer), UNORDERED.get(step_api, frozenset()), names)


def _walk(value: Any, unordered: frozenset[str], names: Names) -> Any:
    if isinstance(value, list):
        return [_walk(item, unordered, names) for item in value]
    if not isinstance(value, dict):
        return _leaf(value, names)
    value = _without_own_account(value)
    is_address = {"host", "port"} <= value.keys()
    found: dict[str, Any] = {}
    for name, item in value.items():
        if name in _DROPPED:
            continue
        walked = _walk(_placeless(name, item, is_address=is_address), unordered, names)
        if name in unordered and isinstance(walked, list):
            walked = sorted(walked, key=_sorted_by)
        found[name] = walked
    return found


def _without_own_account(value: dict[str, Any]) -> dict[str, Any]:
    """A resource or topic without what a side keeps for itself.

    These are settings in which the nodes differ, and sizes of internal topics: a coordinator writes there whenever it
    lets go of something, and what one side alone has done.
    """
    if value.get("resource_type") == BROKER and "configs" in value:
        return value | {"configs": [config for config in value["configs"] if not _OF_NODE.match(config["name"])]}
    if str(value.get("name")).startswith("__") and "partitions" in value:
        return value | {"partitions": [_sizeless(part) for part in value["partitions"]]}
    return value


def _sizeless(partition: dict[str, Any]) -> dict[str, Any]:
    return partition | {"partition_size": "SIZE"} if "partition_size" in partition else partition


def _sorted_by(item: Any) -> str:
    """What it is about first: its name before its id, which may be told on one side alone."""
    about = [item[name] for name in _SORTED_BY if name in item] if isinstance(item, dict) else []
    return json.dumps([about, item], sort_keys=True, default=str)


def _placeless(name: str, value: Any, *, is_address: bool) -> Any:
    """The value without what depends on which side says it."""
    if is_address and name == "host":
        return value and "HOST"
    if is_address and name == "port":
        return min(value, 1)
    if name in _OF_SIDE:
        return value and name
    if name == "records" and value is not None:
        return batches(value)
    return _numberless(name, value)


def _numberless(name: str, value: Any) -> Any:
    if name in _TIMES and isinstance(value, int) and value > 0 and value != WRITTEN_AT:
        return "TIME"
    if (name in _SERIALS or name in _OF_DISK) and isinstance(value, int) and value > 0:
        return "NUMBER"
    if name in ("producer_id", "producer_epoch") and value >= 0:
        # Which it is depends on what the coordinator had to abort before, and when.
        return "NUMBER"
    return value


def _leaf(value: Any, names: Names) -> Any:
    if isinstance(value, UUID):
        name = names.get(value)
        return f"id of {name}" if name is not None else str(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, timedelta):
        return value // timedelta(milliseconds=1)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return _MEMBER.sub("MEMBER", value)
    return value


def batches(records: bytes) -> list[list[int]]:
    """(base offset, attributes, count of records) of each whole batch."""
    found, position = [], 0
    while position + 61 <= len(records):
        base, length = struct.unpack_from(">qi", records, position)
        (attributes,) = struct.unpack_from(">h", records, position + 21)
        (count,) = struct.unpack_from(">i", records, position + 57)
        found.append([base, attributes, count])
        position += 12 + length
    return found


Difference = tuple[str, Any, Any]


def differences(real: Any, ours: Any, path: str = "") -> Iterator[Difference]:
    """(path, what Kafka says, what the doorkeeper says) wherever they are not equal."""
    if isinstance(real, dict) and isinstance(ours, dict) and real.keys() == ours.keys():
        for name, value in real.items():
            yield from differences(value, ours[name], f"{path}.{name}" if path else name)
    elif isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        for number, (first, second) in enumerate(zip(real, ours, strict=True)):
            yield from differences(first, second, f"{path}[{number}]")
    elif real != ours:
        yield path, real, ours


Transient = Callable[[Any], bool]
_TRANSIENT: Final = frozenset(
    {
        "concurrent_transactions",
        "coordinator_load_in_progress",
        "coordinator_not_available",
    }
)


def is_transient(tree: Any) -> bool:
    """Whether an answer says "not yet" somewhere."""
    if isinstance(tree, dict):
        return any(is_transient(value) for value in tree.values())
    if isinstance(tree, list):
        return any(is_transient(value) for value in tree)
    return isinstance(tree, str) and tree in _TRANSIENT
