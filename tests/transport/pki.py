"""Certificates of every kind, good and bad, and a handshake without a network."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
NOW = dt.datetime.now(dt.UTC)
HOUR = dt.timedelta(hours=1)


@dataclass
class Party:
    """Somebody with a certificate, who may also sign others'."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Party | None = None

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def issue(
        self,
        name: str,
        usages: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        alternatives: Sequence[x509.GeneralName] = (),
        *,
        authority: bool = False,
        until: dt.datetime = NOW + HOUR,
    ) -> Party:
        return _issue(name, self, usages, alternatives, authority=authority, until=until)

    def revoke(self, *revoked: Party, until: dt.datetime = NOW + HOUR) -> bytes:
        """A list of these, in PEM form."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(NOW - 2 * HOUR).next_update(until)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - HOUR).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def authority(name: str = "Root") -> Party:
    return _issue(name, None, (), (), authority=True, until=NOW + HOUR)


def _issue(
    name: str,
    issuer: Party | None,
    usages: Sequence[x509.ObjectIdentifier],
    alternatives: Sequence[x509.GeneralName],
    *,
    authority: bool,
    until: dt.datetime,
) -> Party:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * HOUR)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(alternatives)), critical=False)
    return Party(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key, issuer)


def handshake(server: ssl.SSLContext, folder: Path, client: Party, *chain: Party) -> str | None:
    """Shake hands with this client; None when it worked, else why the server refused."""
    file = folder / "client.pem"
    file.write_bytes(client.key_pem + client.pem + b"".join(each.pem for each in chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(file)
    with contextlib.ExitStack() as sockets:
        ends = [sockets.enter_context(each) for each in socket.socketpair()]
        for end in ends:
            end.setblocking(False)
        ours = sockets.enter_context(server.wrap_socket(ends[0], server_side=True, do_handshake_on_connect=False))
        theirs = sockets.enter_context(context.wrap_socket(ends[1], do_handshake_on_connect=False))
        for _ in range(4):
            for side in (theirs, ours):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                except ssl.SSLCertVerificationError as error:
                    return error.verify_message
                except ssl.SSLError as error:
                    return error.reason
    return None
