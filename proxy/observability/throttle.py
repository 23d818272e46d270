"""Keeps a mistake that repeats every second from filling the log."""

from collections.abc import Callable, Hashable
from typing import Final

_MAX_KEYS: Final = 1024


class Throttle:
    """Lets the first message of a kind through, then one per `interval` seconds. `now` is a monotonic clock."""

    def __init__(self, interval: float, now: Callable[[], float]) -> None:
        self._interval = interval
        self._now = now
        self._next: dict[Hashable, float] = {}
        self._suppressed: dict[Hashable, int] = {}

    def admit(self, kind: Hashable) -> int | None:
        """None when the message is to be kept back, else how many of its kind were kept back since the last one."""
        now = self._now()
        if now < self._next.get(kind, now):
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return None
        self._make_room(now)
        self._next[kind] = now + self._interval
        return self._suppressed.pop(kind, 0)

    def _make_room(self, now: float) -> None:
        """Kinds hold addresses of clients, so their number must stay bounded."""
        if len(self._next) < _MAX_KEYS:
            return
        self._next = {kind: due for kind, due in self._next.items() if due > now}
        if len(self._next) >= _MAX_KEYS:
            self._next.clear()
        self._suppressed = {kind: count for kind, count in self._suppressed.items() if kind in self._next}
