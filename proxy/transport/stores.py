"""Certificates and keys from files, whichever of the usual forms they have: PEM, PKCS #12, or Java's JKS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config.model import TlsConfig
from proxy.config.secret import Secret
from proxy.transport import jks

_PKCS12_BEGINS: Final = b"\x30"

_Loaded = TypeVar("_Loaded")


@dataclass(frozen=True, slots=True)
class Identity:
    """A key and its certificates, one's own first."""

    certificates: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    def pem(self) -> bytes:
        """All of it, unprotected: for memory only."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + b"".join(each.public_bytes(Encoding.PEM) for each in self.certificates)


def read_identity(config: TlsConfig) -> Identity:
    """Who a listener is.

    :raises InvalidDocument: a file cannot be read or is not what it must be, or key and certificate do not belong
        together.
    """
    if config.keystore_password is not None:
        identity = _load(config.certificate, lambda data: _from_store(data, config), "a PKCS #12 or JKS store")
    else:
        certificates = _load(config.certificate, x509.load_pem_x509_certificates, "a certificate in PEM form")
        password = config.key_password.reveal().encode() if config.key_password else None
        expected = "a private key in PEM form" + (" that key_password opens" if password else "")
        key = _load(config.key, lambda data: load_pem_private_key(data, password), expected)
        identity = Identity(tuple(certificates), key)
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if identity.certificates[0].public_key().public_bytes(*form) != identity.key.public_key().public_bytes(*form):
        raise _invalid(config.key, f"the key does not belong to the certificate {config.certificate}")
    return identity


def read_authorities(path: Path, password: Secret | None) -> Sequence[x509.Certificate]:
    """The authorities in a PEM file, or with a password in a store.

    :raises InvalidDocument: the file cannot be read, or has none.
    """
    if password is None:
        return _load(path, x509.load_pem_x509_certificates, "certificates in PEM form")
    return _load(path, lambda data: _trusted(data, password.reveal()), "a PKCS #12 or JKS store of certificates")


def read_revocations(path: Path, authorities: Sequence[x509.Certificate]) -> list[x509.CertificateRevocationList]:
    """The revocation lists in a PEM file: one of each authority, or clients of some would not be checked.

    :raises InvalidDocument: the file cannot be read, or a list is missing or nobody's.
    """
    lists = _load(path, _revocation_lists, "certificate revocation lists in PEM form")
    unsigned = [each for each in lists if not any(_signed_by(each, authority) for authority in authorities)]
    if unsigned:
        raise _invalid(path, f"a list of {unsigned[0].issuer.rfc4514_string()!r} is signed by none of client_ca")
    for authority in authorities:
        if not any(_signed_by(each, authority) for each in lists):
            raise _invalid(path, f"there is no list of {authority.subject.rfc4514_string()!r}", "add its CRL")
    return lists


def _revocation_lists(data: bytes) -> list[x509.CertificateRevocationList]:
    end = b"-----END X509 CRL-----"
    lists = [x509.load_pem_x509_crl(part + end) for part in data.split(end)[:-1]]
    if not lists:
        raise ValueError("no list")
    return lists


def _signed_by(revocations: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    return revocations.issuer == authority.subject and revocations.is_signature_valid(key)  # type: ignore[arg-type]


def _from_store(data: bytes, config: TlsConfig) -> Identity:
    assert config.keystore_password is not None
    password = config.keystore_password.reveal()
    if data.startswith(jks.MAGIC):
        entries = [entry for entry in jks.read_entries(data, password) if isinstance(entry, jks.KeyEntry)]
        if len(entries) != 1:
            raise jks.InvalidStore(f"has {len(entries)} keys, expected one")
        key_password = config.key_password.reveal() if config.key_password else password
        key = load_der_private_key(jks.open_key(entries[0].protected_key, key_password), None)
        return Identity(tuple(x509.load_der_x509_certificate(each) for each in entries[0].chain), key)
    store = _pkcs12(data, password)
    if store.key is None or store.cert is None:
        raise jks.InvalidStore("has no key with a certificate")
    more = tuple(each.certificate for each in store.additional_certs)
    return Identity((store.cert.certificate, *more), store.key)


def _trusted(data: bytes, password: str) -> list[x509.Certificate]:
    if data.startswith(jks.MAGIC):
        entries = jks.read_entries(data, password)
        found = [
            x509.load_der_x509_certificate(entry.certificate)
            for entry in entries
            if isinstance(entry, jks.TrustedEntry)
        ]
    else:
        found = [each.certificate for each in _pkcs12(data, password).additional_certs]
    if not found:
        raise jks.InvalidStore("has no certificate to trust")
    return found


def _pkcs12(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    if not data.startswith(_PKCS12_BEGINS):
        raise jks.InvalidStore("is neither a PKCS #12 nor a JKS store")
    try:
        return pkcs12.load_pkcs12(data, password.encode())
    except ValueError as error:
        raise jks.InvalidStore("is not a PKCS #12 store that the password opens") from error


def _load(path: Path, parse: Callable[[bytes], _Loaded], expected: str) -> _Loaded:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror}") from error
    except jks.InvalidStore as error:
        raise _invalid(path, str(error)) from error
    except TypeError as error:  # cryptography's way to say that a password is missing or superfluous
        raise _invalid(path, str(error).rstrip("."), "set key_password, or remove it") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _invalid(path, f"is not {expected}") from error


def _invalid(path: Path, message: str, hint: str | None = None) -> InvalidDocument:
    return InvalidDocument([Fault(str(path), 1, 1, message, hint)])
