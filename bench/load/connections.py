"""The connections of the load. They cost as little as they can: frames are made before, answers are only counted."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, cast

from proxy.upstream.login import Login, LoginFailed

_LENGTH: Final = 4


class Tally:
    """What all connections together have done since the last `reset`."""

    def __init__(self, *, keep_latencies: bool = False) -> None:
        self.done = 0
        self.transferred = 0
        self.lost = 0
        self.latencies: list[float] = []
        self.keeps_latencies = keep_latencies

    def reset(self) -> None:
        """Count from zero again."""
        self.done = self.transferred = 0
        self.latencies = []

    def add(self, done: int, transferred: int) -> None:
        """Count requests and bytes."""
        self.done += done
        self.transferred += transferred


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

    def first_frame(self) -> bytes | None:
        """The first frame; None if none came whole."""
        return bytes(self.first[: _end(self.first, 0)]) if self._first_done else None


def _end(data: bytes | bytearray, position: int) -> int:
    return position + _LENGTH + int.from_bytes(data[position : position + _LENGTH], "big")


class Client(asyncio.Protocol):
    """A connection that logs in first, if there is a login, and is `ready` then."""

    def __init__(self, login: Login | None) -> None:
        loop = asyncio.get_running_loop()
        self._login = login
        self.ready: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._login is None:
            self.ready.set_result(None)
        else:
            self.transport.write(self._login.begin())

    def data_received(self, data: bytes) -> None:
        if self._login is None:
            self.hear(data)
            return
        try:
            if answer := self._login.take(data):
                self.transport.write(answer)
        except LoginFailed as failure:
            self._fail(ConnectionError(str(failure)))
            return
        if self._login.done:
            self._login = None
            self.ready.set_result(None)

    def hear(self, data: bytes) -> None:
        """Take what comes after the login."""
        raise NotImplementedError

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("closed before the login was done"))
        if not self.closed.done():
            self.closed.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)


class Requester(Client):
    """Sends frames in turn, which are of one length, and counts the answers."""

    def __init__(self, login: Login | None, tally: Tally, frames: Sequence[bytes]) -> None:
        super().__init__(login)
        self.tally = tally
        self._frames = frames
        self._size = len(frames[0])
        self._answers = AnswerCounter()
        self._next = 0
        self._running = True

    def stop(self) -> None:
        """Close; what is in flight is given up."""
        self._running = False
        self.transport.abort()

    @property
    def first_answer(self) -> bytes | None:
        """The frame that came first, if one has come whole."""
        return self._answers.first_frame()

    def hear(self, data: bytes) -> None:
        ended = self._answers.feed(data)
        self.tally.add(ended, len(data))
        if ended and self._running:
            self.answered(ended)

    def answered(self, count: int) -> None:
        """So many answers came."""
        raise NotImplementedError

    def send(self, count: int) -> None:
        """Send the next frames: one write, and so one TLS record, for each request, as Kafka's clients do it."""
        for _ in range(count):
            self.transport.write(self._frames[self._next])
            self._next = (self._next + 1) % len(self._frames)
        self.tally.transferred += count * self._size

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.tally.lost += self._running


class WindowRequester(Requester):
    """Keeps `window` frames in flight: the next is sent when an answer has come."""

    def __init__(self, login: Login | None, tally: Tally, frames: Sequence[bytes], window: int) -> None:
        super().__init__(login, tally, frames)
        self._window = window
        self._sent_at = 0.0

    def start(self) -> None:
        """Send the first window."""
        self._sent_at = time.perf_counter()
        self.send(self._window)

    def answered(self, count: int) -> None:
        if self.tally.keeps_latencies:
            now = time.perf_counter()
            self.tally.latencies.append(now - self._sent_at)
            self._sent_at = now
        self.send(count)


class PacedRequester(Requester):
    """Sends when it is told to. A latency counts from when its request was due: who is late waits in it too."""

    def __init__(self, login: Login | None, tally: Tally, frames: Sequence[bytes]) -> None:
        super().__init__(login, tally, frames)
        self._due: deque[float] = deque()

    def send_due(self, due: float) -> None:
        """Send a request that was due at this time of `time.perf_counter`."""
        self._due.append(due)
        self.send(1)

    def answered(self, count: int) -> None:
        now = time.perf_counter()
        self.tally.latencies.extend(now - self._due.popleft() for _ in range(count))


class Visitor(Client):
    """Asks one thing, and stays until it is told to close."""

    def __init__(self, login: Login | None, request: bytes) -> None:
        super().__init__(login)
        self._request = request
        self._answers = AnswerCounter()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask(self) -> None:
        """Wait for the login, and then for the answer.

        :raises OSError: if the connection breaks or the login fails.
        """
        await self.ready
        self.transport.write(self._request)
        await self.answered

    def hear(self, data: bytes) -> None:
        if self._answers.feed(data) and not self.answered.done():
            self.answered.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if not self.answered.done():
            self.answered.set_exception(error or ConnectionError("closed without an answer"))
            self.answered.exception()

    def close(self) -> None:
        """Say goodbye."""
        self.transport.close()
