"""Every way to a secured broker that fails, and the few that do not. No byte of a client is sent before the login."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policies.model import Principal
from policies.strict_yaml import InvalidDocument
from proxy.authentication.forwarding import ForwardedClient, header_for
from proxy.config.cluster_model import ClusterTls
from proxy.upstream.failure import UpstreamFailed
from proxy.upstream.gssapi import GssapiClient
from proxy.upstream.hop import SecuredHop
from proxy.upstream.mechanisms import MechanismFailed
from proxy.upstream.tls import upstream_tls
from tests.transport.support import Authority, until, within
from tests.upstream.kerberized import Context, GssapiDesk
from tests.upstream.support import BEFORE_1_0, RANGES, SecuredBroker, plain_client, request, scram_client


class User(asyncio.Protocol):
    """Whom the connection is handed over to."""

    def __init__(self) -> None:
        self.received = b""
        self.ended = False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(request(1, b"first"))

    def data_received(self, data):
        self.received += data

    def connection_lost(self, _exc):
        self.ended = True


class World:
    """One broker, one authority, and what was told."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder, "ca")
        self.told = []
        self.users = []
        self.executor = ThreadPoolExecutor(4)
        self.brokers = []

    def upstream_failed(self, _broker, step, detail, remedy):
        self.told.append((step, detail, remedy))

    async def broker(self, certificate=None, client_ca=None, **more):
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if client_ca is not None:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        self.brokers.append(await SecuredBroker(context, **more).start())
        return self.brokers[-1]

    def user(self):
        self.users.append(User())
        return self.users[-1]

    async def connect(self, broker, host="127.0.0.1", tls=None, mechanism=None, client=None, **more):
        context = None if tls is None else upstream_tls(tls)
        make = None if mechanism is None else lambda _host: mechanism()
        hop = SecuredHop(self, self.executor, tls=context, mechanism=make, **more)
        return await within(hop.connect(self.user, host, broker.port, client))

    async def refusal(self, broker, **more):
        """The one failure: step, detail, remedy. Nobody got a connection, the broker got no request of anybody."""
        with pytest.raises(UpstreamFailed) as caught:
            await self.connect(broker, **more)
        assert self.users == []
        assert not any(b"first" in frame for frame in broker.received)
        ((step, detail, remedy),) = self.told
        assert str(caught.value) == f"{step}: {detail} ({remedy})"
        return step, detail, remedy

    def expired(self):
        now = dt.datetime.now(dt.UTC)
        return self.signed(now - dt.timedelta(days=9), now - dt.timedelta(days=1))

    def signed(self, begin, end):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
        builder = x509.CertificateBuilder(self.authority._certificate.subject, name, key.public_key())
        builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(end)
        host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = builder.add_extension(host, critical=False).sign(self.authority._key, hashes.SHA256())
        paths = self.folder / "dated.pem", self.folder / "dated.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path)
    yield world
    for user in world.users:
        user.transport.abort()
    for broker in world.brokers:
        await broker.stop()
    world.executor.shutdown()


@pytest.mark.parametrize("mechanism", [plain_client, scram_client])
async def test_a_login_and_then_the_first_request(world, mechanism):
    broker = await world.broker(world.authority.issue("broker", "127.0.0.1"))
    user = await world.connect(broker, tls=ClusterTls(world.authority.pem), mechanism=mechanism)
    await until(lambda: user.received == request(1, b"first"))
    assert broker.received[-1] == request(1, b"first")
    assert world.told == []


@pytest.mark.parametrize("ranges", [RANGES, BEFORE_1_0], ids=["now", "before 1.0"])
async def test_a_ticket_for_the_host_that_was_dialled_and_then_the_first_request(world, ranges):
    broker = await world.broker(ranges=ranges, desk=GssapiDesk)
    dialled = []
    hop = SecuredHop(world, world.executor, mechanism=lambda host: GssapiClient(dialled.append(host) or Context()))
    user = await within(hop.connect(world.user, "127.0.0.1", broker.port, None))
    await until(lambda: user.received == request(1, b"first"))
    assert dialled == ["127.0.0.1"]


async def test_tls_alone_will_do(world):
    broker = await world.broker(world.authority.issue("broker", "127.0.0.1"))
    await world.connect(broker, tls=ClusterTls(world.authority.pem))
    await until(lambda: broker.received == [request(1, b"first")])


async def test_our_certificate_is_shown(world):
    strangers = Authority(world.folder, "clients-ca")
    certificate, key = strangers.issue("door")
    broker = await world.broker(world.authority.issue("broker", "127.0.0.1"), strangers.pem)
    tls = ClusterTls(world.authority.pem, certificate, key)
    user = await world.connect(broker, tls=tls, mechanism=scram_client)
    await until(lambda: user.received)


