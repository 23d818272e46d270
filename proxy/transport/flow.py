"""Flow control between the two sides of a connection: nothing is read that nobody can take."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Final

from proxy.session.commands import Piece

HIGH_WATER: Final = 256 * 1024
"""Bytes waiting for one side beyond which the other side is not read any more."""
LOW_WATER: Final = 64 * 1024
"""Bytes waiting for one side at which the other side is read again."""

_JOIN_BELOW: Final = 64 * 1024
_COPY_BELOW: Final = 4 * 1024


class Hold(Enum):
    """Why reading from one side stands still."""

    SESSION = "the session asked for it"
    OTHER_SIDE_FULL = "the other side does not take its bytes fast enough"


class Valve:
    """Reading from one side. It stands still while anybody holds it."""

    __slots__ = ("_holds", "_transport")

    def __init__(self) -> None:
        self._holds: set[Hold] = set()
        self._transport: asyncio.Transport | None = None

    @property
    def held(self) -> bool:
        """Whether reading stands still."""
        return bool(self._holds)

    def attach(self, transport: asyncio.Transport) -> None:
        """Begin to rule over a transport, which is reading."""
        self._transport = transport
        if self._holds:
            transport.pause_reading()

    def detach(self) -> None:
        """Leave the transport alone from now on: it is closing."""
        self._transport = None

    def hold(self, why: Hold) -> None:
        """Stop reading."""
        first = not self._holds
        self._holds.add(why)
        if first and self._transport is not None:
            self._transport.pause_reading()

    def release(self, why: Hold) -> None:
        """Take back one hold; reading goes on when it was the last."""
        if why not in self._holds:
            return
        self._holds.remove(why)
        if not self._holds and self._transport is not None:
            self._transport.resume_reading()

    def open(self) -> None:
        """Take back every hold."""
        for why in tuple(self._holds):
            self.release(why)


def send(transport: asyncio.WriteTransport, pieces: Sequence[Piece]) -> int:
    """Write all pieces, and say how many bytes they are.

    Small ones are joined: one TLS record and one system call instead of many, and a small view never keeps a large
    chunk alive. `writelines` is no choice: CPython 3.12.0-3.12.8 and 3.13.0-3.13.1 forget the flow control in it
    (CVE-2024-12254).
    """
    if len(pieces) == 1:
        piece = pieces[0]
        size = len(piece)
        transport.write(piece if type(piece) is bytes or size >= _COPY_BELOW else bytes(piece))
        return size
    size = sum(map(len, pieces))
    if size < _JOIN_BELOW:
        transport.write(b"".join(pieces))
    else:
        for piece in pieces:
            transport.write(piece)
    return size
