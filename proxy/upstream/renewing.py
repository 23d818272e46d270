"""Authenticating again on a connection that is in use (KIP-368), without its user noticing.

Requests that come meanwhile are held back. Those before are answered first, since a broker answers in order; the
answers to our own are taken out of the stream by a correlation id that nobody can guess.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from proxy.upstream.failure import UpstreamFailed
from proxy.upstream.frame_finder import FrameFinder
from proxy.upstream.login import Login

_EARLIEST, _LATEST = 0.85, 0.95
_TRY_AGAIN_AFTER_S: Final = 5.0
_IDS: Final = 2**31 - 1_000

Begin = Callable[[dict[int, range], int], Awaitable[Login]]
"""Makes a login for a connection whose broker has these versions, its requests numbered from here on.

:raises UpstreamFailed: there are no credentials at the moment, which was told.
"""

Take = Callable[[Login, bytes], Awaitable[bytes]]
"""Gives a login what came, and gives back what it sends.

:raises UpstreamFailed: it has failed, which was told.
"""


class Renewing(asyncio.Transport, asyncio.Protocol):
    """Stands between a transport and its user: the protocol of the one, the transport of the other."""

    def __init__(
        self, transport: asyncio.Transport, user: asyncio.Protocol, login: Login, begin: Begin, take: Take
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._user = user
        self._login = login
        self._begin_login = begin
        self._take = take
        self._finder = FrameFinder()
        self._held: list[bytes | memoryview] | None = None
        self._end_later: Callable[[], None] | None = None
        self._full = False
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._work: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Take the transport over."""
        self._transport.set_protocol(self)
        self._user.connection_made(self)
        self._work = self._loop.create_task(self._renew_for_ever())
        self._work.add_done_callback(self._ended)

    # The protocol of the real transport

    def data_received(self, data: bytes) -> None:
        """Hand bytes on but for our own answers."""
        passing, found = self._finder.feed(data)
        for frame in found:
            self._answers.put_nowait(frame)
        if passing:
            self._user.data_received(passing)

    def eof_received(self) -> bool | None:
        """Hand on."""
        return self._user.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on, and do no more."""
        self._stop()
        self._user.connection_lost(exc)

    def pause_writing(self) -> None:
        """The broker does not read."""
        self._full = True
        if self._held is None:
            self._user.pause_writing()

    def resume_writing(self) -> None:
        """The broker reads again."""
        self._full = False
        if self._held is None:
            self._user.resume_writing()

    # The transport of the user

    def write(self, data: Any) -> None:
        """Send, or keep until we are known again."""
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def can_write_eof(self) -> bool:
        """As the real one."""
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        """End, after what is held back."""
        self._end(self._transport.write_eof)

    def close(self) -> None:
        """Close, after what is held back."""
        self._end(self._transport.close)

    def abort(self) -> None:
        """Close at once."""
        self._stop()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._end_later is not None or self._transport.is_closing()

    def pause_reading(self) -> None:
        """As the real one."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """As the real one."""
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As the real one."""
        self._transport.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the real one."""
        return self._transport.get_extra_info(name, default)

    # Authenticating again

    async def _renew_for_ever(self) -> None:
        while self._login.lifetime_s:
            # As Kafka's own clients: not all connections of one start at the same time.
            await asyncio.sleep(self._login.lifetime_s * random.uniform(_EARLIEST, _LATEST))  # noqa: S311
            login = await self._next_login()
            self._hold()
            try:
                await self._log_in(login)
            except UpstreamFailed:
                self._transport.abort()
                return
            self._login = login
            self._let_go()

    async def _next_login(self) -> Login:
        versions = self._login.versions
        assert versions is not None
        while True:
            try:
                return await self._begin_login(versions, -secrets.randbelow(_IDS) - 1_000)
            except UpstreamFailed:
                await asyncio.sleep(_TRY_AGAIN_AFTER_S)

    async def _log_in(self, login: Login) -> None:
        answer = login.begin()
        while not login.done:
            self._finder.wanted = login.awaited
            self._transport.write(answer)
            answer = await self._take(login, await self._answers.get())

    def _hold(self) -> None:
        self._held = []
        if not self._full:
            self._user.pause_writing()

    def _let_go(self) -> None:
        held, self._held = self._held or [], None
        for piece in held:
            self._transport.write(piece)
        if not self._full:
            self._user.resume_writing()
        if self._end_later is not None:
            self._end_later()

    def _end(self, how: Callable[[], None]) -> None:
        if self._held:
            self._end_later = how
            return
        self._stop()
        how()

    def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _ended(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and work.exception() is not None:
            self._transport.abort()
            work.result()
