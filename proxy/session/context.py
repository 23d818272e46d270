"""What the sessions of one listener have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from policies.model import Principal
from proxy.addressing.rewrite import Rewriter
from proxy.addressing.topology import Topology
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Identity
from proxy.enforcement.access import Verdicts
from proxy.enforcement.call import ClusterFacts


class Caller(Protocol):
    """Who called, as far as the transport knows."""

    @property
    def session_id(self) -> str:
        """Names the session in logs and in the audit trail."""

    @property
    def host(self) -> str:
        """The client's address, in the form in which policies compare it."""

    @property
    def node_id(self) -> int | None:
        """The broker whose address was called; None for the bootstrap address."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What a session may take; sizes in bytes, times in seconds."""

    unauthenticated_request_max_bytes: int = 512 * 1024
    socket_request_max_bytes: int = 100 * 1024 * 1024
    max_in_flight: int = 128
    authentication_timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    connections_max_idle_s: float = 600.0
    failed_authentication_delay_s: float = 0.1


@dataclass(slots=True, kw_only=True)
class SessionContext:
    """Shared by the sessions of one listener.

    ``mechanisms`` gives the SASL mechanisms in force, None on a listener without SASL; there ``principal`` tells who a
    client is by its certificate (None: it showed none), and raises ``ValueError`` or ``LookupError`` if it is nobody.
    ``verdicts`` gives the policy in force.
    """

    listener: str
    topology: Topology
    rewriter: Rewriter
    facts: ClusterFacts
    verdicts: Callable[[], Verdicts]
    mechanisms: Callable[[], Mechanisms | None]
    principal: Callable[[bytes | None], Principal]
    by_network: Callable[[str], Principal | None] = lambda _host: None
    """Who a client that proves nothing is by its address; None: what ``principal`` says."""
    stands: Callable[[Identity | None, bytes | None], bool] = lambda _identity, _certificate: True
    """Whether who proved itself so by SASL (None: by a certificate, or not at all) still is somebody."""
    forwarders: frozenset[Principal] = frozenset()
    """Whose certificates may speak for clients of their own."""
    limits: SessionLimits = field(default_factory=SessionLimits)
    grants: bool = False
    max_reauth_ms: int = 0
    """How long a client with SASL is known at most before it has to authenticate again (KIP-368); 0: for ever."""
    requests: dict[int, int] = field(default_factory=dict)
    """Requests seen, by API key: counted here, since an event for each would cost more than the request."""
