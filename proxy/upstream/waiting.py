"""The protocol of a connection to a broker until it is handed over."""

import asyncio
from typing import cast


class Waiting(asyncio.Protocol):
    """Keeps what comes until somebody asks for it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self.why: Exception | None = None
        self.pending = b""
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        """Keep bytes."""
        self.pending += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.lost, self.why = True, exc
        self._news.set()

    async def bytes_or_end(self) -> bytes:
        """The next bytes, or none if there will be no more."""
        await self._news.wait()
        data, self.pending = self.pending, b""
        if not self.lost:
            self._news.clear()
        return data
