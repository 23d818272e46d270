"""TLS towards clients: versions, client certificates, server names, and failures that both ends understand."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import struct
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from policies.strict_yaml import InvalidDocument
from proxy.addressing.advertised import HostPerBroker
from proxy.config.model import ClientAuth, Secret, TlsConfig
from proxy.transport.tls import listener_tls
from tests.transport.support import Authority, Echo, Recorder, everything, until, within

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


async def settled(world):
    """Wait until nobody is between accept and session."""
    await until(lambda: not len(world.around.tasks))


async def said(world, port, tls, host="localhost"):
    """What comes back from an echo, or the TLS error that the client sees."""
    loop = asyncio.get_running_loop()

    def talk():
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            tls.wrap_socket(plain, server_hostname=host) as client,
        ):
            client.sendall(b"hello")
            return client.recv(100)

    try:
        return await within(loop.run_in_executor(None, talk))
    except ssl.SSLError as error:
        await settled(world)
        return error.reason


@pytest.mark.parametrize("version", VERSIONS)
async def test_speaks_tls(world, version):
    port = await world.open(Echo, tls=world.certificates.tls())
    assert await said(world, port, world.certificates.client_context(version=version)) == b"hello"
    facts = world.sessions[0].client.tls
    assert facts.version == {VERSIONS[0]: "TLSv1.2", VERSIONS[1]: "TLSv1.3"}[version]
    assert "GCM" in facts.cipher or "CHACHA20" in facts.cipher
    assert facts.server_name == "localhost"
    assert facts.certificate is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", [ClientAuth.REQUESTED, ClientAuth.REQUIRED])
async def test_a_client_certificate_names_the_client(world, version, mode):
    certificates = world.certificates
    port = await world.open(Echo, tls=certificates.tls(mode))
    assert await said(world, port, certificates.client_context(certificates.client, version)) == b"hello"
    certificate = x509.load_der_x509_certificate(world.sessions[0].client.tls.certificate)
    assert certificate.subject.rfc4514_string() == "CN=alice"


async def test_a_certificate_that_nobody_asked_for_is_ignored(world):
    certificates = world.certificates
    port = await world.open(Echo, tls=certificates.tls(ClientAuth.NONE))
    assert await said(world, port, certificates.client_context(certificates.stranger)) == b"hello"
    assert world.sessions[0].client.tls.certificate is None


@pytest.mark.parametrize("version", VERSIONS)
async def test_no_certificate_is_fine_where_it_is_only_requested(world, version):
    """Case 29, second half: no certificate is an anonymous client."""
    port = await world.open(Echo, tls=world.certificates.tls(ClientAuth.REQUESTED))
    assert await said(world, port, world.certificates.client_context(version=version)) == b"hello"
    assert world.sessions[0].client.tls.certificate is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", [ClientAuth.REQUESTED, ClientAuth.REQUIRED])
async def test_a_strange_certificate_fails_and_both_ends_are_told(world, version, mode):
    """Case 29: the alert must arrive, or the client would try again for ever."""
    certificates = world.certificates
    port = await world.open(Echo, tls=certificates.tls(mode))
    alert = await said(world, port, certificates.client_context(certificates.stranger, version))
    assert alert == "TLSV1_ALERT_UNKNOWN_CA"
    (line,) = world.warnings()
    assert line["event"] == "TLS handshake failed"
    assert line["reason"] == "client_certificate_refused"
    assert "client_ca" in line["detail"]
    assert world.sessions == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_missing_certificate_fails_where_it_is_required(world, version):
    port = await world.open(Echo, tls=world.certificates.tls(ClientAuth.REQUIRED))
    alert = await said(world, port, world.certificates.client_context(version=version))
    assert alert in ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV13_ALERT_CERTIFICATE_REQUIRED")
    (line,) = world.warnings()
    assert line["reason"] == "client_certificate_missing"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_that_does_not_trust_us_is_told_apart(world, version, tmp_path):
    port = await world.open(Echo, tls=world.certificates.tls())
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.load_verify_locations(Authority(tmp_path, "another").pem)
    stranger.minimum_version = stranger.maximum_version = version
    assert await said(world, port, stranger) == "CERTIFICATE_VERIFY_FAILED"
    (line,) = world.warnings()
    assert line["reason"] == "unknown_ca"
    assert "ssl.truststore.location" in line["detail"]


async def test_an_old_version_is_refused_with_the_remedy(world):
    port = await world.open(Echo, tls=world.certificates.tls())
    old = world.certificates.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    assert await said(world, port, old) == "TLSV1_ALERT_PROTOCOL_VERSION"
    (line,) = world.warnings()
    assert line["reason"] == "protocol_version"
    assert "TLS 1.2" in line["detail"]


ENDS = {
    "at once": lambda client: client.close(),
    "with a reset": lambda client: (
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
        client.close(),
    ),
    "never": lambda _: None,
    "after many bytes": lambda client: client.sendall(bytes(200_000)),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_refusal_is_counted_though_the_client_believed_to_be_in(world, end):
    """In TLS 1.3 a client is done before its certificate, or the want of one, is looked at."""
    port = await world.open(Echo, tls=world.certificates.tls(ClientAuth.REQUIRED))
    tls = world.certificates.client_context(version=ssl.TLSVersion.TLSv1_3)

    def come():
        client = tls.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")
        with contextlib.suppress(OSError):  # it may have been shut out in the midst of it
            ENDS[end](client)
        return client

    clients = [await within(asyncio.get_running_loop().run_in_executor(None, come)) for _ in range(5)]
    counted = {"listener": "clients", "reason": "client_certificate_missing"}
    await until(lambda: world.count("tls_handshakes_failed_total", **counted) == len(clients))
    assert world.count("tls_handshakes_total", listener="clients", version="TLSv1.3") == 0
    for client in clients:
        client.close()


async def test_a_weak_cipher_is_refused_with_the_remedy(world):
    port = await world.open(Echo, tls=world.certificates.tls())
    weak = world.certificates.client_context(version=ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    assert await said(world, port, weak) == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    (line,) = world.warnings()
    assert line["reason"] == "no_shared_cipher"


async def test_a_handshake_has_a_deadline(world):
    port = await world.open(Echo, tls=world.certificates.tls(), handshake_timeout_s=0.05)
    reader, writer = await world.connect(port)
    writer.write(bytes.fromhex("160301020001"))
    assert await everything(reader) == b""
    assert world.count("tls_handshakes_failed_total", listener="clients", reason="timeout") == 1
    writer.close()


async def test_a_client_that_leaves_during_the_handshake_is_counted(world):
    port = await world.open(Echo, tls=world.certificates.tls())
    _, writer = await world.connect(port)
    writer.write(bytes.fromhex("160301020001"))
    writer.write_eof()
    await settled(world)
    assert world.count("tls_handshakes_failed_total", listener="clients", reason="closed_by_client") == 1
    assert world.capacity.used == 0
    writer.close()


@pytest.mark.parametrize(
    ("asked", "node_id"),
    [("b7.example.test", 7), ("kafka.example.test", None), ("localhost", None)],
)
async def test_the_server_name_says_which_broker_is_wanted(world, asked, node_id):
    world.directory.known = {7}
    port = await world.open(Echo, tls=world.certificates.tls(), advertised=HostPerBroker("b{node_id}.example.test", 1))
    assert await said(world, port, world.certificates.client_context(), asked) == b"hello"
    assert world.sessions[0].client.node_id == node_id


async def test_a_broker_that_does_not_exist_is_looked_for_once(world):
    port = await world.open(Echo, tls=world.certificates.tls(), advertised=HostPerBroker("b{node_id}.example.test", 1))
    reader, writer = await world.connect(port, world.certificates.client_context(), "b7.example.test")
    assert await everything(reader) == b""
    assert world.directory.asked == [7]
    assert world.sessions == []
    await settled(world)
    assert world.capacity.used == 0
    writer.close()


async def test_new_connections_get_the_new_certificate(world, tmp_path):
    certificates = world.certificates
    port = await world.open(Echo, tls=certificates.tls())
    reader, writer = await world.connect(port, certificates.client_context())
    renewed = Authority(tmp_path, "renewed")
    world.reception.tls = listener_tls(TlsConfig(*renewed.issue("server", "localhost"))).context
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(renewed.pem)
    assert await said(world, port, trusting) == b"hello"
    writer.write(b"still here")
    assert await within(reader.readexactly(10)) == b"still here"
    writer.close()


async def test_early_bytes_reach_the_session_in_order(world):
    """What a client sends while its broker is still looked for is kept."""
    asked, found = asyncio.Event(), asyncio.Event()

    async def has(_):
        asked.set()
        await found.wait()
        return True

    world.directory.has = has
    port = await world.open(
        Recorder, tls=world.certificates.tls(), advertised=HostPerBroker("b{node_id}.example.test", 1)
    )
    _, writer = await world.connect(port, world.certificates.client_context(), "b7.example.test")
    sent = bytes(range(256)) * 8192
    writer.write(sent)
    await within(asked.wait())
    found.set()
    await until(lambda: world.sessions and world.sessions[0].received() == sent)
    assert world.sessions[0].calls[0] == ("started",)
    writer.close()


# Files


def faults(config):
    with pytest.raises(InvalidDocument) as caught:
        listener_tls(config)
    return [str(fault) for fault in caught.value.faults]


def test_tells_when_the_certificate_expires(certificates):
    left = listener_tls(certificates.tls()).not_after - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=23) < left <= dt.timedelta(hours=24)


def test_names_a_missing_file(certificates, tmp_path):
    missing = tmp_path / "none.pem"
    assert faults(TlsConfig(missing, certificates.server[1])) == [
        f"{missing}:1:1: cannot be read: No such file or directory"
    ]


def test_names_a_file_that_is_no_certificate(certificates, tmp_path):
    wrong = tmp_path / "server.pem"
    wrong.write_text("hello")
    assert faults(TlsConfig(wrong, certificates.server[1])) == [f"{wrong}:1:1: is not a certificate in PEM form"]


def test_names_a_file_that_is_no_key(certificates):
    certificate = certificates.server[0]
    assert faults(TlsConfig(certificate, certificate)) == [f"{certificate}:1:1: is not a private key in PEM form"]


def test_names_a_key_of_another_certificate(certificates):
    other = certificates.client[1]
    assert faults(TlsConfig(certificates.server[0], other)) == [
        f"{other}:1:1: the key does not belong to the certificate {certificates.server[0]}"
    ]


def test_names_a_client_ca_that_is_none(certificates, tmp_path):
    empty = tmp_path / "ca.pem"
    empty.touch()
    config = TlsConfig(*certificates.server, client_ca=empty, client_auth=ClientAuth.REQUIRED)
    assert faults(config) == [f"{empty}:1:1: is not certificates in PEM form"]


def test_an_encrypted_key_needs_its_password(certificates, tmp_path):
    key = load_pem_private_key(certificates.server[1].read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    certificate = certificates.server[0]
    (fault,) = faults(TlsConfig(certificate, locked))
    assert fault.startswith(f"{locked}:1:1: ")
    assert "key_password" in fault
    assert faults(TlsConfig(certificate, locked, Secret("wrong"))) == [
        f"{locked}:1:1: is not a private key in PEM form that key_password opens"
    ]
    assert listener_tls(TlsConfig(certificate, locked, Secret("secret")))
