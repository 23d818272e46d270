"""TLS contexts for listeners, made from files that are checked one by one so that a fault names the right one."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config.model import ClientAuth, TlsConfig
from proxy.transport.handshake import ServerContext, remember_server_name

# Forward secrecy and authenticated encryption only (RFC 9325); TLS 1.3 has nothing else anyway.
_TLS_1_2_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

_VERIFY_MODES: Final = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.REQUESTED: ssl.CERT_OPTIONAL,  # none is fine, a wrong one is not
    ClientAuth.REQUIRED: ssl.CERT_REQUIRED,
}

_Loaded = TypeVar("_Loaded")


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """What a TLS listener needs. `not_after` is when the server's certificate expires (UTC)."""

    context: ServerContext
    not_after: datetime


def listener_tls(config: TlsConfig) -> ListenerTls:
    """Read the files of a listener and make a context for its new connections; connections that are open keep theirs.

    :raises InvalidDocument: a file cannot be read or is not what it must be, or key and certificate do not belong
    together.
    """
    certificate = _load(config.certificate, x509.load_pem_x509_certificates, "a certificate in PEM form")[0]
    password = config.key_password.reveal().encode() if config.key_password else None
    expected = "a private key in PEM form" + (" that key_password opens" if password else "")
    key = _load(config.key, lambda data: load_pem_private_key(data, password), expected)
    _check_pair(config, certificate, key)
    context = _strict_context()
    try:
        context.load_cert_chain(config.certificate, config.key, password or b"")
    except ssl.SSLError as error:  # e.g. a key that is too small for OpenSSL's security level
        raise _invalid(config.certificate, f"cannot be used: {error.reason}") from error
    if config.client_ca is not None:
        authorities = _load(config.client_ca, x509.load_pem_x509_certificates, "certificates in PEM form")
        context.load_verify_locations(cadata="".join(ca.public_bytes(Encoding.PEM).decode() for ca in authorities))
    context.verify_mode = _VERIFY_MODES[config.client_auth]
    return ListenerTls(context, certificate.not_valid_after_utc)


def _strict_context() -> ServerContext:
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.sni_callback = remember_server_name
    return context


def _check_pair(config: TlsConfig, certificate: x509.Certificate, key: PrivateKeyTypes) -> None:
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise _invalid(config.key, f"the key does not belong to the certificate {config.certificate}")


def _load(path: Path, parse: Callable[[bytes], _Loaded], expected: str) -> _Loaded:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror}") from error
    except TypeError as error:  # cryptography's way to say that a password is missing or superfluous
        raise _invalid(path, str(error).rstrip("."), "set key_password, or remove it") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _invalid(path, f"is not {expected}") from error


def _invalid(path: Path, message: str, hint: str | None = None) -> InvalidDocument:
    return InvalidDocument([Fault(str(path), 1, 1, message, hint)])
