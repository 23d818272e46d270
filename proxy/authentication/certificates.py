"""The principal of a TLS client, from its certificate.

Kafka's rules and ACLs are written against the text that Java's `X500Principal.getName()` gives a subject: RFC 2253 with
Java's own choices, which are kept here to the letter. Attribute types that RFC 2253 does not name appear as their
number and the hex of their DER value (an e-mail address is `1.2.840.113549.1.9.1=#1612...`). Only where Java puts
replacement characters for bytes that it cannot read is the certificate refused: two subjects must never share a name.
"""

from typing import Final

from policies.model import Principal
from policies.principals import PrincipalMapping
from proxy.authentication.alternative_names import dns_name, spiffe_id, uri
from proxy.authentication.der import Element, InvalidDer, object_identifier, read_children, read_only

_SEQUENCE, _SET, _VERSION = 0x30, 0x31, 0xA0
_KEYWORDS = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
_CHARSETS = {
    0x0C: "utf-8",  # UTF8String
    0x13: "latin-1",  # PrintableString
    0x14: "latin-1",  # T61String
    0x16: "latin-1",  # IA5String
    0x1B: "latin-1",  # GeneralString
    0x1E: "utf-16-be",  # BMPString
}
_ESCAPES = str.maketrans({character: f"\\{character}" for character in ',=+<>#;"\\'} | {"\0": "\\00"})
_PADDING = " \r"  # what Java escapes at either end


class InvalidCertificate(ValueError):
    """A certificate whose subject cannot be read."""


def certificate_principal(certificate: bytes, mapping: PrincipalMapping, source: str = "subject") -> Principal:
    """Return who a verified peer certificate (DER) stands for, by Kafka's ssl.principal.mapping.rules.

    `source` is what the rules are about: `subject`, `san_dns`, `san_uri` or `spiffe`.

    Raises InvalidCertificate, InvalidAlternativeName, and what `PrincipalMapping.name` raises when no rule applies.
    """
    return Principal("User", mapping.name(_SOURCES[source](certificate)))


def distinguished_name(certificate: bytes) -> str:
    """Return the subject of a certificate (DER) as Java writes it; empty when it has none.

    Raises InvalidCertificate.
    """
    try:
        body = read_children(read_only(certificate), _SEQUENCE)[0]
        fields = [element for element in read_children(body, _SEQUENCE) if element.tag != _VERSION]
        _serial, _signature_algorithm, _issuer, _validity, subject = fields[:5]
    except (ValueError, IndexError) as error:
        raise InvalidCertificate(f"not an X.509 certificate: {error}") from error
    return name_text(subject.encoded)


def name_text(name: bytes) -> str:
    """Return an X.501 Name (DER) as Java's `X500Principal.getName()` does. Raises InvalidCertificate."""
    try:
        names = read_children(read_only(name), _SEQUENCE)
        return ",".join(_relative_name(each) for each in reversed(names))
    except ValueError as error:
        raise InvalidCertificate(f"the certificate's subject cannot be read: {error}") from error


def _relative_name(element: Element) -> str:
    attributes = [_attribute(each) for each in read_children(element, _SET)]
    if not attributes:
        raise InvalidDer("a part of the name is empty")
    return "+".join(attributes)


def _attribute(element: Element) -> str:
    kind, value = read_children(element, _SEQUENCE)
    identifier = object_identifier(kind)
    keyword = _KEYWORDS.get(identifier)
    charset = _CHARSETS.get(value.tag)
    if keyword is None or charset is None:
        return f"{keyword or identifier}=#{value.encoded.hex()}"
    return f"{keyword}={_escape(value.content.decode(charset))}"


def _escape(text: str) -> str:
    """Escape special characters wherever they are, and each space at the ends."""
    core = text.strip(_PADDING)
    leading = len(text) - len(text.lstrip(_PADDING))
    head, tail = text[:leading], text[leading + len(core) :]
    return _backslash_each(head) + core.translate(_ESCAPES) + _backslash_each(tail)


def _backslash_each(padding: str) -> str:
    return "".join(f"\\{character}" for character in padding)


_SOURCES: Final = {"subject": distinguished_name, "san_dns": dns_name, "san_uri": uri, "spiffe": spiffe_id}
