"""Which certificates of clients are taken, and which were taken back."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from policies.strict_yaml import InvalidDocument
from proxy.config.model import ClientAuth, TlsConfig
from proxy.transport.tls import ListenerTls, listener_tls
from tests.transport.pki import CLIENT, HOUR, NOW, SERVER, Party, authority, handshake

CODE_SIGNING = x509.oid.ExtendedKeyUsageOID.CODE_SIGNING


@pytest.fixture(scope="module")
def root() -> Party:
    return authority()


def listener(folder: Path, *authorities: Party, crl: bytes | None = None) -> ListenerTls:
    server = authorities[0].issue("localhost", (SERVER,))
    (folder / "server.pem").write_bytes(server.pem)
    (folder / "server.key").write_bytes(server.key_pem)
    (folder / "ca.pem").write_bytes(b"".join(each.pem for each in authorities))
    if crl is not None:
        (folder / "crl.pem").write_bytes(crl)
    config = TlsConfig(
        certificate=folder / "server.pem",
        key=folder / "server.key",
        client_ca=folder / "ca.pem",
        client_crl=None if crl is None else folder / "crl.pem",
        client_auth=ClientAuth.REQUIRED,
    )
    return listener_tls(config)


@pytest.mark.parametrize("usages", [(SERVER,), (CODE_SIGNING,)])
def test_cve_2022_21657_a_certificate_for_another_use_is_refused(
    root: Party, tmp_path: Path, usages: tuple[x509.ObjectIdentifier, ...]
) -> None:
    tls = listener(tmp_path, root)
    assert handshake(tls.context, tmp_path, root.issue("alice", usages)) in (
        "unsuitable certificate purpose",
        "unsupported certificate purpose",
    )


@pytest.mark.parametrize("usages", [(CLIENT,), (SERVER, CLIENT), ()])
def test_a_certificate_for_clients_or_for_no_use_in_particular_is_taken(
    root: Party, tmp_path: Path, usages: tuple[x509.ObjectIdentifier, ...]
) -> None:
    assert handshake(listener(tmp_path, root).context, tmp_path, root.issue("alice", usages)) is None


def test_cve_2021_3450_who_is_no_authority_signs_nobody(root: Party, tmp_path: Path) -> None:
    alice = root.issue("alice")
    mallory = alice.issue("admin")
    assert handshake(listener(tmp_path, root).context, tmp_path, mallory, alice) in (
        "invalid CA certificate",
        "unable to get local issuer certificate",
        "unsuitable certificate purpose",
    )


def test_a_certificate_that_expired_is_refused(root: Party, tmp_path: Path) -> None:
    alice = root.issue("alice", until=NOW - HOUR)
    assert handshake(listener(tmp_path, root).context, tmp_path, alice) == "certificate has expired"


def test_a_revoked_certificate_is_refused_and_no_other(root: Party, tmp_path: Path) -> None:
    alice, bob = root.issue("alice"), root.issue("bob")
    tls = listener(tmp_path, root, crl=root.revoke(bob))
    assert handshake(tls.context, tmp_path, bob) == "certificate revoked"
    assert handshake(tls.context, tmp_path, alice) is None
    assert tls.revokes(bob.der)
    assert not tls.revokes(alice.der)


def test_a_serial_number_is_revoked_for_its_own_authority_only(root: Party, tmp_path: Path) -> None:
    other = authority("Other")
    bob = root.issue("bob")
    tls = listener(tmp_path, root, other, crl=root.revoke() + other.revoke(bob))
    assert handshake(tls.context, tmp_path, bob) is None
    assert not tls.revokes(bob.der)


def test_without_a_list_nobody_is_revoked(root: Party, tmp_path: Path) -> None:
    assert not listener(tmp_path, root).revokes(root.issue("bob").der)


def test_the_certificates_of_a_revoked_authority_are_refused(root: Party, tmp_path: Path) -> None:
    below = root.issue("Below", (), authority=True)
    alice = below.issue("alice")
    good = listener(tmp_path, root, below, crl=root.revoke() + below.revoke())
    assert handshake(good.context, tmp_path, alice, below) is None
    bad = listener(tmp_path, root, below, crl=root.revoke(below) + below.revoke())
    assert handshake(bad.context, tmp_path, alice, below) == "certificate revoked"


def test_with_a_list_that_is_out_of_date_nobody_is_let_in(root: Party, tmp_path: Path) -> None:
    tls = listener(tmp_path, root, crl=root.revoke(until=NOW - dt.timedelta(minutes=1)))
    assert handshake(tls.context, tmp_path, root.issue("alice")) == "CRL has expired"


def faults(folder: Path, *authorities: Party, crl: bytes) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        listener(folder, *authorities, crl=crl)
    return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]


def test_a_list_of_each_authority_is_needed(root: Party, tmp_path: Path) -> None:
    told = faults(tmp_path, root, authority("Other"), crl=root.revoke())
    assert told == ["crl.pem:1:1: there is no list of 'CN=Other' (add its CRL)"]


def test_a_list_that_none_of_the_authorities_signed_is_no_list(root: Party, tmp_path: Path) -> None:
    forged = authority("Root").revoke()
    assert faults(tmp_path, root, crl=forged) == ["crl.pem:1:1: a list of 'CN=Root' is signed by none of client_ca"]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_what_is_no_list_is_told(root: Party, tmp_path: Path, content: bytes) -> None:
    assert faults(tmp_path, root, crl=content) == ["crl.pem:1:1: is not certificate revocation lists in PEM form"]


def resume(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[bool, ssl.SSLSession]:
    """Connect and hear a byte, so that tickets arrive; whether the session was taken up again, and the newest one."""
    with contextlib.ExitStack() as sockets:
        ends = [sockets.enter_context(each) for each in socket.socketpair()]
        for end in ends:
            end.settimeout(10)
        ours = server.wrap_socket(ends[0], server_side=True, do_handshake_on_connect=False)
        theirs = client.wrap_socket(ends[1], do_handshake_on_connect=False, session=session)
        sockets.enter_context(ours)
        sockets.enter_context(theirs)
        with ThreadPoolExecutor(1) as other:
            accepted = other.submit(lambda: (ours.do_handshake(), ours.send(b"x")))
            theirs.do_handshake()
            accepted.result(10)
        assert theirs.recv(1) == b"x"
        assert theirs.session is not None
        return bool(theirs.session_reused), theirs.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_cve_2022_21654_a_ticket_does_not_outlive_a_change_of_trust(
    root: Party, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Nor is one listener's ticket good at another: each has keys of its own."""
    alice = root.issue("alice")
    (tmp_path / "alice.pem").write_bytes(alice.key_pem + alice.pem)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    client.load_cert_chain(tmp_path / "alice.pem")
    before = listener(tmp_path, root).context
    _, ticket = resume(before, client, None)
    reused, ticket = resume(before, client, ticket)
    assert reused
    after = listener(tmp_path, root, crl=root.revoke(root.issue("bob"))).context
    assert not resume(after, client, ticket)[0]
    revoking = listener(tmp_path, root, crl=root.revoke(alice)).context
    with pytest.raises(ssl.SSLError):
        resume(revoking, client, ticket)
