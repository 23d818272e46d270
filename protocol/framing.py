"""Chunks of a byte stream to whole frames, bounded, without copying a frame that came whole."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from protocol.errors import FrameTooLarge, MalformedFrame, ProxyHeader
from protocol.layout import Buffer

_LENGTH: Final = Struct(">i")
_PROXY_HEADER: Final = 0x0D0A0D0A
"""What a header of the PROXY protocol (version 2) is as a length."""
MOST_BYTES: Final = _PROXY_HEADER - 1
"""No frame may be longer than that, or it could not be told from such a header."""


class FrameSplitter:
    """Cuts a stream of length-prefixed Kafka frames.

    ``limit`` is the largest length in bytes that a prefix may announce, ``MOST_BYTES`` at most; it may be changed
    between frames. A frame is handed out with its four bytes of length, read-only. One that lies whole in a chunk is a
    view of that chunk; only one that spans chunks is joined.
    """

    __slots__ = ("_broken", "_rest", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._rest: memoryview = memoryview(b"")
        self._broken: bytearray | None = None
        """The beginning of a frame that spans chunks: it grows by what comes, never by what is announced."""

    @property
    def buffered(self) -> int:
        """Bytes held that were not handed out as a frame yet."""
        return len(self._rest) + len(self._broken or b"")

    def feed(self, chunk: Buffer) -> None:
        """Take the next bytes of the stream."""
        self._rest = memoryview(b"".join((self._rest, chunk)) if self._rest else chunk)

    def next(self) -> memoryview | None:
        """The next whole frame, or None until more bytes come.

        :raises FrameTooLarge: if a frame announces more than ``limit`` bytes.
        :raises MalformedFrame: if a frame announces a negative length.
        """
        if self._broken is not None:
            return self._mend(self._broken)
        rest = self._rest
        if len(rest) >= _LENGTH.size:
            length: int = _LENGTH.unpack_from(rest)[0]
            if not 0 <= length <= self.limit:
                raise self._unfit(length)
            end = length + _LENGTH.size
            if len(rest) >= end:
                self._rest = rest[end:]
                return rest[:end]
        if rest:
            # A copy of the few bytes, so that they do not keep their whole chunk alive.
            self._broken = bytearray(rest)
            self._rest = memoryview(b"")
        return None

    def put_back(self, frame: memoryview) -> None:
        """Take a frame back, to hand it out again as the next one."""
        self._rest = memoryview(b"".join((frame, self._broken or b"", self._rest)))
        self._broken = None

    def abandon(self, count: int) -> bytes:
        """Drop all that is held; its first bytes, at most so many, come back."""
        first = b"".join((self._broken or b"", self._rest[:count]))[:count]
        self._broken, self._rest = None, memoryview(b"")
        return first

    def frames(self) -> Iterator[memoryview]:
        """All frames that are complete now."""
        while (frame := self.next()) is not None:
            yield frame

    def _mend(self, broken: bytearray) -> memoryview | None:
        self._move(broken, _LENGTH.size)
        if len(broken) < _LENGTH.size:
            return None
        length: int = _LENGTH.unpack_from(broken)[0]
        if not 0 <= length <= self.limit:
            raise self._unfit(length)
        end = length + _LENGTH.size
        self._move(broken, end)
        if len(broken) < end:
            return None
        self._broken = None
        return memoryview(broken).toreadonly()

    def _move(self, broken: bytearray, size: int) -> None:
        missing = size - len(broken)
        if missing > 0:
            broken += self._rest[:missing]
            self._rest = self._rest[missing:]

    def _unfit(self, length: int) -> FrameTooLarge | MalformedFrame:
        if length < 0:
            return MalformedFrame(f"a frame has the negative length {length}")
        if length == _PROXY_HEADER:
            return ProxyHeader("a header of the PROXY protocol came where a request was due")
        return FrameTooLarge(f"a frame of {length} bytes is larger than the {self.limit} that are allowed here")
