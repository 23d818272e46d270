"""The header of a record batch; never the records.

Layout of a batch with magic 2 (KIP-98): base offset 8, length 4, leader epoch 4, magic 1, CRC 4, attributes 2, ...
Older message sets have the magic byte at the same place and know no transactions.
"""

from __future__ import annotations

from typing import Final

from protocol.layout import Buffer

_MAGIC: Final = 16
_ATTRIBUTES_LOW: Final = 22
_TRANSACTIONAL: Final = 0x10


def is_transactional(buffer: Buffer, position: int, end: int) -> bool:
    """Whether the first batch that begins at ``position`` and lies before ``end`` carries the transactional flag."""
    return (
        end - position > _ATTRIBUTES_LOW
        and buffer[position + _MAGIC] >= 2
        and bool(buffer[position + _ATTRIBUTES_LOW] & _TRANSACTIONAL)
    )