ALICE = ForwardedClient(Principal("User", "alice"), "10.1.2.3")


async def test_the_next_doorkeeper_is_told_whose_requests_come_before_the_first_of_them(world):
    heard = asyncio.Queue()

    async def listen(reader, writer):
        heard.put_nowait(await reader.readexactly(len(header_for(ALICE) + request(1, b"first"))))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*world.authority.issue("far", "127.0.0.1"))
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    hop = SecuredHop(world, world.executor, tls=upstream_tls(ClusterTls(world.authority.pem)), forwards=True)
    await within(hop.connect(world.user, "127.0.0.1", server.sockets[0].getsockname()[1], ALICE))
    assert await within(heard.get()) == header_for(ALICE) + request(1, b"first")
    server.close()


@pytest.mark.parametrize(("forwards", "client"), [(True, None), (False, ALICE)])
async def test_questions_of_our_own_and_other_brokers_are_not_told_anything(world, forwards, client):
    broker = await world.broker(silent=True)
    await world.connect(broker, forwards=forwards, client=client)
    await until(lambda: broker.received == [request(1, b"first")])


async def test_a_client_whose_name_cannot_be_told_is_not_served_in_our_own_name(world):
    broker = await world.broker(silent=True)
    step, detail, _ = await world.refusal(
        broker, forwards=True, client=ForwardedClient(Principal("User", "*"), "10.1.2.3")
    )
    assert (step, detail) == ("forward", "'User:*' cannot be told to another doorkeeper")
    assert broker.received == []


class Strict:
    """A broker that asks for certificates, and says so before it closes a connection without one."""

    def __init__(self, certificate, client_ca):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.received = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._refuse)
        self._thread.start()

    def _refuse(self):
        connection, _ = self._socket.accept()
        with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as tls:
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            # Closing while a request lies unread would reset the connection, and the alert could be lost with it.
            while socket.socket.recv(tls, 4_096):
                pass

    def stop(self):
        self._thread.join()
        self._socket.close()


async def test_without_a_certificate_that_is_asked_for(world):
    broker = Strict(world.authority.issue("broker", "127.0.0.1"), world.authority.pem)
    step, detail, remedy = await world.refusal(broker, tls=ClusterTls(world.authority.pem), mechanism=scram_client)
    broker.stop()
    assert step == "tls"
    assert "certificate required" in detail
    assert "cluster.tls.certificate" in remedy


async def test_a_wrong_password(world):
    broker = await world.broker()
    step, detail, remedy = await world.refusal(broker, mechanism=lambda: scram_client("wrong"))
    assert step == "sasl_authenticate"
    assert "Authentication failed" in detail
    assert "cluster.sasl" in remedy


async def test_an_authority_that_is_not_ours(world):
    broker = await world.broker(Authority(world.folder, "strange-ca").issue("broker", "127.0.0.1"))
    step, detail, remedy = await world.refusal(broker, tls=ClusterTls(world.authority.pem), mechanism=plain_client)
    assert (step, remedy) == ("tls", "set cluster.tls.ca to the authority that signed it")
    assert "not trusted" in detail
    assert broker.received == []


@pytest.mark.parametrize("hosts", [("127.0.0.2",), ("kafka.example.com",)])
async def test_a_certificate_for_another_host(world, hosts):
    broker = await world.broker(world.authority.issue("broker", *hosts))
    step, detail, remedy = await world.refusal(broker, tls=ClusterTls(world.authority.pem), mechanism=plain_client)
    assert (step, detail) == ("tls", "the broker's certificate is not for 127.0.0.1")
    assert "cluster.tls.server_name" in remedy
    assert broker.received == []


async def test_another_name_may_be_expected(world):
    broker = await world.broker(world.authority.issue("broker", "kafka.example.com"))
    tls = ClusterTls(world.authority.pem)
    user = await world.connect(broker, tls=tls, server_name="kafka.example.com", mechanism=plain_client)
    await until(lambda: user.received)


async def test_names_may_be_left_unchecked_but_not_authorities(world):
    unchecked = ClusterTls(world.authority.pem, endpoint_identification=False)
    broker = await world.broker(world.authority.issue("broker", "kafka.example.com"))
    await until(lambda: broker)
    user = await world.connect(broker, tls=unchecked, mechanism=plain_client)
    await until(lambda: user.received)
    stranger = await world.broker(Authority(world.folder, "strange-ca").issue("stranger", "127.0.0.1"))
    with pytest.raises(UpstreamFailed, match="not trusted"):
        await world.connect(stranger, tls=unchecked, mechanism=plain_client)


