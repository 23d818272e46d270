"""A certificate authority of our own, for the quickstart and the tests: certificates that live for a month."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

_LIFE = dt.timedelta(days=30)
# Clocks differ, and a certificate that is not valid yet is refused.
_GRACE = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, its key, and the certificate of who issued it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: x509.Certificate

    def write_pem(self, certificate: Path, key: Path) -> None:
        """Write certificate and key (PKCS #8, no password, readable by us alone) as two PEM files."""
        certificate.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        _write_secret(key, self._key_pem())

    def write_pem_together(self, path: Path) -> None:
        """Write key and certificate into one PEM file, as Java's clients from Kafka 2.7 on want it."""
        _write_secret(path, self._key_pem() + self.certificate.public_bytes(serialization.Encoding.PEM))

    def write_key_store(self, path: Path, password: str) -> None:
        """Write certificate and key as a PKCS #12 key store for Java."""
        encryption = serialization.BestAvailableEncryption(password.encode())
        content = pkcs12.serialize_key_and_certificates(
            b"client", self.key, self.certificate, [self.issuer], encryption
        )
        _write_secret(path, content)

    def _key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """Issues certificates for servers and clients (EC P-256)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, name: str = "Doorkeeper Quickstart CA") -> Self:
        """Make a fresh one."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(("CN", name))
        builder = _builder(subject, subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(authority=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return cls(builder.sign(key, hashes.SHA256()), key)

    def server(self, hosts: Sequence[str]) -> Identity:
        """Issue a server's certificate for these names and addresses; a name may start with a wildcard `*.`."""
        alternatives = [_general_name(host) for host in hosts]
        return self._issue(_name(("CN", hosts[0])), ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def client(self, common_name: str, *more: tuple[str, str]) -> Identity:
        """Issue a client's certificate; `more` are further parts of its subject, such as ("OU", "Sales")."""
        return self._issue(_name(("CN", common_name), *more), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def write_pem(self, path: Path) -> None:
        """Write the certificate as a PEM file: librdkafka, Python, and Java from Kafka 2.7 on trust what is in it."""
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def write_trust_store(self, path: Path, password: str) -> None:
        """Write the certificate as a PKCS #12 trust store for Java before Kafka 2.7."""
        trusted = pkcs12.PKCS12Certificate(self.certificate, b"doorkeeper")
        encryption = serialization.BestAvailableEncryption(password.encode())
        path.write_bytes(pkcs12.serialize_java_truststore([trusted], encryption))

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, alternatives: Sequence[x509.GeneralName]
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = _builder(subject, self.certificate.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(authority=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(authority, critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return Identity(builder.sign(self.key, hashes.SHA256()), key, self.certificate)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _GRACE).not_valid_after(now + _LIFE)


def _name(*parts: tuple[str, str]) -> x509.Name:
    """Make a subject from parts in the order in which RFC 4514 writes them: the most specific first."""
    text = ",".join(f"{kind}={_escape(value)}" for kind, value in parts)
    return x509.Name.from_rfc4514_string(text)


def _escape(value: str) -> str:
    return "".join(f"\\{character}" if character in ',+"\\<>;=' else character for character in value)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)
