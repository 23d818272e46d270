"""The one place that builds objects: from a configuration to a doorkeeper that serves, in one process."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from policies.model import Principal
from protocol.apis import ApiKey, api_label
from protocol.versions import release_before_api_versions
from proxy.addressing.advertised import Advertised, HostPerBroker, PortOnDemand, PortPerBroker
from proxy.addressing.rewrite import Rewriter
from proxy.addressing.topology import Topology
from proxy.authentication.certificates import certificate_principal
from proxy.authentication.credentials import random_text
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.networks import PrincipalsByNetwork
from proxy.authentication.outcome import Identity
from proxy.authentication.users import FileUsers
from proxy.config.model import (
    Config,
    HostPerBrokerConfig,
    Limits,
    ListenerConfig,
    PortPerBrokerConfig,
)
from proxy.enforcement.access import Mode, Verdicts
from proxy.enforcement.call import ClusterFacts
from proxy.observability.logs import get_logger
from proxy.observability.observer import Observer
from proxy.observability.throttle import Throttle
from proxy.policy_source import Snapshot
from proxy.providers.listener import Providers
from proxy.session.context import SessionContext, SessionLimits
from proxy.session.session import Session
from proxy.transport.discovery import Discovery
from proxy.transport.listener import Acceptor, bind, bind_beside
from proxy.transport.newcomers import FailedLogins, Newcomers
from proxy.transport.plain_hop import PlainHop
from proxy.transport.ports import Client
from proxy.transport.reception import Reception
from proxy.transport.registry import Capacity
from proxy.transport.surroundings import Surroundings
from proxy.transport.tasks import Tasks
from proxy.transport.tls import ListenerTls
from proxy.upstream.hop import hop_to

_TELL_AGAIN_AFTER_S: Final = 60.0
_COUNT_EVERY_S: Final = 2.0
_COMPUTING: Final = 2
_WAITING: Final = 16
"""Logins that may wait for a directory, an issuer or the next hop at one time; the others wait for these."""
_MOST_PORTS: Final = 1_000
"""Ports that are tried for the brokers of one listener on demand."""
_BEYOND_PORTS: Final = 65_536
_LONGEST_STEP_S: Final = 5.0

_log = get_logger("doorkeeper")


class Doorkeeper:
    """Listeners, sessions and the knowledge of one cluster. Built inside the running event loop.

    ``secret`` is shared by all workers, so that unknown users look the same to each. ``reuse_port`` lets several
    workers listen on the same ports.
    """

    def __init__(
        self, config: Config, snapshot: Snapshot, observer: Observer, *, secret: bytes, reuse_port: bool = False
    ) -> None:
        self.config = config
        self.topology = Topology(config.cluster.bootstrap_servers)
        self.facts = ClusterFacts()
        self._observer = observer
        self._secret = secret
        self._reuse_port = reuse_port
        self._mode = Mode(config.policy.mode.value)
        self._throttle = Throttle(_TELL_AGAIN_AFTER_S, time.monotonic)
        self._tasks = Tasks(lambda error: _log.error("bug: a task failed", exc_info=error))
        self._threads: list[ThreadPoolExecutor] = []
        step_s = min(_LONGEST_STEP_S, config.limits.connect_timeout_s)
        self._secured_hop = hop_to(config.cluster, observer, self._pool("upstream"), timeout_s=step_s)
        hop = self._secured_hop or PlainHop()
        self.discovery = Discovery(
            self.topology,
            observer,
            facts=self.facts,
            release=release_before_api_versions(config.cluster.version),
            hop=hop,
        )
        self._around = Surroundings(
            observer=observer,
            directory=self.discovery,
            executor=self._pool("verify", _COMPUTING),
            waiting=self._pool("issuer"),
            directories={
                listener.name: self._pool("directory")
                for listener in config.listeners
                if listener.sasl.ldap is not None
            },
            capacity=Capacity(config.limits.max_connections),
            newcomers=Newcomers(config.limits.max_handshakes, config.limits.max_handshakes_per_address),
            failed_logins=FailedLogins(
                config.limits.failed_logins_per_address,
                config.limits.failed_logins_window_s,
                config.limits.failed_logins_pause_s,
                time.monotonic,
            ),
            tasks=self._tasks,
            hop=hop,
        )
        observer.metrics.handshakes.set_function(lambda: self._around.newcomers.used)
        self._requests: dict[int, int] = {}
        self._mechanisms: dict[str, Mechanisms] = {}
        self._providers = {listener.name: self._provided(listener) for listener in config.listeners}
        self.snapshot = snapshot
        self._verdicts = Verdicts(snapshot.authorizer, self._mode)
        self._advertised = {listener.name: self._advertised_by(listener) for listener in config.listeners}
        self.receptions: dict[str, Reception] = {
            listener.name: self._reception(listener) for listener in config.listeners
        }
        self._acceptors: list[Acceptor] = []
        self._bound: dict[str, list[socket.socket]] = {}
        self.take(snapshot)

    def take(self, snapshot: Snapshot) -> None:
        """Put a snapshot in force: policy at each connection's next request, the rest for new connections."""
        self.snapshot = snapshot
        self._verdicts = Verdicts(snapshot.authorizer, self._mode)
        if self._secured_hop is not None:
            self._secured_hop.tls = snapshot.upstream
            if snapshot.upstream_not_after is not None:
                expiry = self._observer.metrics.upstream_certificate_expiry
                expiry.set(snapshot.upstream_not_after.timestamp())
        for listener in self.config.listeners:
            tls = snapshot.tls.get(listener.name)
            if tls is not None:
                self.receptions[listener.name].tls = tls.context
                self._tell_expiry(listener.name, tls)
            if listener.sasl.mechanisms:
                self._mechanisms[listener.name] = Mechanisms(
                    listener.sasl.mechanisms,
                    snapshot.users or FileUsers({}),
                    _nonce,
                    secret=self._secret,
                    passwords=self._providers[listener.name].passwords,
                    tokens=self._providers[listener.name].tokens,
                    kerberos=self._providers[listener.name].kerberos,
                    legacy_scram_nonce=listener.sasl.accept_legacy_scram_nonce,
                )
        self._observer.policy_in_force(snapshot.generation, time.time())
        asyncio.get_running_loop().call_later(
            self.config.limits.revoked_session_grace_s, self._around.registry.reconsider
        )

    def _tell_expiry(self, listener: str, tls: ListenerTls) -> None:
        metrics = self._observer.metrics
        metrics.certificate_expiry.labels(listener).set(tls.not_after.timestamp())
        if tls.next_update is not None:
            metrics.crl_next_update.labels(listener).set(tls.next_update.timestamp())

    async def start(self) -> None:
        """Listen, and begin to look at the cluster. Clients that come before it is known wait for it, or are closed.

        :raises OSError: if an address cannot be listened on.
        """
        self._tasks.spawn(self.discovery.run())
        self._tasks.spawn(self._count_requests())
        for providers in self._providers.values():
            for background in providers.background():
                self._tasks.spawn(background)
        for listener in self.config.listeners:
            host, port = listener.bind
            for each in (port, *_broker_ports(self._advertised[listener.name])):
                bound = await bind(host, each, reuse_port=self._reuse_port)
                self._bound.setdefault(listener.name, bound)
                self._accept(listener.name, bound)

    @property
    def ready(self) -> bool:
        """Whether clients can be served: we listen, and the cluster has told its brokers."""
        return bool(self._acceptors) and self.topology.known

    @property
    def connections(self) -> int:
        """The client connections that are open."""
        return len(self._around.registry)

    def stop_accepting(self) -> None:
        """Take no new connections."""
        for acceptor in self._acceptors:
            acceptor.stop()
        self._acceptors = []
        self._bound = {}

    async def drain(self) -> int:
        """Let every connection finish what is in flight; the number of those that had to be cut off comes back."""
        return await self._around.registry.drain(self.config.limits.drain_timeout_s)

    def abort(self) -> None:
        """End every connection now."""
        self._around.registry.abort()

    async def stop(self) -> None:
        """End everything that still runs."""
        self.stop_accepting()
        self.abort()
        await self._tasks.cancel()
        self._count()
        for threads in self._threads:
            threads.shutdown(wait=False, cancel_futures=True)

    def advertised(self) -> Mapping[str, Advertised]:
        """By listener: where clients find each broker."""
        return self._advertised

    def _pool(self, name: str, size: int = _WAITING) -> ThreadPoolExecutor:
        """Threads of their own for each purpose, so that nobody who does not answer holds up other logins."""
        threads = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._threads.append(threads)
        return threads

    def _provided(self, listener: ListenerConfig) -> Providers:
        told = partial(self._observer.issuer_keys, listener.name)
        return Providers(listener.name, listener.sasl, self._around.waiting, told)

    def _accept(self, listener: str, bound: list[socket.socket]) -> None:
        welcome = self.receptions[listener].welcome
        around = self._around
        self._acceptors += [Acceptor(listening, welcome, around.capacity, around.newcomers) for listening in bound]

    def _advertised_by(self, listener: ListenerConfig) -> Advertised:
        brokers = listener.brokers
        if isinstance(brokers, PortPerBrokerConfig):
            return PortPerBroker(listener.advertise, brokers.first_port, brokers.node_ids)
        if isinstance(brokers, HostPerBrokerConfig):
            return HostPerBroker(brokers.host, listener.bind[1])
        ports = iter(range(brokers.first_port, min(brokers.first_port + _MOST_PORTS, _BEYOND_PORTS)))
        open_port = partial(self._open_port, listener.name, ports)
        return PortOnDemand(listener.advertise, lambda: self.topology.brokers, open_port)

    def _open_port(self, listener: str, ports: Iterator[int]) -> int | None:
        """Listen on the first of the ports that is free, beside the bootstrap port of a listener."""
        beside = self._bound.get(listener)
        if beside is None:
            return None
        for port in ports:
            try:
                self._accept(listener, bind_beside(beside, port))
            except OSError as error:
                _log.warning("a port is passed over", listener=listener, port=port, detail=error.strerror)
            else:
                return port
        return None

    def _reception(self, listener: ListenerConfig) -> Reception:
        advertised = self._advertised[listener.name]
        context = self._context(listener, advertised)

        def session(client: Client) -> Session:
            return Session(context, client, None if client.tls is None else client.tls.certificate)

        limits = self.config.limits
        tls = self.snapshot.tls.get(listener.name)
        return Reception(
            listener.name,
            listener.security_protocol.value,
            advertised,
            session,
            self._around,
            tls=None if tls is None else tls.context,
            patience_s=limits.handshake_timeout_s,
            handshake_timeout_s=limits.handshake_timeout_s,
            max_request_bytes=limits.socket_request_max_bytes,
            balancers=listener.balancers,
        )

    def _context(self, listener: ListenerConfig, advertised: Advertised) -> SessionContext:
        def principal(certificate: bytes | None) -> Principal:
            if certificate is None:
                return listener.principal
            mapping = self.snapshot.mappings[listener.name]
            return certificate_principal(certificate, mapping, listener.principal_source.value)

        def stands(identity: Identity | None, certificate: bytes | None) -> bool:
            tls = self.snapshot.tls.get(listener.name)
            if certificate is not None and tls is not None and tls.revokes(certificate):
                return False
            mechanisms = self._mechanisms.get(listener.name)
            return identity is None or mechanisms is None or mechanisms.knows(identity)

        def unadvertised(node_id: int) -> None:
            if self._throttle.admit((listener.name, node_id)) is not None:
                _log.error(
                    "a broker has no address for clients and is hidden from them",
                    listener=listener.name,
                    node_id=node_id,
                    remedy="widen listeners[].brokers.node_ids",
                )

        return SessionContext(
            listener=listener.name,
            topology=self.topology,
            rewriter=Rewriter(self.topology, advertised, unadvertised),
            facts=self.facts,
            verdicts=lambda: self._verdicts,
            mechanisms=lambda: self._mechanisms.get(listener.name),
            principal=principal,
            by_network=PrincipalsByNetwork(listener.principal_by_network).find,
            stands=stands,
            forwarders=listener.trusted_forwarders,
            limits=_session_limits(self.config.limits),
            grants=self.config.audit.grants,
            max_reauth_ms=listener.sasl.max_reauth_ms,
            requests=self._requests,
        )

    async def _count_requests(self) -> None:
        while True:
            await asyncio.sleep(_COUNT_EVERY_S)
            self._count()

    def _count(self) -> None:
        """Bring what sessions counted to the metrics."""
        for api_key, count in list(self._requests.items()):
            label = api_label(api_key) if api_key in _KNOWN_KEYS else "Unknown"
            self._observer.metrics.requests.labels(label).inc(count)
        self._requests.clear()
        to_broker, to_client = self._around.take_bytes()
        self._observer.metrics.bytes.labels("client_to_broker").inc(to_broker)
        self._observer.metrics.bytes.labels("broker_to_client").inc(to_client)


_KNOWN_KEYS: Final = frozenset(map(int, ApiKey))


def _broker_ports(advertised: Advertised) -> list[int]:
    return advertised.ports() if isinstance(advertised, PortPerBroker) else []


def _nonce() -> str:
    return random_text(secrets.randbits)


def _session_limits(limits: Limits) -> SessionLimits:
    return SessionLimits(
        unauthenticated_request_max_bytes=limits.unauthenticated_request_max_bytes,
        socket_request_max_bytes=limits.socket_request_max_bytes,
        max_in_flight=limits.max_in_flight,
        authentication_timeout_s=limits.authentication_timeout_s,
        connect_timeout_s=limits.connect_timeout_s,
        connections_max_idle_s=limits.connections_max_idle_s,
        failed_authentication_delay_s=limits.failed_authentication_delay_ms / 1000,
    )
