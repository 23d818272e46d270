"""Who a client is by the subject alternative names of its certificate, each kind of name kept apart from the others."""

import re
from typing import Final

from cryptography import x509

_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7E]+")
_SPIFFE_ID: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._-]+)+")
_MAX_SPIFFE_ID: Final = 2_048
_MAX_DNS_NAME: Final = 253


class InvalidAlternativeName(ValueError):
    """A certificate whose alternative names do not say who its owner is, or say it twice."""


def dns_name(certificate: bytes) -> str:
    """Return the one DNS name of a certificate (DER), in small letters. Raises InvalidAlternativeName."""
    name = _only(certificate, x509.DNSName, "DNS name").lower()
    if not _DNS_NAME.fullmatch(name) or len(name) > _MAX_DNS_NAME:
        raise InvalidAlternativeName(f"the certificate's DNS name {name!r} is not the name of one host")
    return name


def uri(certificate: bytes) -> str:
    """Return the one URI of a certificate (DER), as it is. Raises InvalidAlternativeName."""
    found = _only(certificate, x509.UniformResourceIdentifier, "URI")
    if not _URI.fullmatch(found):
        raise InvalidAlternativeName(f"the certificate's URI {found!r} is not one")
    return found


def spiffe_id(certificate: bytes) -> str:
    """Return the SPIFFE id of a certificate (DER): its one URI, by the rules of X509-SVID section 2.

    Raises InvalidAlternativeName.
    """
    found = uri(certificate)
    if not _SPIFFE_ID.fullmatch(found) or len(found) > _MAX_SPIFFE_ID:
        raise InvalidAlternativeName(f"the certificate's URI {found!r} is not the SPIFFE id of a workload")
    return found


def _only(certificate: bytes, kind: type[x509.DNSName | x509.UniformResourceIdentifier], called: str) -> str:
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise InvalidAlternativeName("the certificate has no subject alternative names") from error
    except (ValueError, x509.DuplicateExtension) as error:
        raise InvalidAlternativeName(f"the certificate's alternative names cannot be read: {error}") from error
    found = [name.value for name in names if isinstance(name, kind)]
    # Two names are two clients, and either could be taken for the other.
    if len(found) != 1:
        raise InvalidAlternativeName(
            f"the certificate has {len(found)} alternative names of the kind {called}, not one"
        )
    return found[0]
