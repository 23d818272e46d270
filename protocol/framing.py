"""Chunks of a byte stream to whole frames, bounded, without copying a frame that came whole."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from protocol.errors import FrameTooLarge, MalformedFrame

_LENGTH: Final = Struct(">i")


class FrameSplitter:
    """Cuts a stream of length-prefixed Kafka frames.

    ``limit`` is the largest length in bytes that a prefix may announce; it may be changed between frames. A frame is
    handed out with its four bytes of length. One that lies whole in a chunk is a view of that chunk; only one that
    spans chunks is joined.
    """

    __slots__ = ("_joined", "_missing", "_parts", "_rest", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._rest: memoryview = memoryview(b"")
        self._parts: list[memoryview] = []
        self._missing = 0
        self._joined: memoryview | None = None

    @property
    def buffered(self) -> int:
        """Bytes held that were not handed out as a frame yet."""
        joined = 0 if self._joined is None else len(self._joined)
        return joined + len(self._rest) + sum(len(part) for part in self._parts)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        if not chunk:
            return
        if self._parts:
            # Only what belongs to the frame is joined; what follows stays a view of its chunk.
            view = memoryview(chunk)
            self._parts.append(view[: self._missing])
            self._rest = view[self._missing :]
            self._missing -= len(chunk)
            if self._missing <= 0:
                self._joined = memoryview(b"".join(self._parts))
                self._parts = []
        elif self._rest:
            self._rest = memoryview(b"".join((self._rest, chunk)))
        else:
            self._rest = memoryview(chunk)

    def next(self) -> memoryview | None:
        """The next whole frame, or None until more bytes come.

        :raises FrameTooLarge: if a frame announces more than ``limit`` bytes.
        :raises MalformedFrame: if a frame announces a negative length.
        """
        if self._joined is not None:
            frame, self._joined = self._joined, None
            return frame
        rest = self._rest
        if len(rest) < 4:
            return None
        length: int = _LENGTH.unpack_from(rest)[0]
        if length > self.limit:
            raise FrameTooLarge(f"a frame of {length} bytes is larger than the {self.limit} that are allowed here")
        if length < 0:
            raise MalformedFrame(f"a frame has the negative length {length}")
        end = length + 4
        if len(rest) < end:
            # Parts are joined once when the frame is complete, so that a large frame costs one copy, not one a chunk.
            self._missing = end - len(rest)
            self._parts = [rest]
            self._rest = memoryview(b"")
            return None
        self._rest = rest[end:]
        return rest[:end]

    def put_back(self, frame: memoryview) -> None:
        """Take a frame back, to hand it out again as the next one."""
        self._rest = memoryview(b"".join((frame, self._rest))) if self._rest else frame

    def frames(self) -> Iterator[memoryview]:
        """All frames that are complete now."""
        while (frame := self.next()) is not None:
            yield frame
