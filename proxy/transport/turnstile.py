"""Newcomers enter a few at a time, so that those who are there already do not wait for a crowd."""

import asyncio
from collections import deque
from typing import Final

_AT_ONCE: Final = 4
"""A TLS handshake is a good half of a millisecond of cryptography, which the event loop does in one piece."""


class Turnstile:
    """Lets `at_once` through in each turn of the event loop, first come first served.

    Between two turns the loop reads and writes what established connections have. Nobody stands here for a slow
    client: who has entered is not waited for.
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._loop = asyncio.get_running_loop()
        self._at_once = at_once
        self._left = at_once
        self._turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait until it is our turn."""
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)
        if self._left:
            self._left -= 1
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        await turn

    def _turn(self) -> None:
        self._left = self._at_once
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        self._turning = bool(self._waiting)
        if self._turning:
            self._loop.call_soon(self._turn)
