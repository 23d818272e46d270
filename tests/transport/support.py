"""What the tests of the transport stand on: loopback sockets, certificates, small sessions and brokers."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey, response_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.splice import encode_response
from proxy.addressing.advertised import Advertised, PortPerBroker
from proxy.authentication.forwarding import ForwardedClient
from proxy.config.model import ClientAuth, TlsConfig
from proxy.observability.metrics import Metrics
from proxy.observability.observer import Observer
from proxy.session.commands import Close, Commands, OpenBroker, SendBroker, SendClient, Timer
from proxy.session.events import CloseReason
from proxy.transport.listener import Acceptor, bind
from proxy.transport.newcomers import FailedLogins, Newcomers
from proxy.transport.ports import Client, Session
from proxy.transport.reception import Reception
from proxy.transport.registry import Capacity
from proxy.transport.surroundings import Surroundings
from proxy.transport.tasks import Tasks
from proxy.transport.tls import listener_tls

TIMEOUT_S = 20.0


# Certificates


@dataclass
class Authority:
    """A certificate authority that issues certificates into a folder."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(self._name(self.name), self._key, authority=True)
        self.pem = self.folder / f"{self.name}.pem"
        self.pem.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, *hosts: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(self._name(name), key, hosts)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths

    @staticmethod
    def _name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, hosts: tuple[str, ...] = (), *, authority: bool = False
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if authority else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if hosts:
            names: list[x509.GeneralName] = [
                x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
                for host in hosts
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class Certificates:
    """A server's certificate, a client's of the right authority, and one of a strange authority."""

    authority: Authority
    server: tuple[Path, Path]
    client: tuple[Path, Path]
    stranger: tuple[Path, Path]

    def tls(self, client_auth: ClientAuth = ClientAuth.NONE) -> TlsConfig:
        client_ca = None if client_auth is ClientAuth.NONE else self.authority.pem
        return TlsConfig(self.server[0], self.server[1], client_ca=client_ca, client_auth=client_auth)

    def client_context(
        self, identity: tuple[Path, Path] | None = None, version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority.pem)
        if identity:
            context.load_cert_chain(*identity)
        if version:
            context.minimum_version = context.maximum_version = version
        return context


# Sessions


SOMEBODY = ForwardedClient(Principal("User", "somebody"), "10.1.2.3")


class Recorder:
    """A session that only remembers what it was told, and answers what the test has prepared."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, Callable[..., Commands]] = {}
        self._news = asyncio.Event()

    async def told(self, name: str) -> tuple[Any, ...]:
        """The first call of that name, as soon as it comes."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                for call in self.calls:
                    if call[0] == name:
                        return call
                self._news.clear()
                await self._news.wait()

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]

    def received(self) -> bytes:
        """All bytes that the client has sent."""
        return b"".join(call[1] for call in self.calls if call[0] == "client_bytes")

    def _note(self, name: str, *args: Any) -> Commands:
        self.calls.append((name, *args))
        self._news.set()
        answer = self.answers.get(name)
        return answer(*args) if answer else []

    def started(self) -> Commands:
        return self._note("started")

    def client_bytes(self, data: bytes) -> Commands:
        return self._note("client_bytes", data)

    def broker_bytes(self, data: bytes) -> Commands:
        return self._note("broker_bytes", data)

    def broker_opened(self) -> Commands:
        return self._note("broker_opened")

    def broker_closed(self, why: str) -> Commands:
        return self._note("broker_closed", why) or [Close(CloseReason.BROKER_CLOSED)]

    def client_closed(self) -> Commands:
        return self._note("client_closed") or [Close(CloseReason.CLIENT_CLOSED)]

    def verified(self, result: object) -> Commands:
        return self._note("verified", result)

    def timer_fired(self, name: Timer) -> Commands:
        return self._note("timer_fired", name)

    def drain(self) -> Commands:
        return self._note("drain") or [Close(CloseReason.DRAINED)]


class Echo(Recorder):
    """Sends back what the client sends."""

    def client_bytes(self, data: bytes) -> Commands:
        super().client_bytes(data)
        return [SendClient([data])]


