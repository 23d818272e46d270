"""The beginning of a connection from another doorkeeper that may speak for its clients.

Only a peer whose verified certificate is named as a trusted forwarder gets here. What it says counts as a whole or not
at all; one that begins with a request speaks for itself.
"""

from __future__ import annotations

from ipaddress import ip_address

from policies.model import Principal
from proxy.authentication.forwarding import ForwardedClient, HeaderReader, NotForwardable
from proxy.session.context import Caller, SessionContext


class Introduction:
    """Takes the first bytes of one trusted forwarder until it is clear whose connection it is."""

    def __init__(self, peer: Principal, host: str, trusted: frozenset[Principal]) -> None:
        """`host` is the peer's own."""
        self.peer = peer
        self._host = host
        self._trusted = trusted
        self._reader = HeaderReader()

    def take(self, data: bytes) -> tuple[ForwardedClient, bytes] | None:
        """The client, and what follows the header; None as long as that is not clear.

        :raises BadProxyHeader: if there is a header that cannot be read.
        :raises NotForwardable: if it tells what none may tell.
        """
        found = self._reader.take(data)
        if found is None:
            return None
        told, rest = found
        return ForwardedClient(self.peer, self._host) if told is None else self._believed(told), rest

    def _believed(self, told: ForwardedClient) -> ForwardedClient:
        for hop in told.through:
            if hop not in self._trusted:
                raise NotForwardable(f"{told.principal} came through {hop}, which is no trusted forwarder")
        address = ip_address(told.host)
        # Another machine's own address must not be taken for ours, where a policy may let more be done.
        elsewhere = address.is_loopback or address.is_unspecified
        return ForwardedClient(told.principal, self._host if elsewhere else told.host, (*told.through, self.peer))


def introduction(context: SessionContext, caller: Caller, certificate: bytes | None) -> Introduction | None:
    """What has to come before the login of a peer that may speak for others; None for everybody else."""
    if not context.forwarders or certificate is None or context.mechanisms() is not None:
        return None
    try:
        peer = context.principal(certificate)
    except (ValueError, LookupError):
        return None
    return Introduction(peer, caller.host, context.forwarders) if peer in context.forwarders else None
