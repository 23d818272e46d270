"""Whom a Produce request writes to, read without touching its records: names and flags, in one pass."""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple
from uuid import UUID

from protocol.errors import MalformedFrame
from protocol.layout import Buffer, read_count, read_uvarint
from protocol.records import is_transactional

_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_ACKS_AND_TIMEOUT: Final = 6
_FLEXIBLE: Final = 9
_TOPIC_IDS: Final = 13


class ProduceSummary(NamedTuple):
    """What must be judged of a Produce request (versions 3-13)."""

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
        return _flexible(version, frame, body) if version >= _FLEXIBLE else _fixed(frame, body)
    except (IndexError, struct_error, UnicodeDecodeError, ValueError) as fault:
        raise MalformedFrame(f"unreadable Produce request: {fault}") from fault


def _fixed(frame: Buffer, position: int) -> ProduceSummary | None:
    length: int = _INT16.unpack_from(frame, position)[0]
    position += 2
    transactional_id = None
    if length >= 0:
        transactional_id = str(frame[position : position + length], "utf-8")
        position += length
    acks: int = _INT16.unpack_from(frame, position)[0]
    topic_count, position = read_count(frame, position + _ACKS_AND_TIMEOUT, False)
    topics: list[str | UUID] = []
    transactional = False
    for _ in range(topic_count):
        length = _INT16.unpack_from(frame, position)[0]
        if length < 0:
            raise MalformedFrame("a topic of a Produce request has no name")
        position += 2
        topics.append(str(frame[position : position + length], "utf-8"))
        partitions, position = read_count(frame, position + length, False)
        for _ in range(partitions):
            size: int = _INT32.unpack_from(frame, position + 4)[0]
            if size < -1:
                raise MalformedFrame("records of a Produce request have a negative length")
            position += 8
            end = position + max(size, 0)
            transactional = transactional or is_transactional(frame, position, end)
            position = end
    return _whole(frame, position, ProduceSummary(transactional_id, acks, tuple(topics), transactional))


def _flexible(version: int, frame: Buffer, position: int) -> ProduceSummary | None:
    length, position = read_uvarint(frame, position)
    transactional_id = None
    if length:
        transactional_id = str(frame[position : position + length - 1], "utf-8")
        position += length - 1
    acks: int = _INT16.unpack_from(frame, position)[0]
    topic_count, position = read_count(frame, position + _ACKS_AND_TIMEOUT, True)
    topics: list[str | UUID] = []
    transactional = False
    for _ in range(topic_count):
        if version >= _TOPIC_IDS:
            topics.append(UUID(bytes=bytes(frame[position : position + 16])))
            position += 16
        else:
            length, position = read_uvarint(frame, position)
            if length == 0:
                raise MalformedFrame("a topic of a Produce request has no name")
            topics.append(str(frame[position : position + length - 1], "utf-8"))
            position += length - 1
        partitions, position = read_count(frame, position, True)
        for _ in range(partitions):
            size, position = read_uvarint(frame, position + 4)
            end = position + max(size - 1, 0)
            transactional = transactional or is_transactional(frame, position, end)
            position = end
            if frame[position]:
                return None
            position += 1
        if frame[position]:
            return None
        position += 1
    if frame[position]:
        return None
    return _whole(frame, position + 1, ProduceSummary(transactional_id, acks, tuple(topics), transactional))


def _whole(frame: Buffer, position: int, summary: ProduceSummary) -> ProduceSummary | None:
    if position > len(frame):
        raise MalformedFrame("a Produce request is cut short")
    return summary if position == len(frame) else None
