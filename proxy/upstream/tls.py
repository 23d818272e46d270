"""TLS towards the brokers: the context, and why a handshake failed."""

import ssl
from datetime import datetime
from typing import Final

from cryptography import x509

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config.cluster_model import ClusterTls

_TLS_1_2_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_NAME: Final = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OTHER_PROTOCOL: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
_WANTS_CERTIFICATE: Final = frozenset(
    {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
)


def upstream_tls(config: ClusterTls) -> ssl.SSLContext:
    """Read the files and make a context for new connections.

    :raises InvalidDocument: a file cannot be read or is not what it must be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.check_hostname = config.endpoint_identification
    if config.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(cafile=config.ca)
        except ssl.SSLError as error:
            raise _invalid(config.ca, "holds no certificates in PEM form") from error
        except OSError as error:
            raise _invalid(config.ca, f"cannot be read: {error.strerror}") from error
    if config.certificate is not None:
        _show(context, config)
    return context


def certificate_expiry(config: ClusterTls) -> datetime | None:
    """When our own certificate expires (UTC); None if we show none. For files that :func:`upstream_tls` has taken."""
    if config.certificate is None:
        return None
    return x509.load_pem_x509_certificate(config.certificate.read_bytes()).not_valid_after_utc


def _show(context: ssl.SSLContext, config: ClusterTls) -> None:
    # Without a password OpenSSL would ask the terminal for it.
    password = config.key_password.reveal() if config.key_password is not None else ""
    assert config.certificate is not None
    for path in (config.certificate, config.key):
        if path is None:
            continue
        try:
            path.read_bytes()
        except OSError as error:
            raise _invalid(path, f"cannot be read: {error.strerror}") from error
    try:
        context.load_cert_chain(config.certificate, config.key, password)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        message = f"certificate and key {config.key} cannot be used together: {reason}"
        raise _invalid(config.certificate, message) from error


def _invalid(path: object, message: str) -> InvalidDocument:
    return InvalidDocument([Fault(str(path), 1, 1, message)])


def explain(error: OSError, name: str) -> tuple[str, str]:
    """Why a handshake with a broker at ``name`` failed, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrust(error, name)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        words = reason.replace("_", " ").lower() or str(error)
        if reason in _OTHER_PROTOCOL:
            return "the broker's port does not speak TLS", "set cluster.security_protocol to that of its listener"
        if reason in _WANTS_CERTIFICATE:
            return f"the broker refuses us: {words}", "set cluster.tls.certificate and key to ones that it trusts"
        return f"no agreement: {words}", "let the broker speak TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20"
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return "no answer in time", "is this a TLS listener, and is the broker alive?"
    return "the broker closed the connection", "is this a TLS listener? set cluster.security_protocol to its own"


def _distrust(error: ssl.SSLCertVerificationError, name: str) -> tuple[str, str]:
    code = error.verify_code
    if code in _WRONG_NAME:
        remedy = "connect by a name that the certificate holds, or set cluster.tls.server_name to one"
        return f"the broker's certificate is not for {name}", remedy
    if code == _EXPIRED:
        return "the broker's certificate has expired", "renew it, or set the clock of this machine"
    if code == _NOT_YET_VALID:
        return "the broker's certificate is not valid yet", "set the clock of this machine or of its authority"
    remedy = "set cluster.tls.ca to the authority that signed it"
    return f"the broker's certificate is not trusted ({error.verify_message})", remedy
