"""The name in a certificate, as Java tells it, and the principal that the mapping rules make of it."""

import contextlib
import datetime as dt
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from policies.model import Principal
from policies.principals import NoMatchingRule, PrincipalMapping
from proxy.authentication.certificates import (
    InvalidCertificate,
    certificate_principal,
    distinguished_name,
    name_text,
)

# Encoded names, and the text that X500Principal.getName() of Java 25 gave for each.
JAVA_NAMES = json.loads((Path(__file__).parent / "java_names.json").read_text())

COMMON_NAME = bytes.fromhex("0603550403")


def name_with(value: bytes) -> bytes:
    """A name of one common name with this encoded value."""
    for tag, head in ((0x30, COMMON_NAME), (0x31, b""), (0x30, b"")):
        body = head + value
        value = bytes([tag, len(body)]) + body
    return value


def certificate(*attributes: x509.NameAttribute[str]) -> bytes:
    """A self-signed certificate (DER) with this subject and another issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "some CA")])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(issuer)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=1))
        .serial_number(1)
        .public_key(key.public_key())
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


@pytest.mark.parametrize("row", JAVA_NAMES, ids=[row["what"] for row in JAVA_NAMES])
def test_a_name_is_told_as_java_tells_it(row: dict[str, str]) -> None:
    assert name_text(bytes.fromhex(row["der"])) == row["text"]


ALICE = (
    x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme, Inc."),
    x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b.c"),
    x509.NameAttribute(NameOID.COMMON_NAME, "alice"),
)


def test_the_subject_of_a_certificate_is_found() -> None:
    expected = "CN=alice,1.2.840.113549.1.9.1=#16056140622e63,O=Acme\\, Inc."
    assert distinguished_name(certificate(*ALICE)) == expected


def test_a_certificate_of_version_one_can_be_read() -> None:
    """It lacks the version, the first field of all others."""
    version = b"\xa0\x03\x02\x01\x02"
    padded = certificate(x509.NameAttribute(NameOID.COMMON_NAME, "alice"), *ALICE[:1] * 10)
    outer, inner, rest = padded[2:4], padded[6:8], padded[8:]
    assert rest.startswith(version)
    lengths = [(int.from_bytes(length, "big") - len(version)).to_bytes(2, "big") for length in (outer, inner)]
    first = b"".join(b"\x30\x82" + length for length in lengths) + rest.removeprefix(version)
    assert distinguished_name(first) == distinguished_name(padded)


def test_a_certificate_without_a_subject_has_an_empty_name() -> None:
    assert distinguished_name(certificate()) == ""


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([], "CN=alice,1.2.840.113549.1.9.1=#16056140622e63,O=Acme\\, Inc."),
        (["RULE:^CN=([^,]+),.*$/$1/U", "DEFAULT"], "ALICE"),
        (["RULE:^OU=.*$/x/", "RULE:^CN=(.*?),.*O=(.*)$/$1@$2/L"], "alice@acme\\, inc."),
    ],
)
def test_the_rules_of_the_listener_make_the_principal(rules: list[str], name: str) -> None:
    principal = certificate_principal(certificate(*ALICE), PrincipalMapping.parse(rules))
    assert principal == Principal("User", name)


def test_a_name_no_rule_is_about_is_not_let_in() -> None:
    with pytest.raises(NoMatchingRule):
        certificate_principal(certificate(*ALICE), PrincipalMapping.parse(["RULE:^CN=bob$/bob/"]))


def test_text_of_one_attribute_cannot_pose_as_another() -> None:
    forged = certificate(x509.NameAttribute(NameOID.COMMON_NAME, "mallory,CN=admin"))
    assert distinguished_name(forged) == "CN=mallory\\,CN\\=admin"


@pytest.mark.parametrize(
    "value",
    [
        bytes.fromhex("0c0461fffe62"),  # not UTF-8
        bytes.fromhex("0c0361e697"),  # cut short
        bytes.fromhex("0c0561eda08062"),  # half a surrogate pair
        bytes.fromhex("1e03006100"),  # an odd number of bytes
        bytes.fromhex("1e04d83d0061"),  # half a surrogate pair
        bytes.fromhex("0c810161"),  # a length that is not the shortest
        bytes.fromhex("0c800000"),  # no length
        bytes.fromhex("0c0561"),  # cut short
        bytes.fromhex("1f810161"),  # a long tag
        b"",
        bytes.fromhex("0c01610c0162"),  # two values
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidCertificate):
        name_text(name_with(value))


@given(st.binary())
def test_garbage_is_refused(data: bytes) -> None:
    for read in (distinguished_name, name_text):
        try:
            read(data)
        except InvalidCertificate:
            continue
        assert read is name_text
        assert data == b"\x30\x00"


@given(st.sampled_from(JAVA_NAMES), st.data())
def test_a_damaged_name_is_read_or_refused_but_nothing_else(row: dict[str, str], data: st.DataObject) -> None:
    der = bytearray.fromhex(row["der"])
    der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InvalidCertificate):
        assert isinstance(name_text(bytes(der)), str)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text(max_size=20))
def test_two_names_never_share_a_text(one: str, other: str) -> None:
    def encoded(text: str) -> bytes:
        data = text.encode()
        return name_with(bytes([0x0C, len(data)]) + data)

    assert (name_text(encoded(one)) == name_text(encoded(other))) == (one == other)
