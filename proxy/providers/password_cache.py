"""Answers of a directory that are kept for a while: clients open connections by the hundred with one password."""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from proxy.authentication.passwords import Passwords

MAX_ENTRIES: Final = 10_000


class CachedPasswords:
    """Remembers who owns a password, for `seconds` at most. A no is never remembered, nor is the password itself.

    So a password that was changed is good for that much longer, on this doorkeeper. `now` is a clock that never goes
    back.
    """

    def __init__(
        self, behind: Passwords, seconds: float, now: Callable[[], float], *, max_entries: int = MAX_ENTRIES
    ) -> None:
        self._behind = behind
        self._seconds = seconds
        self._now = now
        self._max_entries = max_entries
        self._key = secrets.token_bytes(32)
        self._owners: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._lock = threading.Lock()
        self.waits_for = behind.waits_for

    def owner(self, username: str, password: str) -> str | None:
        """Return the principal's name if this is the user's password, else None."""
        entry = self._entry(username, password)
        with self._lock:
            until, owner = self._owners.get(entry, (float("-inf"), ""))
            if self._now() < until:
                return owner
        found = self._behind.owner(username, password)
        with self._lock:
            self._owners.pop(entry, None)
            if found is not None:
                self._owners[entry] = (self._now() + self._seconds, found)
            while len(self._owners) > self._max_entries:
                self._owners.popitem(last=False)
        return found

    def knows(self, name: str) -> bool:
        """Whether there still is a principal of that name."""
        return self._behind.knows(name)

    def _entry(self, username: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{username}\0{password}".encode(), "sha256")