class Relay(Recorder):
    """Passes everything on between the client and one broker, like a session with nothing to judge."""

    def __init__(self, client: Client, host: str, port: int) -> None:
        super().__init__(client)
        self._broker = OpenBroker(host, port, SOMEBODY)
        self._waiting: list[bytes] = []
        self._open = False
        self._leaving = False
        self.from_client = 0
        self.from_broker = 0

    def started(self) -> Commands:
        return [*super().started(), self._broker]

    def broker_opened(self) -> Commands:
        self._open = True
        commands = super().broker_opened()
        if self._waiting:
            commands = [*commands, SendBroker(self._waiting)]
        return [*commands, Close(CloseReason.CLIENT_CLOSED)] if self._leaving else commands

    def client_bytes(self, data: bytes) -> Commands:
        self.from_client += len(data)
        if not self._open:
            self._waiting.append(data)
            return []
        return [SendBroker([data])]

    def broker_bytes(self, data: bytes) -> Commands:
        self.from_broker += len(data)
        return [SendClient([data])]

    def client_closed(self) -> Commands:
        super().client_closed()
        if self._waiting and not self._open:
            self._leaving = True
            return []
        return [Close(CloseReason.CLIENT_CLOSED)]


# Brokers


class Broker:
    """A server on loopback that takes bytes; tests write to and read from its connections."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def accepted(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await within(self.connections.get())

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.connections.put_nowait((reader, writer))


class Directory:
    """Knows the brokers that the test names."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.asked: list[int] = []
        self.failed: list[tuple[str, int]] = []
        self.reached: list[tuple[str, int]] = []
        self.looks_up = asyncio.Event()
        self.looks_up.set()

    async def has(self, node_id: int | None) -> bool:
        await self.looks_up.wait()
        if node_id is None:
            return True
        self.asked.append(node_id)
        return node_id in self.known

    def broker_failed(self, host: str, port: int) -> None:
        self.failed.append((host, port))

    def broker_reached(self, host: str, port: int) -> None:
        self.reached.append((host, port))


@dataclass(eq=False)
class FakeKafka:
    """Answers ApiVersions and Metadata as brokers of different ages do."""

    versions: range | None = range(5)  # of ApiVersions; None: it does not know it
    metadata: range = range(14)
    silent: bool = False  # instead of closing the connection after what it does not know
    groups: bool = True
    busy: bool = False  # never gets to ApiVersions
    brokers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    ignored: str = "?"  # the client id whose questions about topics are never answered

    async def start(self, port=0):
        self._writers = []
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.address = self._server.sockets[0].getsockname()
        return self

    async def stop(self):
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        try:
            while (answer := self._answer(await self._frame(reader))) is not None:
                writer.write(answer)
            if self.silent:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _frame(reader):
        head = await reader.readexactly(4)
        return head + await reader.readexactly(int.from_bytes(head))

    def _answer(self, frame):
        head = read_request_head(frame)
        key, version = ApiKey(head.api_key), head.api_version
        self.asked.append((key.label, version))
        if (self.busy and key is ApiKey.API_VERSIONS) or (key is ApiKey.METADATA and head.client_id == self.ignored):
            return b""
        if self.versions is None:
            return self._answer_of_the_old(key, head.correlation_id)
        if key is ApiKey.METADATA and version in self.metadata:
            return encode_response(key, version, head.correlation_id, self._metadata(version))
        if key is ApiKey.API_VERSIONS:
            if version in self.versions:
                return encode_response(key, version, head.correlation_id, self._api_versions(version, ErrorCode.none))
            return encode_response(key, 0, head.correlation_id, self._api_versions(0, ErrorCode.unsupported_version))
        return None

    def _answer_of_the_old(self, key, correlation_id):
        """Before 0.10 nobody looked at the version, and 0.9 was the first to know of groups."""
        if key is ApiKey.METADATA:
            return encode_response(key, 0, correlation_id, self._metadata(0))
        if key is ApiKey.LIST_GROUPS and self.groups:
            return encode_response(key, 0, correlation_id, build(response_type(key, 0)))
        return None

    def _metadata(self, version):
        entity_type = response_type(ApiKey.METADATA, version)
        entry = item_type(entity_type, "brokers")
        found = tuple(build(entry, node_id=n, host=b.host, port=b.port, rack=b.rack) for n, b in self.brokers.items())
        return build(entity_type, brokers=found)

    def _api_versions(self, version, error):
        entity_type = response_type(ApiKey.API_VERSIONS, version)
        entry = item_type(entity_type, "api_keys")
        have = {ApiKey.API_VERSIONS: self.versions, ApiKey.METADATA: self.metadata}
        if error is not ErrorCode.none and 3 not in self.versions:
            have = {}  # KIP-511 came with version 3
        keys = tuple(build(entry, api_key=k, min_version=v[0], max_version=v[-1]) for k, v in have.items())
        return build(entity_type, error_code=error, api_keys=keys)


