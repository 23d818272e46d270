"""What the transport needs of others: a session, the knowledge where brokers are, and somebody to tell what happens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from proxy.authentication.forwarding import ForwardedClient
from proxy.session.commands import Commands, Timer


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What the handshake brought. `certificate` is the client's, verified, in DER form."""

    version: str
    cipher: str
    server_name: str | None
    certificate: bytes | None


@dataclass(frozen=True, slots=True)
class Client:
    """Who called: before authentication that is an address and, with TLS, a certificate.

    `node_id` is the broker whose advertised address was called, None for the bootstrap address.
    """

    session_id: str
    listener: str
    host: str
    port: int
    node_id: int | None
    tls: TlsFacts | None


class Session(Protocol):
    """One client connection with its broker connection, without I/O. Every method says what to do next."""

    def started(self) -> Commands:
        """The client is connected, its TLS handshake is done."""
        ...

    def client_bytes(self, data: bytes) -> Commands:
        """Bytes came from the client."""
        ...

    def broker_bytes(self, data: bytes) -> Commands:
        """Bytes came from the broker."""
        ...

    def broker_opened(self) -> Commands:
        """The connection that `OpenBroker` asked for is there."""
        ...

    def broker_closed(self, why: str) -> Commands:
        """The connection to the broker did not come about, or has ended."""
        ...

    def client_closed(self) -> Commands:
        """The client has gone; all its bytes were handed over before."""
        ...

    def verified(self, result: object) -> Commands:
        """The work of `Verify` is done."""
        ...

    def timer_fired(self, name: Timer) -> Commands:
        """A timer of `SetTimer` is due."""
        ...

    def reconsider(self) -> Commands:
        """Close if the client is nobody any more."""
        ...

    def drain(self) -> Commands:
        """Finish what is in flight, then close."""
        ...


SessionFactory = Callable[[Client], Session]


AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Hop(Protocol):
    """The way to the brokers."""

    async def connect(
        self, factory: Callable[[], AnyProtocol], host: str, port: int, client: ForwardedClient | None
    ) -> AnyProtocol:
        """Connect, and give the connection to what ``factory`` makes once requests may be sent.

        ``client`` is whose requests they will be; None for questions of our own.

        :raises OSError: the connection did not come about; the message says why.
        """
        ...


class BrokerDirectory(Protocol):
    """Knows which brokers there are."""

    async def has(self, node_id: int | None) -> bool:
        """Whether a client of this broker (None: of any) can be served, after looking again if that is not known."""
        ...

    def broker_failed(self, host: str, port: int) -> None:
        """A connection to a broker did not come about."""
        ...

    def broker_reached(self, host: str, port: int) -> None:
        """A connection to a broker came about."""
        ...
