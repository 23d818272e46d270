"""The fetch sessions (KIP-227) that one connection opened; nobody else may use them.

A broker without security does not know whose a fetch session is, and an incremental fetch names no topics: what the
session holds was named by earlier requests. So a session is remembered here with what was allowed and what was denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

TopicKey = str | UUID
"""How a Fetch of its version names a topic."""

_MOST: Final = 64
"""Sessions remembered for one connection; a client uses one for each broker."""


@dataclass(slots=True)
class FetchSession:
    """What one fetch session holds."""

    generation: int
    """The policy's generation by which all of it was judged last."""
    allowed: set[TopicKey] = field(default_factory=set)
    unresolved: bool = False
    """Whether it should hold topic ids that the broker did not know, and that may have a name by the next fetch."""
    denied: dict[TopicKey, dict[int, None]] = field(default_factory=dict)
    """Partitions that the broker's session does not hold, and whose denial is told in every answer."""

    def deny(self, topic: TopicKey, partitions: Iterable[int]) -> None:
        """Remember denied partitions."""
        self.denied.setdefault(topic, {}).update(dict.fromkeys(partitions))

    def forget(self, topic: TopicKey, partitions: Iterable[int]) -> None:
        """The client no longer wants these partitions."""
        held = self.denied.get(topic)
        if held is None:
            return
        for partition in partitions:
            held.pop(partition, None)
        if not held:
            del self.denied[topic]


class FetchSessions:
    """The fetch sessions of one connection, by the id that the broker gave."""

    def __init__(self) -> None:
        self._sessions: dict[int, FetchSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: int) -> FetchSession | None:
        """The session, if this connection saw it created."""
        return self._sessions.get(session_id)

    def opened(self, session_id: int, session: FetchSession) -> None:
        """The broker opened a session for a request of this connection."""
        if len(self._sessions) >= _MOST:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session_id] = session

    def close(self, session_id: int) -> None:
        """The session is used no more."""
        self._sessions.pop(session_id, None)
