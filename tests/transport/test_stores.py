"""Java's stores, as keytool makes them, and PKCS #12 stores of others."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from policies.strict_yaml import InvalidDocument
from proxy.config.model import ClientAuth, TlsConfig
from proxy.config.secret import Secret
from proxy.transport import jks
from proxy.transport.stores import read_authorities, read_identity
from proxy.transport.tls import listener_tls
from tests.transport.pki import SERVER, authority, handshake

MADE = json.loads((Path(__file__).parent / "java_stores.json").read_text())
STORES = {name: base64.b64decode(data) for name, data in MADE["stores"].items()}
CERTIFICATE = x509.load_der_x509_certificate(base64.b64decode(MADE["certificate"]))
PASSWORD, KEY_PASSWORD = Secret(MADE["store_password"]), Secret(MADE["key_password_of_jks"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in STORES.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def keystore(path: Path, password: Secret = PASSWORD, key_password: Secret | None = None) -> TlsConfig:
    return TlsConfig(path, path, key_password, keystore_password=password)


@pytest.mark.parametrize(("name", "key_password"), [("key.jks", KEY_PASSWORD), ("key.p12", None)])
def test_a_key_comes_out_of_a_store_of_keytool(folder: Path, name: str, key_password: Secret | None) -> None:
    identity = read_identity(keystore(folder / name, key_password=key_password))
    assert identity.certificates == (CERTIFICATE,)
    assert listener_tls(keystore(folder / name, key_password=key_password)).not_after == CERTIFICATE.not_valid_after_utc


@pytest.mark.parametrize("name", ["trust.jks", "trust.p12"])
def test_authorities_come_out_of_a_store_of_keytool(folder: Path, name: str) -> None:
    assert list(read_authorities(folder / name, PASSWORD)) == [CERTIFICATE]


def test_clients_are_served_from_stores(tmp_path: Path) -> None:
    """A chain with an authority in between, as other tools than keytool make it."""
    root = authority()
    below = root.issue("Below", (), authority=True)
    server = below.issue("localhost", (SERVER,))
    encryption = BestAvailableEncryption(b"secret")
    store = pkcs12.serialize_key_and_certificates(b"x", server.key, server.certificate, [below.certificate], encryption)
    (tmp_path / "key.p12").write_bytes(store)
    trusted = [pkcs12.PKCS12Certificate(root.certificate, b"root")]
    (tmp_path / "trust.p12").write_bytes(pkcs12.serialize_java_truststore(trusted, encryption))
    config = TlsConfig(
        certificate=tmp_path / "key.p12",
        key=tmp_path / "key.p12",
        keystore_password=Secret("secret"),
        client_ca=tmp_path / "trust.p12",
        truststore_password=Secret("secret"),
        client_auth=ClientAuth.REQUIRED,
    )
    assert read_identity(config).certificates == (server.certificate, below.certificate)
    context = listener_tls(config).context
    assert handshake(context, tmp_path, root.issue("alice")) is None
    assert handshake(context, tmp_path, authority("Strange").issue("alice")) is not None


def fault(config: TlsConfig) -> str:
    with pytest.raises(InvalidDocument) as caught:
        read_identity(config)
    (found,) = caught.value.faults
    return found.message


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("key.jks", "wrong", "is not a JKS store that the password opens"),
        ("key.p12", "wrong", "is not a PKCS #12 store that the password opens"),
        ("key.jks", "store-password", "has a key that the password does not open"),
        ("trust.jks", "store-password", "has 0 keys, expected one"),
        ("trust.p12", "store-password", "has no key with a certificate"),
    ],
)
def test_what_does_not_open_is_told(folder: Path, name: str, password: str, message: str) -> None:
    assert fault(keystore(folder / name, Secret(password))) == message


def test_what_is_no_store_is_told(folder: Path) -> None:
    (folder / "x").write_text("-----BEGIN CERTIFICATE-----\n")
    assert fault(keystore(folder / "x")) == "is neither a PKCS #12 nor a JKS store"
    with pytest.raises(InvalidDocument, match="has no certificate to trust"):
        read_authorities(folder / "key.jks", PASSWORD)


@given(st.binary(max_size=300), st.integers(0, 1))
def test_a_jks_store_of_nonsense_is_refused_and_nothing_else_happens(body: bytes, version: int) -> None:
    """With a digest that fits, so that the rest is read."""
    content = jks.MAGIC + version.to_bytes(4, "big") + body
    digest = hashlib.sha1("p".encode("utf-16-be") + b"Mighty Aphrodite" + content).digest()
    with contextlib.suppress(jks.InvalidStore):
        jks.read_entries(content + digest, "p")


@given(st.binary())
def test_a_protected_key_of_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(jks.InvalidStore):
        jks.open_key(data, "p")
