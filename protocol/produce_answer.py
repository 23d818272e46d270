"""Whether an answer to Produce carries more than offsets, told by a look that decodes nothing (versions 10 and later).

From version 10 on a Produce answer may name leaders and their addresses (KIP-951). Nearly none does, and an answer that
surely does not need not be taken apart.
"""

from __future__ import annotations

from struct import error as struct_error
from typing import Final

from protocol.errors import MalformedFrame
from protocol.header import CORRELATION
from protocol.layout import Buffer, read_uvarint
from protocol.produce import TOPIC_IDS

_UUID: Final = 16
_NUMBERS: Final = 4 + 2 + 8 + 8 + 8
"""Index, error code, base offset, log append time, log start offset."""
_THROTTLE_TIME: Final = 4
_EMPTY: Final = 1
"""The most that the length of a compact array or string may be if nothing is in it."""


def is_plain(version: int, data: Buffer, begin: int, end: int) -> bool:
    """Whether the answer between two positions has neither tagged fields nor messages; False if that is uncertain."""
    try:
        position = begin + CORRELATION.size
        if data[position]:
            return False
        topics, position = read_uvarint(data, position + 1)
        for _ in range(topics - 1):
            if version >= TOPIC_IDS:
                position += _UUID
            else:
                length, position = read_uvarint(data, position)
                position += max(length - 1, 0)
            partitions, position = read_uvarint(data, position)
            for _ in range(partitions - 1):
                position += _NUMBERS
                # Record errors, the message, tagged fields.
                if data[position] > _EMPTY or data[position + 1] > _EMPTY or data[position + 2] or position > end:
                    return False
                position += 3
            if data[position]:
                return False
            position += 1
        position += _THROTTLE_TIME
        return position + 1 == end and not data[position]
    except (IndexError, struct_error, MalformedFrame):
        return False
