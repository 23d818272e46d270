"""How long a client is known without proving it again (KIP-368)."""

from __future__ import annotations

from typing import Final

from proxy.authentication.outcome import Identity
from proxy.session import commands
from proxy.session.commands import Commands, Timer
from proxy.session.login import Login

_SHORTEST_S: Final = 1.0
"""Nobody authenticates more often than that; a handshake that comes sooner is out of place, as in Kafka."""


class Lifetime:
    """What became of the last proof of one client.

    ``ended`` says that it holds no more: the next request that is not a new proof ends the connection.
    """

    def __init__(self) -> None:
        self.ended = False
        self.identity: Identity | None = None
        self._rested = True

    @property
    def may_be_renewed(self) -> bool:
        """Whether a handshake begins a new proof; where proofs hold for ever it is out of place."""
        return self.identity is not None and self._rested

    def begin(self, login: Login) -> Commands:
        """The client has proven who it is."""
        self.ended = False
        if not login.lifetime_s:
            return [commands.CancelTimer(Timer.LIFETIME)]
        self.identity = login.identity
        return [commands.SetTimer(Timer.LIFETIME, login.lifetime_s)]

    def renew(self) -> Commands:
        """A new proof begins."""
        self._rested = False
        return [commands.SetTimer(Timer.REAUTHENTICATION, _SHORTEST_S)]

    def timer_fired(self, name: Timer) -> None:
        """One of the two timers is due."""
        if name is Timer.LIFETIME:
            self.ended = True
        else:
            self._rested = True