# The door


async def within(work: Awaitable[Any]) -> Any:
    """Wait, but not for ever."""
    async with asyncio.timeout(TIMEOUT_S):
        return await work


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection is closed or reset."""
    received = b""
    try:
        while data := await within(reader.read(65536)):
            received += data
    except ConnectionResetError:
        pass
    return received


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something has become true."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - conditions are about the inside of things, which tell nobody
            await asyncio.sleep(0)


@dataclass
class World:
    """Listeners in front of sessions of the test's choice, with everything that belongs around them."""

    certificates: Certificates
    logs: list[Any]
    sessions: list[Any] = field(default_factory=list)
    bugs: list[BaseException] = field(default_factory=list)
    limit: int = 100
    now: float = 0.0

    def __post_init__(self) -> None:
        self.directory = Directory()
        self.capacity = Capacity(self.limit)
        self.metrics = Metrics("test", process=False)
        self.executor, self.waiting, self.asking = (ThreadPoolExecutor(1) for _ in range(3))
        self.around = Surroundings(
            observer=Observer(self.metrics),
            directory=self.directory,
            executor=self.executor,
            waiting=self.waiting,
            directories={"clients": self.asking},
            capacity=self.capacity,
            newcomers=Newcomers(self.limit, self.limit),
            failed_logins=FailedLogins(3, 10, 2, lambda: self.now),
            tasks=Tasks(self.bugs.append),
        )
        self._acceptors: list[Acceptor] = []
        self.broker = Broker()

    async def open(
        self,
        session: Callable[[Client], Session] = Recorder,
        tls: TlsConfig | None = None,
        advertised: Advertised | None = None,
        **options: Any,
    ) -> int:
        """Listen; the port comes back."""

        def sessions(client: Client) -> Session:
            self.sessions.append(session(client))
            made: Session = self.sessions[-1]
            return made

        reception = self.reception = Reception(
            "clients",
            "SSL" if tls else "PLAINTEXT",
            advertised or PortPerBroker("localhost", 1, ()),
            sessions,
            self.around,
            tls=listener_tls(tls).context if tls else None,
            **options,
        )
        (listening,) = await bind("127.0.0.1", 0)
        self.acceptor = Acceptor(listening, reception.welcome, self.capacity, self.around.newcomers)
        self._acceptors.append(self.acceptor)
        return self.acceptor.port

    async def relay(self, **options: Any) -> int:
        """Listen in front of a broker."""
        await self.broker.start()
        return await self.open(lambda client: Relay(client, "127.0.0.1", self.broker.port), **options)

    async def connect(
        self, port: int, tls: ssl.SSLContext | None = None, host: str = "localhost"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client."""
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] = await within(
            asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=host if tls else None)
        )
        return streams

    def count(self, name: str, **labels: str) -> float:
        """The value of a metric."""
        return self.metrics.registry.get_sample_value(f"doorkeeper_{name}", labels) or 0.0

    def warnings(self) -> list[Any]:
        return [entry for entry in self.logs if entry["log_level"] in ("warning", "error")]

    async def close(self) -> None:
        for acceptor in self._acceptors:
            acceptor.stop()
        await self.around.tasks.cancel()
        self.around.registry.abort()
        await self.around.registry.drain(TIMEOUT_S)
        if hasattr(self.broker, "port"):
            await self.broker.stop()
        for threads in (self.executor, self.waiting, self.asking):
            threads.shutdown()
        assert self.bugs == []
