"""Counts and texts of requests that are read where they lie, since they come too often for anything else."""

from __future__ import annotations

from struct import Struct
from typing import Final

from protocol.errors import MalformedFrame
from protocol.layout import Buffer, read_uvarint

_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_NULL: Final = "an array that must be there is null"


def text(frame: Buffer, position: int) -> tuple[str | None, int]:
    """A text, which may be null, and the position behind it.

    :raises MalformedFrame: if its length is negative.
    :raises UnicodeDecodeError: if it is no UTF-8: Kafka would mend it, so it must not go on as it is.
    """
    length: int = _INT16.unpack_from(frame, position)[0]
    if length < -1:
        raise MalformedFrame("a string has a negative length")
    position += 2
    if length < 0:
        return None, position
    end = position + length
    return str(frame[position:end], "utf-8"), end


def compact_text(frame: Buffer, position: int) -> tuple[str | None, int]:
    """As :func:`text`, in the compact form (KIP-482)."""
    length, position = read_uvarint(frame, position)
    if not length:
        return None, position
    end = position + length - 1
    return str(frame[position:end], "utf-8"), end


def count(frame: Buffer, position: int) -> tuple[int, int]:
    """The number of items of an array, and the position of the first.

    :raises MalformedFrame: if the array is null.
    """
    items: int = _INT32.unpack_from(frame, position)[0]
    if items < 0:
        raise MalformedFrame(_NULL)
    return items, position + 4


def compact_count(frame: Buffer, position: int) -> tuple[int, int]:
    """As :func:`count`, in the compact form (KIP-482)."""
    items, position = read_uvarint(frame, position)
    if not items:
        raise MalformedFrame(_NULL)
    return items - 1, position
