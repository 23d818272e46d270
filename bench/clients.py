"""The connections of the load. They cost as little as they can: frames are made before, answers are only counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import quantiles
from typing import Final, cast

_LENGTH: Final = 4


class Tally:
    """What all connections together have done since the last `reset`."""

    def __init__(self, *, keep_latencies: bool = False) -> None:
        self.done = 0
        self.transferred = 0
        self.lost = 0
        self.latencies: list[float] | None = [] if keep_latencies else None

    def reset(self) -> None:
        """Count from zero again."""
        self.done = self.transferred = 0
        if self.latencies is not None:
            self.latencies = []

    def add(self, done: int, transferred: int) -> None:
        """Count requests and bytes."""
        self.done += done
        self.transferred += transferred

    def latencies_us(self) -> tuple[float, float] | None:
        """The 50th and the 99th percentile in microseconds."""
        if not self.latencies or len(self.latencies) < 100:
            return None
        cuts = quantiles(self.latencies, n=100)
        return cuts[49] * 1e6, cuts[98] * 1e6


class AnswerCounter:
    """Counts whole frames in a stream, and keeps the first of them."""

    def __init__(self) -> None:
        self.first = bytearray()
        self._first_done = False
        self._missing = 0
        self._rest = b""

    def feed(self, data: bytes) -> int:
        """Take the next bytes; how many frames ended in them comes back."""
        if not self._first_done:
            self.first += data
            self._first_done = len(self.first) >= _LENGTH and len(self.first) >= _end(self.first, 0)
        if self._missing > len(data):
            self._missing -= len(data)
            return 0
        ended = 1 if self._missing else 0
        data = self._rest + data[self._missing :] if self._missing or self._rest else data
        self._missing, position = 0, 0
        while len(data) - position >= _LENGTH:
            position = _end(data, position)
            if position > len(data):
                self._missing = position - len(data)
                break
            ended += 1
        self._rest = data[position:]
        return ended

    def first_frame(self) -> bytes:
        """The first frame.

        :raises ConnectionError: if none came whole.
        """
        if not self._first_done:
            raise ConnectionError("a connection got no answer")
        return bytes(self.first[: _end(self.first, 0)])


def _end(data: bytes | bytearray, position: int) -> int:
    return position + _LENGTH + int.from_bytes(data[position : position + _LENGTH], "big")


class Requester(asyncio.Protocol):
    """Keeps all of `frames` in flight: each is sent again when an answer has come. They are of one length."""

    def __init__(self, tally: Tally, frames: Sequence[bytes]) -> None:
        self._tally = tally
        self._frames = frames
        self._size = len(frames[0])
        self._window = len(frames)
        self._answers = AnswerCounter()
        self._next = 0
        self._sent_at = 0.0
        self._running = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self) -> None:
        """Send the first window."""
        self._send(self._window)

    def stop(self) -> None:
        """Close; what is in flight is given up."""
        self._running = False
        self._transport.abort()

    @property
    def first_answer(self) -> bytes:
        """The frame that came first."""
        return self._answers.first_frame()

    def data_received(self, data: bytes) -> None:
        ended = self._answers.feed(data)
        self._tally.add(ended, len(data))
        if ended and self._running:
            if self._tally.latencies is not None:
                self._tally.latencies.append(time.perf_counter() - self._sent_at)
            self._send(ended)

    def connection_lost(self, _: Exception | None) -> None:
        self._tally.lost += self._running

    def _send(self, count: int) -> None:
        self._sent_at = time.perf_counter()
        for _ in range(count):
            # One write, and so one TLS record, for each request, as Kafka's clients do it.
            self._transport.write(self._frames[self._next])
            self._next = (self._next + 1) % self._window
        self._tally.transferred += count * self._size


class Visitor(asyncio.Protocol):
    """Asks one thing, and stays until it is told to close."""

    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._request = request
        self._answers = AnswerCounter()
        self.answered: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._answers.feed(data) and not self.answered.done():
            self.answered.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(error or ConnectionError("closed without an answer"))
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Say goodbye."""
        self._transport.close()
