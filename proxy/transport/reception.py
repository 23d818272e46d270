"""What happens to an accepted connection of one listener until it has a session."""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, cast

from policies.hosts import format_host
from proxy.addressing.advertised import Advertised
from proxy.authentication.proxy_header import BadProxyHeader, Source
from proxy.observability.first_bytes import LooksLike
from proxy.observability.logs import get_logger
from proxy.transport.connection import Connection
from proxy.transport.first_bytes import FirstBytes, classify, mismatch, peek
from proxy.transport.handshake import ServerContext, ServerObject, accept_tls
from proxy.transport.newcomers import Newcomer
from proxy.transport.ports import Client, SessionFactory, TlsFacts
from proxy.transport.proxy_protocol import Network, read_source
from proxy.transport.sides import tune
from proxy.transport.surroundings import Surroundings
from proxy.transport.tls_failures import explain

_EARLY_BYTES: Final = 256 * 1024

_log = get_logger("doorkeeper.reception")


class Reception:
    """Receives the connections of one listener. `tls` may be replaced at any time; it is for new connections.

    `patience_s` is how long a client may take for its first bytes, `handshake_timeout_s` how long for the TLS
    handshake; `max_request_bytes` is what a Kafka request may have as its length. From the networks `balancers` every
    connection has to begin with a header of the PROXY protocol, which says whose it is.
    """

    def __init__(
        self,
        name: str,
        security_protocol: str,
        advertised: Advertised,
        sessions: SessionFactory,
        around: Surroundings,
        *,
        tls: ServerContext | None = None,
        patience_s: float = 10.0,
        handshake_timeout_s: float = 10.0,
        max_request_bytes: int = 104_857_600,
        balancers: Sequence[Network] = (),
    ) -> None:
        self.name = name
        self.tls = tls
        self._security_protocol = security_protocol
        self._advertised = advertised
        self._sessions = sessions
        self._around = around
        self._patience_s = patience_s
        self._handshake_timeout_s = handshake_timeout_s
        self._max_request_bytes = max_request_bytes
        self._balancers = tuple(balancers)

    def welcome(self, connection: socket.socket) -> None:
        """Take over an accepted, counted socket."""
        self._around.tasks.spawn(self._receive(connection, self._around.newcomers.arrive()))

    async def _receive(self, connection: socket.socket, newcomer: Newcomer) -> None:
        taken = False
        try:
            source = await self._source(connection)
            if source is not None and self._may_come(newcomer, source.host):
                taken = await self._may_enter(connection, source.host) and await self._admit(
                    connection, source, newcomer
                )
        except OSError as error:  # the client has vanished
            _log.debug("connection lost before it began", listener=self.name, detail=str(error))
        finally:
            if not taken:
                connection.close()
                newcomer.over()
                self._around.capacity.give_back()

    async def _source(self, connection: socket.socket) -> Source | None:
        """Who is calling, or None if whoever passes the connection on does not say it well."""
        peer = connection.getpeername()
        host = format_host(peer[0])
        address = ip_address(host.partition("%")[0])
        if not any(address in network for network in self._balancers):
            return Source(host, peer[1])
        try:
            async with asyncio.timeout(self._patience_s):
                told = await read_source(connection)
        except TimeoutError:
            _log.debug("connection without a word", listener=self.name, host=host)
            return None
        except BadProxyHeader as fault:
            self._around.observer.first_bytes_rejected(
                self.name, self._security_protocol, host, LooksLike.NO_PROXY_HEADER, str(fault)
            )
            return None
        return Source(host, peer[1]) if told is None else Source(format_host(told.host), told.port)

    def _may_come(self, newcomer: Newcomer, host: str) -> bool:
        """Whether somebody from there may begin now."""
        observer = self._around.observer
        if self._around.failed_logins.pauses(host):
            observer.connection_refused(self.name, host, "failed_logins", "limits.failed_logins_per_address is reached")
            return False
        if not newcomer.comes_from(host):
            observer.connection_refused(self.name, host, "handshakes", "limits.max_handshakes_per_address is reached")
            return False
        return True

    async def _may_enter(self, connection: socket.socket, host: str) -> bool:
        """Look at the first bytes. A connection that says nothing, such as a health probe's, is not worth a word."""
        try:
            async with asyncio.timeout(self._patience_s):
                seen = classify(await peek(connection), self._max_request_bytes)
        except TimeoutError:
            seen = FirstBytes.NOTHING
        if seen is FirstBytes.NOTHING:
            _log.debug("connection without a word", listener=self.name, host=host)
            return False
        wrong = mismatch(seen, tls=self.tls is not None)
        if wrong is not None:
            self._around.observer.first_bytes_rejected(self.name, self._security_protocol, host, wrong)
        return wrong is None

    async def _admit(self, connection: socket.socket, source: Source, newcomer: Newcomer) -> bool:
        """Do the handshake, find the broker that is wanted and begin the session; False when there is none to begin."""
        tune(connection)
        port = connection.getsockname()[1]
        transport, arrival = await self._connect(connection, source.host)
        try:
            return await self._begin(transport, arrival, source, newcomer, port)
        except BaseException:
            transport.abort()
            raise

    async def _connect(self, connection: socket.socket, host: str) -> "tuple[asyncio.Transport, _Arrival]":
        if self.tls is None:
            arrival = _Arrival()
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: arrival, connection)
            return transport, arrival
        await self._around.turnstile.enter()
        try:
            return await accept_tls(
                _Arrival,
                connection,
                self.tls,
                handshake_timeout_s=self._handshake_timeout_s,
                shutdown_timeout_s=self._around.client_flush_s,
            )
        except OSError as error:
            failure = explain(error)
            self._around.observer.tls_handshake_failed(self.name, host, failure.reason, failure.detail)
            raise

    async def _begin(
        self, transport: asyncio.Transport, arrival: "_Arrival", source: Source, newcomer: Newcomer, port: int
    ) -> bool:
        tls = _tls_facts(transport)
        if tls is not None:
            self._around.observer.tls_handshake_done(self.name, tls.version)
        node_id = self._advertised.node_of_port(port)
        if node_id is None and tls is not None:
            node_id = self._advertised.node_of_host(tls.server_name)
        if not await self._around.directory.has(node_id):
            _log.info(
                "no such broker is known or can be reached", listener=self.name, host=source.host, node_id=node_id
            )
            transport.abort()
            return False
        early = arrival.leave()
        if arrival.lost and not early:
            return False
        client = Client(secrets.token_hex(8), self.name, source.host, source.port, node_id, tls)
        shell = Connection(client, self._sessions(client), transport, self._around, newcomer)
        shell.begin(early)
        if arrival.lost:  # a producer with acks=0 may have said all it had to say and gone
            shell.client_gone(lost=True)
        return True


class _Arrival(asyncio.Protocol):
    """Holds a connection that has no session yet.

    It reads on, up to a bound: uvloop forgets what a TLS client sent when that client closes while reading stands
    still.
    """

    def __init__(self) -> None:
        self.lost = False
        self._early: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._early.append(data)
        if not self._paused and sum(map(len, self._early)) >= _EARLY_BYTES:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True

    def leave(self) -> list[bytes]:
        """What came in so far; more goes to whoever is the protocol of the transport by then."""
        if self._paused and self._transport is not None and not self.lost:
            self._transport.resume_reading()
        return self._early


def _tls_facts(transport: asyncio.Transport) -> TlsFacts | None:
    tls = transport.get_extra_info("ssl_object")
    if not isinstance(tls, ServerObject):
        return None
    return TlsFacts(
        version=tls.version() or "",
        cipher=(tls.cipher() or ("",))[0],
        server_name=tls.server_name,
        certificate=tls.getpeercert(binary_form=True),
    )
