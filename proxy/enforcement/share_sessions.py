"""The share sessions (KIP-932) that one connection opened; nobody else may use them.

A broker knows a share session by its group and member id, whoever sends them, and a request within a session names only
what changes. So what a session holds, and what of it was denied, is remembered here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

Key = tuple[str, str]
"""Group id and member id."""

_MOST: Final = 64
"""Sessions remembered for one connection; a consumer uses one for each broker."""


@dataclass(slots=True)
class ShareSession:
    """What one share session holds."""

    generation: int
    """The policy's generation by which all of it was judged last."""
    allowed: set[UUID] = field(default_factory=set)
    denied: dict[UUID, dict[int, None]] = field(default_factory=dict)
    """Partitions that the broker's session does not hold, and whose denial is told in every answer."""
    unknown: dict[UUID, dict[int, None]] = field(default_factory=dict)
    """Partitions of topics that nobody knows."""

    def forget(self, topic: UUID, partitions: tuple[int, ...]) -> None:
        """The client no longer wants these partitions."""
        for held in (self.denied, self.unknown):
            indexes = held.get(topic, {})
            for partition in partitions:
                indexes.pop(partition, None)
            if not indexes:
                held.pop(topic, None)


class ShareSessions:
    """The share sessions of one connection."""

    def __init__(self) -> None:
        self._sessions: dict[Key, ShareSession] = {}

    def get(self, key: Key) -> ShareSession | None:
        """The session, if this connection opened it."""
        return self._sessions.get(key)

    def open(self, key: Key, session: ShareSession) -> None:
        """A request of this connection opens a session."""
        self._sessions.pop(key, None)
        if len(self._sessions) >= _MOST:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[key] = session

    def close(self, key: Key) -> None:
        """The session is used no more."""
        self._sessions.pop(key, None)
