"""The timers of one session."""

import asyncio
from collections.abc import Callable

from proxy.session.commands import Timer


class Timers:
    """Named one-shot timers. Setting one that runs already is cheap: an idle timer is set anew with every request."""

    __slots__ = ("_deadlines", "_fire", "_handles", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[Timer], None]) -> None:
        self._loop = loop
        self._fire = fire
        self._deadlines: dict[Timer, float] = {}
        self._handles: dict[Timer, asyncio.TimerHandle] = {}

    def set(self, name: Timer, seconds: float) -> None:
        """Fire `name` in so many seconds instead of whenever it was to fire before."""
        deadline = self._loop.time() + seconds
        handle = self._handles.get(name)
        if handle is not None:
            earlier = self._deadlines[name] <= deadline
            self._deadlines[name] = deadline
            if earlier:
                return  # it wakes up too early then, and goes to sleep again until the new deadline
            handle.cancel()
        self._deadlines[name] = deadline
        self._handles[name] = self._loop.call_at(deadline, self._wake, name)

    def cancel(self, name: Timer) -> None:
        """Do not fire `name`."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Fire nothing any more."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _wake(self, name: Timer) -> None:
        deadline = self._deadlines[name]
        # uvloop counts in whole milliseconds and may be early by one.
        if self._loop.time() < deadline - 0.002:
            self._handles[name] = self._loop.call_at(deadline, self._wake, name)
            return
        del self._handles[name]
        self._fire(name)
