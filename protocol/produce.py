"""Whom a Produce request writes to, read without touching its records: names and flags, in one pass."""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple
from uuid import UUID

from protocol import in_place
from protocol.errors import MalformedFrame
from protocol.header import has_plain_header
from protocol.layout import Buffer, read_uvarint
from protocol.records import FLAGS, MAGIC, TRANSACTIONAL, WITH_FLAGS

TRANSACTIONS: Final = 3
"""The version that brought transactional ids (KIP-98)."""
FLEXIBLE: Final = 9
"""The first version in the compact form (KIP-482)."""
TOPIC_IDS: Final = 13
"""The version from which topics go by their ids (KIP-516)."""
ACKS_AND_TIMEOUT: Final = 6
"""Their size in bytes; behind them begin the topics."""

_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_UUID: Final = 16
_NAMELESS: Final = "a topic of a Produce request has no name"


class ProduceSummary(NamedTuple):
    """What must be judged of a Produce request."""

    transactional_id: str | None
    acks: int
    topics: tuple[str | UUID, ...]
    """The topics in the order of the request; a topic that stands there twice is here twice."""
    transactional: bool
    """Whether the first batch of any partition carries the transactional flag."""


def summarize(version: int, frame: Buffer, body: int) -> ProduceSummary | None:
    """Read a Produce request; None if it has tagged fields or bytes behind its end, which the slower way has to cut.

    :raises MalformedFrame: if the frame is not one whole Produce request.
    """
    try:
        return _flexible(version, frame, body) if version >= FLEXIBLE else _fixed(version, frame, body)
    except (IndexError, struct_error, ValueError) as fault:
        raise MalformedFrame(f"unreadable Produce request: {fault}") from fault


def _fixed(version: int, frame: Buffer, position: int) -> ProduceSummary | None:
    transactional_id = None
    if version >= TRANSACTIONS:
        transactional_id, position = in_place.text(frame, position)
    acks: int = _INT16.unpack_from(frame, position)[0]
    count, position = in_place.count(frame, position + ACKS_AND_TIMEOUT)
    topics: list[str | UUID] = []
    transactional = False
    for _ in range(count):
        name, position = in_place.text(frame, position)
        if name is None:
            raise MalformedFrame(_NAMELESS)
        topics.append(name)
        flag, position = partitions(frame, position)
        transactional = transactional or flag
    return _whole(frame, position, ProduceSummary(transactional_id, acks, tuple(topics), transactional))


def partitions(frame: Buffer, position: int) -> tuple[bool, int]:
    """Whether one of a topic's partitions has transactional records, and the position behind all.

    :raises MalformedFrame: if there can be no such partitions. What a buffer raises when read past its end is raised,
        too; whether the position lies within the frame is for the caller to see.
    """
    count, position = in_place.count(frame, position)
    transactional = False
    for _ in range(count):
        size: int = _INT32.unpack_from(frame, position + 4)[0]
        begin = position + 8
        if size > FLAGS and frame[begin + MAGIC] >= WITH_FLAGS and frame[begin + FLAGS] & TRANSACTIONAL:
            transactional = True
        elif size < -1:
            raise MalformedFrame("records of a Produce request have a negative length")
        position = begin + size if size > 0 else begin
    return transactional, position


def _flexible(version: int, frame: Buffer, position: int) -> ProduceSummary | None:
    plain = has_plain_header(frame, position)
    transactional_id, position = in_place.compact_text(frame, position)
    acks: int = _INT16.unpack_from(frame, position)[0]
    count, position = in_place.compact_count(frame, position + ACKS_AND_TIMEOUT)
    topics: list[str | UUID] = []
    transactional = False
    for _ in range(count):
        if version >= TOPIC_IDS:
            topics.append(UUID(bytes=bytes(frame[position : position + _UUID])))
            position += _UUID
        else:
            name, position = in_place.compact_text(frame, position)
            if name is None:
                raise MalformedFrame(_NAMELESS)
            topics.append(name)
        flag, position = compact_partitions(frame, position)
        transactional = transactional or flag
        if not position or frame[position]:
            return None
        position += 1
    if frame[position] or not plain:
        return None
    return _whole(frame, position + 1, ProduceSummary(transactional_id, acks, tuple(topics), transactional))


def compact_partitions(frame: Buffer, position: int) -> tuple[bool, int]:
    """As :func:`partitions`, in the compact form; the position is 0 if one has tagged fields."""
    # Most of the time of large requests is spent here, so the lengths that are usual cost no call, nor does what
    # is_transactional would tell.
    if 0 < (count := frame[position]) < 0x80:
        count -= 1
        position += 1
    else:
        count, position = in_place.compact_count(frame, position)
    transactional = False
    for _ in range(count):
        size = frame[position + 4]
        if size < 0x80:
            begin = position + 5
        elif (high := frame[position + 5]) < 0x80:
            size += (high - 1) << 7
            begin = position + 6
        else:
            size, begin = read_uvarint(frame, position + 4)
        end = begin + size - 1 if size else begin
        if size > FLAGS + 1 and frame[begin + MAGIC] >= WITH_FLAGS and frame[begin + FLAGS] & TRANSACTIONAL:
            transactional = True
        if frame[end]:
            return transactional, 0
        position = end + 1
    return transactional, position


def _whole(frame: Buffer, position: int, summary: ProduceSummary) -> ProduceSummary | None:
    if position > len(frame):
        raise MalformedFrame("a Produce request is cut short")
    return summary if position == len(frame) else None
