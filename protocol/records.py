"""The header of a record batch; never the records.

Layout of a batch with magic 2 (KIP-98): base offset 8, length 4, leader epoch 4, magic 1, CRC 4, attributes 2, ...
Older message sets have the magic byte at the same place and know no transactions.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from protocol.layout import Buffer

MAGIC: Final = 16
"""Where the magic byte stands."""
WITH_FLAGS: Final = 2
"""The magic from which on a batch has flags."""
FLAGS: Final = 22
"""Where the low byte of the attributes stands."""
TRANSACTIONAL: Final = 0x10
"""The flag of a batch that belongs to a transaction."""

_INT32: Final = Struct(">i")
_LENGTH: Final = 8
_SMALLEST: Final = 14
_NEWEST_MAGIC: Final = 2


def fault_of_first_batch(records: bytes) -> str | None:
    """What makes the first batch unreadable, in the words that clients are told; None if there is none, or it is whole.

    A batch that is cut short is none: a broker finds that out later.
    """
    if len(records) <= MAGIC:
        return None
    size: int = _INT32.unpack_from(records, _LENGTH)[0]
    if size < _SMALLEST:
        return f"Record size {size} is less than the minimum record overhead ({_SMALLEST})"
    magic = records[MAGIC] - (256 if records[MAGIC] > 127 else 0)
    return None if 0 <= magic <= _NEWEST_MAGIC else f"Invalid magic found in record: {magic}"


def is_transactional(buffer: Buffer, position: int, end: int) -> bool:
    """Whether the first batch that begins at ``position`` and lies before ``end`` carries the transactional flag."""
    return (
        end - position > FLAGS
        and buffer[position + MAGIC] >= WITH_FLAGS
        and bool(buffer[position + FLAGS] & TRANSACTIONAL)
    )