async def test_an_expired_certificate(world):
    broker = await world.broker(world.expired())
    step, detail, remedy = await world.refusal(broker, tls=ClusterTls(world.authority.pem), mechanism=plain_client)
    assert (step, detail) == ("tls", "the broker's certificate has expired")
    assert "renew" in remedy


async def test_a_certificate_of_tomorrow(world):
    now = dt.datetime.now(dt.UTC)
    broker = await world.broker(world.signed(now + dt.timedelta(days=1), now + dt.timedelta(days=2)))
    _, detail, _ = await world.refusal(broker, tls=ClusterTls(world.authority.pem), mechanism=plain_client)
    assert detail == "the broker's certificate is not valid yet"


async def test_tls_towards_a_port_without(world):
    broker = await world.broker()
    step, detail, remedy = await world.refusal(
        broker, tls=ClusterTls(world.authority.pem), mechanism=plain_client, timeout_s=0.2
    )
    assert step == "tls"
    assert detail in ("no answer in time", "the broker closed the connection", "the broker's port does not speak TLS")
    assert "TLS listener" in remedy


async def test_no_tls_towards_a_port_with(world):
    broker = await world.broker(world.authority.issue("broker", "127.0.0.1"))
    step, _, remedy = await world.refusal(broker, mechanism=plain_client)
    assert step == "api_versions"
    assert "cluster.security_protocol" in remedy


async def test_a_broker_that_keeps_silent(world):
    broker = await world.broker(silent=True)
    step, detail, _ = await world.refusal(broker, mechanism=plain_client, timeout_s=0.05)
    assert (step, detail) == ("api_versions", "no answer within 0.05 s")
    await until(broker.writers[0].is_closing)


async def test_nobody_there(world):
    broker = await world.broker()
    await broker.stop()
    step, detail, remedy = await world.refusal(broker, mechanism=plain_client)
    assert (step, detail) == ("connect", "Connection refused") or "Connect call failed" in detail
    assert "running" in remedy


async def test_no_credentials_at_the_moment(world):
    def nothing():
        raise MechanismFailed("token.txt cannot be read")

    broker = await world.broker()
    step, detail, _ = await world.refusal(broker, mechanism=nothing)
    assert (step, detail) == ("credentials", "token.txt cannot be read")


async def test_who_loses_interest_leaves_no_connection_behind(world):
    broker = await world.broker(silent=True)
    work = asyncio.get_running_loop().create_task(world.connect(broker, mechanism=plain_client))
    await until(lambda: broker.received)
    work.cancel()
    await until(broker.writers[0].is_closing)
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_new_connections_use_new_material(world):
    broker = await world.broker(Authority(world.folder, "next-ca").issue("broker", "127.0.0.1"))
    tls = upstream_tls(ClusterTls(world.authority.pem))
    hop = SecuredHop(world, world.executor, tls=tls, mechanism=lambda _host: plain_client())
    with pytest.raises(UpstreamFailed):
        await within(hop.connect(world.user, "127.0.0.1", broker.port, None))
    hop.tls = upstream_tls(ClusterTls(world.folder / "next-ca.pem"))
    user = await within(hop.connect(world.user, "127.0.0.1", broker.port, None))
    await until(lambda: user.received)


def test_files_that_are_not_what_they_must_be(tmp_path):
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("door")
    _, other = authority.issue("other")
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.write_bytes(b"")
    for tls, path, message in (
        (ClusterTls(missing), missing, "cannot be read: No such file"),
        (ClusterTls(empty), empty, "holds no certificates in PEM form"),
        (ClusterTls(authority.pem, missing, key), missing, "cannot be read: No such file"),
        (ClusterTls(authority.pem, certificate, missing), missing, "cannot be read: No such file"),
        (ClusterTls(authority.pem, certificate, other), certificate, "cannot be used together: key values mismatch"),
    ):
        with pytest.raises(InvalidDocument) as caught:
            upstream_tls(tls)
        (fault,) = caught.value.faults
        assert str(fault).startswith(str(path))
        assert message in fault.message


class Hasty(User):
    """Sends a request, and is gone."""

    def connection_made(self, transport):
        super().connection_made(transport)
        transport.close()


async def test_what_was_sent_before_the_end_arrives(world):
    broker = await world.broker(world.authority.issue("broker", "127.0.0.1"))
    world.user = Hasty
    await world.connect(broker, tls=ClusterTls(world.authority.pem), mechanism=scram_client)
    await until(lambda: broker.received[-1] == request(1, b"first"))
