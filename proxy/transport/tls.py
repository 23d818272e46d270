"""TLS contexts for listeners, made from files that are checked one by one so that a fault names the right one."""

import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config.model import ClientAuth, TlsConfig
from proxy.transport.handshake import ServerContext, remember_server_name
from proxy.transport.stores import Identity, read_authorities, read_identity, read_revocations

# Forward secrecy and authenticated encryption only (RFC 9325); TLS 1.3 has nothing else anyway.
_TLS_1_2_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

_VERIFY_MODES: Final = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.REQUESTED: ssl.CERT_OPTIONAL,  # none is fine, a wrong one is not
    ClientAuth.REQUIRED: ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """What a TLS listener needs. `not_after` is when the server's certificate expires (UTC)."""

    context: ServerContext
    not_after: datetime
    revocations: Sequence[x509.CertificateRevocationList] = ()

    @property
    def next_update(self) -> datetime | None:
        """When the first of the revocation lists expires (UTC); None if there are none, or none expires."""
        return min((each.next_update_utc for each in self.revocations if each.next_update_utc), default=None)

    def revokes(self, certificate: bytes) -> bool:
        """Whether a client's certificate (DER), which was good when its connection began, was taken back since."""
        if not self.revocations:
            return False
        found = x509.load_der_x509_certificate(certificate)
        return any(
            each.issuer == found.issuer
            and each.get_revoked_certificate_by_serial_number(found.serial_number) is not None
            for each in self.revocations
        )


def listener_tls(config: TlsConfig) -> ListenerTls:
    """Read the files of a listener and make a context for its new connections; connections that are open keep theirs.

    :raises InvalidDocument: a file cannot be read or is not what it must be, or key and certificate do not belong
        together.
    """
    identity = read_identity(config)
    context = _strict_context()
    try:
        _load_identity(context, identity)
    except ssl.SSLError as error:  # e.g. a key that is too small for OpenSSL's security level
        message = f"cannot be used: {error.reason}"
        raise InvalidDocument([Fault(str(config.certificate), 1, 1, message)]) from error
    revocations: Sequence[x509.CertificateRevocationList] = ()
    if config.client_ca is not None:
        authorities = read_authorities(config.client_ca, config.truststore_password)
        context.load_verify_locations(cadata="".join(ca.public_bytes(Encoding.PEM).decode() for ca in authorities))
        if config.client_crl is not None:
            revocations = read_revocations(config.client_crl, authorities)
            _load_from_memory(
                b"".join(each.public_bytes(Encoding.PEM) for each in revocations), context.load_verify_locations
            )
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    context.verify_mode = _VERIFY_MODES[config.client_auth]
    return ListenerTls(context, identity.certificates[0].not_valid_after_utc, revocations)


def _load_identity(context: ServerContext, identity: Identity) -> None:
    _load_from_memory(identity.pem(), context.load_cert_chain)


def _load_from_memory(data: bytes, load: Callable[[str], None]) -> None:
    """Give data to who reads files only, without writing a key to a disk."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        load(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _strict_context() -> ServerContext:
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.sni_callback = remember_server_name
    return context
