"""Whom a Fetch request reads from, read in one pass that touches no partition.

A consumer sends these without end, and those of old clients name every partition each time. All partitions of one
version have the same size, so that their names are all there is to read.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple
from uuid import UUID

from protocol import in_place
from protocol.errors import MalformedFrame
from protocol.header import has_plain_header
from protocol.layout import Buffer

_INT32: Final = Struct(">i")
_SESSION: Final = Struct(">ii")
_UUID: Final = 16
_MAX_BYTES: Final = 3
_ISOLATION_LEVEL: Final = 4
_LOG_START_OFFSET: Final = 5
_SESSIONS: Final = 7
_LEADER_EPOCH: Final = 9
_RACK: Final = 11
_FLEXIBLE: Final = 12
"""Tagged fields; also the epoch that was fetched last."""
_TOPIC_IDS: Final = 13
_REPLICA_STATE: Final = 15
_NO_REPLICA: Final = -1
_NO_SESSION: Final = (0, -1)


class FetchSummary(NamedTuple):
    """What must be judged of a Fetch request that forgets no topic."""

    replica_id: int
    session_id: int
    session_epoch: int
    topics: tuple[str | UUID, ...]
    """The topics in the order of the request; a topic that stands there twice is here twice."""


def summarize(version: int, frame: Buffer, body: int) -> FetchSummary | None:
    """Read a Fetch request.

    None if it has anything that this pass does not read: tagged fields (which say who a replica is, from version 15
    on), topics to be forgotten, bytes behind its end, or what makes no sense.
    """
    try:
        return _flexible(version, frame, body) if version >= _FLEXIBLE else _fixed(version, frame, body)
    except (IndexError, struct_error, ValueError, MalformedFrame):
        return None


def _fixed(version: int, frame: Buffer, position: int) -> FetchSummary | None:
    replica_id, session, position = _beginning(version, frame, position)
    count, position = in_place.count(frame, position)
    size = _partition_size(version)
    topics: list[str | UUID] = []
    for _ in range(count):
        name, position = in_place.text(frame, position)
        if name is None:
            return None
        topics.append(name)
        partitions, position = in_place.count(frame, position)
        position += partitions * size
    if version >= _SESSIONS:
        forgotten, position = in_place.count(frame, position)
        if forgotten:
            return None
    if version >= _RACK:
        rack, position = in_place.text(frame, position)
        if rack is None:
            return None
    return FetchSummary(replica_id, *session, tuple(topics)) if position == len(frame) else None


def _flexible(version: int, frame: Buffer, position: int) -> FetchSummary | None:
    if not has_plain_header(frame, position):
        return None
    replica_id, session, position = _beginning(version, frame, position)
    count, position = in_place.compact_count(frame, position)
    size = _partition_size(version)
    topics: list[str | UUID] = []
    for _ in range(count):
        if version >= _TOPIC_IDS:
            topics.append(UUID(bytes=bytes(frame[position : position + _UUID])))
            position += _UUID
        else:
            name, position = in_place.compact_text(frame, position)
            if name is None:
                return None
            topics.append(name)
        partitions, position = in_place.compact_count(frame, position)
        end = position + partitions * size
        untagged = bytes(frame[position + size - 1 : end : size]).count(0)
        if untagged != partitions or frame[end]:
            return None
        position = end + 1
    forgotten, position = in_place.compact_count(frame, position)
    rack, position = in_place.compact_text(frame, position)
    plain = not forgotten and rack is not None and position + 1 == len(frame) and not frame[position]
    return FetchSummary(replica_id, *session, tuple(topics)) if plain else None


def _beginning(version: int, frame: Buffer, position: int) -> tuple[int, tuple[int, int], int]:
    """The replica's id, the session's id and epoch, and the position of the topics."""
    replica_id = _NO_REPLICA
    if version < _REPLICA_STATE:
        replica_id = _INT32.unpack_from(frame, position)[0]
        position += 4
    # The longest wait, the least and the most bytes, the isolation level.
    position += 8 + 4 * (version >= _MAX_BYTES) + (version >= _ISOLATION_LEVEL)
    if version < _SESSIONS:
        return replica_id, _NO_SESSION, position
    return replica_id, _SESSION.unpack_from(frame, position), position + _SESSION.size


def _partition_size(version: int) -> int:
    """Bytes of a partition, with the byte that says that it has no tagged fields."""
    index, epoch, offset, last_epoch, log_start, most_bytes, tags = 4, 4, 8, 4, 8, 4, 1
    size = index + offset + most_bytes
    size += epoch * (version >= _LEADER_EPOCH) + log_start * (version >= _LOG_START_OFFSET)
    return size + (last_epoch + tags) * (version >= _FLEXIBLE)
