"""Why a TLS handshake failed, in words that tell the operator what to do. Names of alerts are those of RFC 8446."""

import ssl
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """`reason` is one of few, for a metric label; `detail` tells cause and remedy."""

    reason: str
    detail: str


_TRUST: Final = "give the client the CA of the listener's certificate (ssl.truststore.location or ssl.ca.location)"
_KEYSTORE: Final = "give the client a certificate of client_ca (ssl.keystore.location or ssl.certificate.location)"
_VERSIONS: Final = "the listener speaks TLS 1.2 and 1.3: let the client use one of them (ssl.enabled.protocols)"
_CIPHERS: Final = "the listener takes ECDHE with AES-GCM or ChaCha20 only: let the client offer one (ssl.cipher.suites)"

# OpenSSL's names of what the client told us by an alert.
_ALERTS: Final = {
    "TLSV1_ALERT_UNKNOWN_CA": TlsFailure("unknown_ca", f"the client does not trust our certificate: {_TRUST}"),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": TlsFailure(
        "certificate_unknown",
        f"the client refuses our certificate: {_TRUST}, and let it connect by a host name that the certificate holds",
    ),
    "SSLV3_ALERT_BAD_CERTIFICATE": TlsFailure(
        "bad_certificate",
        "the client refuses our certificate: let it connect by a host name that the certificate holds",
    ),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": TlsFailure(
        "certificate_expired", "the client finds our certificate expired: renew it, or set the client's clock"
    ),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": TlsFailure(
        "unsupported_certificate", "the client cannot use our certificate: issue one with a server's key usage"
    ),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": TlsFailure("handshake_failure", f"the client finds no common ground: {_CIPHERS}"),
    "TLSV1_ALERT_PROTOCOL_VERSION": TlsFailure("protocol_version", _VERSIONS),
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": TlsFailure(
        "insufficient_security", "the client wants stronger keys: look at the certificate's key size and signature"
    ),
}

# OpenSSL's names of what we refuse ourselves.
_REFUSALS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": TlsFailure(
        "client_certificate_missing", f"the client sends no certificate and client_auth is required: {_KEYSTORE}"
    ),
    "UNSUPPORTED_PROTOCOL": TlsFailure("protocol_version", _VERSIONS),
    "VERSION_TOO_LOW": TlsFailure("protocol_version", _VERSIONS),
    "NO_SHARED_CIPHER": TlsFailure("no_shared_cipher", _CIPHERS),
    "NO_SUITABLE_SIGNATURE_ALGORITHM": TlsFailure(
        "no_shared_signature_algorithm",
        "the client cannot check signatures of our kind of key: use an RSA or P-256 certificate",
    ),
}

TIMED_OUT: Final = TlsFailure("timeout", "the client did not finish the handshake in time (limits.handshake_timeout_s)")
BROKEN_OFF: Final = TlsFailure(
    "closed_by_client", f"the client closed the connection during the handshake, probably for want of trust: {_TRUST}"
)


def explain(error: OSError) -> TlsFailure:
    """The failure behind what `accept_tls` raised."""
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error)
    if isinstance(error, (ConnectionAbortedError, TimeoutError)):
        return TIMED_OUT
    return BROKEN_OFF


def _explain_tls(error: ssl.SSLError) -> TlsFailure:
    name = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailure(
            "client_certificate_refused", f"the client's certificate is refused ({error.verify_message}): {_KEYSTORE}"
        )
    known = _ALERTS.get(name) or _REFUSALS.get(name)
    if known is not None:
        return known
    words = name.replace("_", " ").lower() or "unknown"
    return TlsFailure("other_alert", f"the client sent: {words}") if "_ALERT_" in name else TlsFailure("other", words)
