"""Attacks on TLS: certificates for something else, tickets of another time, bytes from before the handshake."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK
from proxy.embedded.pki import CertificateAuthority
from tests.cves.support import FalseBroker
from tests.integration.door import Door, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire, wire
from tests.transport.pki import CLIENT, SERVER, Party, authority

pytestmark = pytest.mark.kafka

ADMIN = x509.UniformResourceIdentifier("spiffe://example.org/admin")
METADATA = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)


@pytest.fixture(scope="module")
def root() -> Party:
    return authority("Workloads")


@pytest.fixture
def mtls(kafka_4_1: KafkaCluster, root: Party, tmp_path: Path) -> Iterator[WayIn]:
    """A listener that knows workloads by their SPIFFE ids, and who shows nothing as nobody."""
    server = root.issue("server", (SERVER,), [x509.DNSName("localhost")])
    door = WayIn(
        tmp_path,
        kafka_4_1.bootstrap_servers,
        tls="{certificate: own.pem, key: own.key, client_ca: root.pem, client_crl: root.crl, client_auth: requested}",
        more="    principal_source: spiffe\n",
        protocol="SSL",
    )
    (tmp_path / "own.pem").write_bytes(server.pem)
    (tmp_path / "own.key").write_bytes(server.key_pem)
    (tmp_path / "root.pem").write_bytes(root.pem)
    (tmp_path / "root.crl").write_bytes(root.revoke())
    yield door.start()
    door.stop()


def trusting(door: WayIn, *chain: Party, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """How a client connects that shows this chain, its own certificate first."""
    context = ssl.create_default_context(cafile=str(door.directory / "root.pem"))
    context.check_hostname = False  # the wire connects by address
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if chain:
        file = door.directory / "shown.pem"
        file.write_bytes(chain[0].key_pem + b"".join(each.pem for each in chain))
        context.load_cert_chain(file)
    return context


def served(door: WayIn, *chain: Party) -> bool:
    """Whether anything is answered to a client that shows this."""
    try:
        with Wire(door.ports["way_in"], trusting(door, *chain)) as client:
            return bool(client.ask(ApiKey.METADATA, 1, topics=None).brokers)
    except (ssl.SSLError, ConnectionError):
        return False


def succeeded(door: Door) -> set[str]:
    return {line["principal"] for line in door.audited("authentication.succeeded")}


@pytest.mark.parametrize(
    "names",
    [
        [x509.RFC822Name("spiffe://example.org/admin")],
        [x509.DNSName("spiffe://example.org/admin")],
        [x509.UniformResourceIdentifier("spiffe://example.org/a"), ADMIN],
        [x509.UniformResourceIdentifier("spiffe://example.org/admin\0.mallory.com")],
    ],
)
def test_cve_2022_21656_a_name_of_another_kind_is_nobody(
    mtls: WayIn, root: Party, names: Sequence[x509.GeneralName]
) -> None:
    assert not served(mtls, root.issue("admin", alternatives=names))
    assert not succeeded(mtls)
    eventually(lambda: "connection closed" in mtls.log() or "authentication failed" in mtls.log())


def test_cve_2022_21657_a_servers_certificate_is_no_clients(mtls: WayIn, root: Party) -> None:
    assert not served(mtls, root.issue("broker", (SERVER,), [ADMIN]))
    assert served(mtls, root.issue("broker", (SERVER, CLIENT), [ADMIN]))
    assert mtls.counter("doorkeeper_tls_handshakes_failed_total", reason="client_certificate_refused") == 1


def test_cve_2021_3450_who_is_no_authority_signs_nobody(mtls: WayIn, root: Party) -> None:
    alice = root.issue("alice", alternatives=[x509.UniformResourceIdentifier("spiffe://example.org/alice")])
    assert not served(mtls, alice.issue("admin", alternatives=[ADMIN]), alice)
    assert served(mtls, alice)
    assert succeeded(mtls) == {"User:spiffe://example.org/alice"}


def test_kroxylicious_2744_where_a_certificate_is_only_requested_a_wrong_one_is_still_refused(mtls: WayIn) -> None:
    """And none at all is nobody, not a failure."""
    assert not served(mtls, authority("Workloads").issue("admin", alternatives=[ADMIN]))
    assert served(mtls)
    assert succeeded(mtls) == {"User:ANONYMOUS"}


def with_ticket(
    port: int, context: ssl.SSLContext, ticket: ssl.SSLSession | None = None
) -> tuple[bool, ssl.SSLSession]:
    """Whether a ticket was taken, and another one."""
    with (
        socket.create_connection((LOOPBACK, port), 10) as plain,
        context.wrap_socket(plain, session=ticket) as client,
    ):
        client.sendall(METADATA)
        assert client.recv(4)
        assert client.session is not None
        return bool(client.session_reused), client.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_cve_2022_21654_a_ticket_does_not_outlive_its_certificate(
    mtls: WayIn, root: Party, version: ssl.TLSVersion
) -> None:
    alice = root.issue("alice", alternatives=[ADMIN])
    context, port = trusting(mtls, alice, version=version), mtls.ports["way_in"]
    _, ticket = with_ticket(port, context)
    reused, ticket = with_ticket(port, context, ticket)
    assert reused
    new = mtls.directory / "root.crl.new"
    new.write_bytes(root.revoke(alice))
    new.replace(mtls.directory / "root.crl")
    eventually(lambda: mtls.counter("doorkeeper_policy_reloads_total", result="success") == 1)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with_ticket(port, context, ticket)


def test_haproxy_3195_a_ticket_of_one_listener_is_worth_nothing_at_another(door: Door) -> None:
    context = ssl.create_default_context(cafile=str(door.directory / "ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(door.directory / "alice.pem", door.directory / "alice.key")
    _, ticket = with_ticket(door.ports["ssl_requested"], context)
    assert with_ticket(door.ports["ssl_requested"], context, ticket)[0]
    assert not with_ticket(door.ports["ssl"], context, ticket)[0]


# Before the handshake


def hello(context: ssl.SSLContext) -> bytes:
    """The first bytes of a client that begins a handshake."""
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("order", ["before", "behind"])
@pytest.mark.parametrize("listener", ["ssl", "ssl_requested", "sasl_ssl"])
def test_cve_2021_23222_cve_2021_3935_what_was_said_before_tls_is_not_heard_within(
    door: Door, listener: str, order: str
) -> None:
    """A plaintext request before a ClientHello, and one behind it in the same segment."""
    begun = door.counter("doorkeeper_connections_opened_total", listener=listener)
    context = ssl.create_default_context(cafile=str(door.directory / "ca.pem"))
    with Wire(door.ports[listener]) as client:
        client.send_bytes(METADATA + hello(context) if order == "before" else hello(context) + METADATA)
        received = b""
        with contextlib.suppress(ConnectionError):
            while True:
                received += client.receive_bytes(1)
        assert received[:1] in (b"", b"\x15", b"\x16"), "nothing but TLS"
    with wire(door, "alice", listener) as honest:
        assert honest.ask(ApiKey.METADATA, 1, topics=None).brokers
    assert door.counter("doorkeeper_connections_opened_total", listener=listener) == begun + 1


@pytest.mark.parametrize("first", [METADATA, b"\x16\x03\x01" + METADATA, b"\x15\x03\x03\0\x02\x01\0" + METADATA])
def test_cve_2023_40217_a_client_that_goes_before_its_handshake_was_never_there(door: Door, first: bytes) -> None:
    """With mTLS: bytes, then the end of the connection, before a byte of ours."""
    entered = len(door.audited("authentication.succeeded"))
    begun = door.counter("doorkeeper_connections_opened_total", listener="ssl")
    for _ in range(20):
        with socket.create_connection((LOOPBACK, door.ports["ssl"])) as client:
            client.sendall(first)
            with contextlib.suppress(OSError):  # it was shut out before it had shut itself
                client.shutdown(socket.SHUT_WR)
                while client.recv(1_000):
                    pass
    with wire(door, "alice", "ssl") as honest:
        assert honest.ask(ApiKey.METADATA, 1, topics=None).brokers
    assert door.counter("doorkeeper_connections_opened_total", listener="ssl") == begun + 1
    assert len(door.audited("authentication.succeeded")) == entered + 1


# Whose connection it is


@pytest.fixture(scope="module")
def balanced(kafka_4_1: KafkaCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    door = WayIn(
        tmp_path_factory.mktemp("balanced"),
        kafka_4_1.bootstrap_servers,
        protocol="SASL_PLAINTEXT",
        sasl="{mechanisms: [PLAIN]}",
        more="    proxy_protocol: {from: [127.0.0.0/8]}\n",
        limits="users: users.yaml\n",
    )
    yield door.start()
    door.stop()


def header(fields: bytes, length: int) -> bytes:
    """Version 2, from 203.0.113.7, that says so many bytes for its fields."""
    addresses = bytes([203, 0, 113, 7, 127, 0, 0, 1]) + struct.pack(">HH", 1000, 9092)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", 0x21, 0x11, len(addresses) + length) + addresses + fields


def test_haproxy_488ee7fb_a_field_that_is_too_long_for_its_header_takes_nothing_of_what_follows(
    balanced: WayIn,
) -> None:
    lying = struct.pack(">BH", 4, 1_000) + b"xx"
    with Wire(balanced.ports["way_in"]) as client:
        client.send_bytes(header(lying, len(lying)))
        client.log_in("alice", "wrong")
        balanced.expect_failed_login(username="alice", host="203.0.113.7")


def test_haproxy_488ee7fb_a_header_that_is_too_long_is_none(balanced: WayIn) -> None:
    with Wire(balanced.ports["way_in"]) as client:
        client.send_bytes(header(b"", 0xFFF0) + METADATA)
        assert client.is_closed()
    assert balanced.counter("doorkeeper_first_bytes_rejected_total", looks_like="no_proxy_header") == 1


# The other way round: false brokers


def told(folder: Path, broker: CertificateAuthority, host: str, trusted: CertificateAuthority, tls: str) -> FalseBroker:
    """A broker with a certificate for this name, and what the log of a doorkeeper says of it that has met it."""
    folder.mkdir()
    broker.server([host]).write_pem(folder / "false.pem", folder / "false.key")
    trusted.write_pem(folder / "brokers.pem")
    with FalseBroker(folder / "false.pem", folder / "false.key") as false:
        login = "sasl: {mechanism: PLAIN, username: door, password: sesame}"
        hop = f", security_protocol: SASL_SSL, tls: {{ca: brokers.pem{tls}}}, {login}"
        users, sasl = "users: users.yaml\n", "{mechanisms: [PLAIN]}"
        door = WayIn(folder, f"{LOOPBACK}:{false.port}", sasl=sasl, limits=users, hop=hop)
        door.process.start()
        try:
            eventually(lambda: false.heard or "does not let us in" in door.log())
        finally:
            door.stop()
    false.log = door.log()
    return false


def test_cve_2024_8285_cve_2023_4586_a_broker_of_another_name_is_refused(tmp_path: Path) -> None:
    trusted = CertificateAuthority.create("Brokers")
    false = told(tmp_path / "door", trusted, "other.example.com", trusted, "")
    assert false.heard == b""
    assert f"the broker's certificate is not for {LOOPBACK}" in false.log


def test_cve_2025_3501_to_let_any_name_pass_is_not_to_trust_anybody(tmp_path: Path) -> None:
    """The switch does what it says, loudly, and nothing else."""
    trusted, strange = CertificateAuthority.create("Brokers"), CertificateAuthority.create("Brokers")
    any_name = ", endpoint_identification: false"
    false = told(tmp_path / "strange", strange, LOOPBACK, trusted, any_name)
    assert false.heard == b""
    assert "the broker's certificate is not trusted" in false.log
    assert "the brokers' names are not checked" in false.log
    other = told(tmp_path / "other", trusted, "other.example.com", trusted, any_name)
    assert other.heard != b""
    assert b"sesame" not in other.heard, "a password is for a broker that offers its mechanism"
