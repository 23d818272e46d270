"""Whether the one broker connection of a session is there, and what is tried until it is."""

from __future__ import annotations

from typing import Final

from proxy.authentication.forwarding import ForwardedClient
from proxy.session import commands
from proxy.session.commands import Commands, Timer
from proxy.session.events import CloseReason
from proxy.session.target import Target

_BOOTSTRAP_TRIES: Final = 3


class BrokerConnection:
    """The connection to the broker that ``target`` has chosen. Its methods return what the transport has to do.

    ``is_opening`` says that it is on its way, ``is_open`` that bytes may be sent.
    """

    def __init__(self, target: Target, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._client: ForwardedClient | None = None
        self._tries = 0
        self.is_opening = False
        self.is_open = False

    def open(self, client: ForwardedClient) -> Commands:
        """Connect for this client."""
        self._client = client
        self._tries += 1
        self.is_opening = True
        connect = commands.OpenBroker(*self._target.address, client)
        return [commands.SetTimer(Timer.CONNECT, self._timeout_s), connect]

    def opened(self) -> Commands:
        """It is there."""
        self.is_opening, self.is_open = False, True
        return [commands.CancelTimer(Timer.CONNECT)]

    def try_another(self) -> Commands:
        """It is not there: connect to another broker if any will do, or nothing."""
        if self._client is None or not self.is_opening or not self._target.may_be_another:
            return []
        return self.open(self._client) if self._tries < _BOOTSTRAP_TRIES and self._target.choose() else []

    def closed(self) -> CloseReason:
        """It did not come about, or has ended: so does the session, for this reason."""
        reason = CloseReason.BROKER_CLOSED if self.is_open else CloseReason.BROKER_UNREACHABLE
        self.is_opening = self.is_open = False
        return reason
