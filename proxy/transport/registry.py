"""All connections of a process: how many there may be, and how they end together."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol


class Capacity:
    """How many client connections may be open at once, over all listeners (Kafka's `max.connections`, KIP-402)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0
        self._waiting: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """Whether no connection more may be taken."""
        return self.used >= self._limit

    def take(self) -> None:
        """Count a connection."""
        self.used += 1

    def give_back(self) -> None:
        """A counted connection has ended; whoever waits for that may go on."""
        self.used -= 1
        waiting, self._waiting = self._waiting, []
        for go_on in waiting:
            go_on()

    def when_free(self, go_on: Callable[[], None]) -> None:
        """Call back once, as soon as a connection has ended."""
        self._waiting.append(go_on)


class Endable(Protocol):
    """A connection, as far as its end is concerned."""

    def reconsider(self) -> None:
        """End if the client is nobody any more."""
        ...

    def drain(self) -> None:
        """End as soon as nothing is in flight."""
        ...

    def abort(self) -> None:
        """End now."""
        ...


class Registry:
    """The connections that have a session."""

    def __init__(self) -> None:
        self._open: set[Endable] = set()
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Endable]:
        return iter(tuple(self._open))

    def add(self, connection: Endable) -> None:
        """A connection has got its session."""
        self._open.add(connection)
        self._empty.clear()
        if self._draining:  # it was accepted before, and is late
            asyncio.get_running_loop().call_soon(connection.drain)

    def remove(self, connection: Endable) -> None:
        """Both sides of a connection are closed."""
        self._open.discard(connection)
        if not self._open:
            self._empty.set()

    def reconsider(self) -> None:
        """Users may have been removed: end the connections of those."""
        for connection in self:
            connection.reconsider()

    async def drain(self, timeout_s: float) -> int:
        """Let every connection finish what is in flight, and abort those that need more time; return their number."""
        self._draining = True
        for connection in self:
            connection.drain()
        try:
            await asyncio.wait_for(self._empty.wait(), timeout_s)
        except TimeoutError:
            left = len(self)
            self.abort()
            await self._empty.wait()
            return left
        return 0

    def abort(self) -> None:
        """End every connection now."""
        for connection in self:
            connection.abort()
