"""The one way to a broker that has security: TCP, TLS, login. Only then is the connection handed over."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Final, TypeVar

from proxy.authentication.forwarding import ForwardedClient, NotForwardable, header_for
from proxy.config.model import ClusterConfig, SecurityProtocol
from proxy.transport.sides import tune
from proxy.upstream.credentials import MakeMechanism, mechanisms_for
from proxy.upstream.failure import Failure, UpstreamFailed, Watcher, fail
from proxy.upstream.login import Login, LoginFailed, Step
from proxy.upstream.mechanisms import MechanismFailed
from proxy.upstream.renewing import Renewing
from proxy.upstream.tls import explain
from proxy.upstream.waiting import Waiting

_CONNECT: Final = "connect"
_TLS: Final = "tls"
_CREDENTIALS: Final = "credentials"
_FORWARD: Final = "forward"
_REACHABLE: Final = "is the broker running, and can it be reached from here?"
_ALIVE: Final = "is cluster.security_protocol that of the broker's listener, and is the broker alive?"
_LOOK_AT_SASL: Final = "look at cluster.sasl"
_RENAME: Final = "give the client another name, or look at the chain of doorkeepers"
_PERHAPS_CERTIFICATE: Final = "is its listener one with SASL, and does it ask for a certificate (cluster.tls)?"
_PERHAPS_TLS: Final = "is the broker's listener one with TLS, and cluster.security_protocol without?"

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)
_Result = TypeVar("_Result")


def hop_to(cluster: ClusterConfig, watcher: Watcher, executor: Executor, *, timeout_s: float) -> SecuredHop | None:
    """The way to brokers that have security of their own; None if they have none. Its ``tls`` is still to be given."""
    if cluster.security_protocol is SecurityProtocol.PLAINTEXT:
        return None
    return SecuredHop(
        watcher,
        executor,
        server_name=None if cluster.tls is None else cluster.tls.server_name,
        mechanism=None if cluster.login is None else mechanisms_for(cluster.login),
        forwards=cluster.forward_principal,
        timeout_s=timeout_s,
    )


class SecuredHop:
    """Opens connections to brokers that have security of their own.

    ``tls`` may be replaced at any time; it is for new connections. ``executor`` runs what would hold up others.
    ``timeout_s`` is for each step: the handshake of TLS, each answer of the login. ``shutdown_timeout_s`` is how long
    a broker may take to read what was sent last. With ``forwards`` the next doorkeeper, which knows us by our
    certificate, is told whose requests come.
    """

    def __init__(
        self,
        watcher: Watcher,
        executor: Executor,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        mechanism: MakeMechanism | None = None,
        forwards: bool = False,
        timeout_s: float = 5.0,
        shutdown_timeout_s: float = 30.0,
    ) -> None:
        self.tls = tls
        self._watcher = watcher
        self._executor = executor
        self._server_name = server_name
        self._mechanism = mechanism
        self._forwards = forwards
        self._timeout_s = timeout_s
        self._shutdown_timeout_s = shutdown_timeout_s

    async def connect(
        self, factory: Callable[[], AnyProtocol], host: str, port: int, client: ForwardedClient | None
    ) -> AnyProtocol:
        """Connect, and give the connection to what ``factory`` makes once requests may be sent.

        ``client`` is whose requests they will be; None for questions of our own, which are in our own name.

        :raises OSError: the connection did not come about; the message says why.
        """
        broker = f"{host}:{port}"
        transport, waiting = await self._reach(host, port, broker)
        try:
            login = await self._log_in(waiting, transport, broker, host)
            self._expect_silence(waiting, broker)
            if self._forwards and client is not None:
                transport.write(self._introduction(client, broker))
        except BaseException:
            transport.abort()
            raise
        protocol = factory()
        if login is not None and login.lifetime_s:
            begin, take = partial(self._begin, broker, host), partial(self._take, broker)
            Renewing(transport, protocol, login, begin, take).begin()
        else:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
        return protocol

    async def _reach(self, host: str, port: int, broker: str) -> tuple[asyncio.Transport, Waiting]:
        loop = asyncio.get_running_loop()
        waiting = Waiting()
        name = self._server_name or host
        try:
            if self.tls is None:
                await loop.create_connection(lambda: waiting, host, port)
            else:
                await loop.create_connection(
                    lambda: waiting,
                    host,
                    port,
                    ssl=self.tls,
                    server_hostname=name,
                    ssl_handshake_timeout=self._timeout_s,
                    ssl_shutdown_timeout=self._shutdown_timeout_s,
                )
        except OSError as error:
            raise self._not_reached(error, broker, name) from error
        assert waiting.transport is not None
        tune(waiting.transport.get_extra_info("socket"))
        return waiting.transport, waiting

    def _not_reached(self, error: OSError, broker: str, name: str) -> UpstreamFailed:
        of_tls = isinstance(error, ssl.SSLError | ConnectionResetError | ConnectionAbortedError | TimeoutError)
        if self.tls is not None and of_tls:
            return fail(self._watcher, Failure(broker, _TLS, *explain(error, name)))
        return fail(self._watcher, Failure(broker, _CONNECT, error.strerror or str(error), _REACHABLE))

    def _introduction(self, client: ForwardedClient, broker: str) -> bytes:
        try:
            return header_for(client)
        except NotForwardable as fault:
            raise fail(self._watcher, Failure(broker, _FORWARD, str(fault), _RENAME)) from fault

    def _expect_silence(self, waiting: Waiting, broker: str) -> None:
        """A broker says nothing unasked, and what has gone already is of no use."""
        if waiting.lost or waiting.pending:
            detail = "the broker closed the connection" if waiting.lost else "the broker spoke unasked"
            raise fail(self._watcher, Failure(broker, _CONNECT, detail, _ALIVE))

    async def _log_in(self, waiting: Waiting, transport: asyncio.Transport, broker: str, host: str) -> Login | None:
        if self._mechanism is None:
            return None
        login = await self._begin(broker, host, None, 0)
        transport.write(login.begin())
        while not login.done:
            transport.write(await self._take(broker, login, await self._answer(waiting, login, broker)))
        return login

    async def _answer(self, waiting: Waiting, login: Login, broker: str) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                data = await waiting.bytes_or_end()
        except TimeoutError:
            detail = f"no answer within {self._timeout_s:g} s"
            raise fail(self._watcher, Failure(broker, login.step.value, detail, _ALIVE)) from None
        if data:
            return data
        failure = login.closed()
        if isinstance(waiting.why, ssl.SSLError):
            raise fail(self._watcher, Failure(broker, _TLS, *explain(waiting.why, broker)))
        remedy = failure.remedy
        if login.step is Step.VERSIONS:
            remedy = _PERHAPS_TLS if self.tls is None else _PERHAPS_CERTIFICATE
        raise fail(self._watcher, Failure(broker, login.step.value, str(failure), remedy))

    async def _begin(self, broker: str, host: str, versions: dict[int, range] | None, first_id: int) -> Login:
        assert self._mechanism is not None
        try:
            mechanism = await self._aside(partial(self._mechanism, host))
        except MechanismFailed as fault:
            raise fail(self._watcher, Failure(broker, _CREDENTIALS, str(fault), _LOOK_AT_SASL)) from fault
        return Login(mechanism, versions=versions, first_id=first_id)

    async def _take(self, broker: str, login: Login, data: bytes) -> bytes:
        try:
            return await self._aside(lambda: login.take(data))
        except LoginFailed as fault:
            raise fail(self._watcher, Failure(broker, login.step.value, str(fault), fault.remedy)) from fault

    async def _aside(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
