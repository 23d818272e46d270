"""Java's own form of key stores, JKS. `keytool` makes none since Java 9, but many live on.

What protects a key in it is weak (SHA-1, once): a store is as secret as a bare key. JCEKS and BKS are not read.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from proxy.authentication.der import InvalidDer, object_identifier, read_children, read_only

MAGIC: Final = b"\xfe\xed\xfe\xed"

_SALTED_BY_JAVA: Final = b"Mighty Aphrodite"
_KEY_PROTECTOR: Final = "1.3.6.1.4.1.42.2.17.1.1"
_KEY, _CERTIFICATE = 1, 2
_DIGEST_SIZE: Final = 20
_SEQUENCE, _OCTET_STRING = 0x30, 0x04


class InvalidStore(ValueError):
    """Bytes that are no store of that kind, or a password that does not open it."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A private key (PKCS #8, still protected) and its certificate chain, the certificate first; all DER."""

    alias: str
    protected_key: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TrustedEntry:
    """A certificate that is trusted (DER)."""

    alias: str
    certificate: bytes


def read_entries(data: bytes, password: str) -> list[KeyEntry | TrustedEntry]:
    """Return what is in a store, after its password was checked. Raises InvalidStore."""
    body, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    expected = hashlib.sha1(_encoded(password) + _SALTED_BY_JAVA + body, usedforsecurity=False).digest()
    if not body.startswith(MAGIC) or not hmac.compare_digest(digest, expected):
        raise InvalidStore("is not a JKS store that the password opens")
    try:
        return list(_entries(_Fields(body[len(MAGIC) :])))
    except (IndexError, UnicodeDecodeError) as error:
        raise InvalidStore("is a JKS store that is cut short") from error


def open_key(protected: bytes, password: str) -> bytes:
    """Return a private key (PKCS #8, DER). Raises InvalidStore when the password is wrong."""
    try:
        algorithm, data = read_children(read_only(protected), _SEQUENCE)
        identifier = object_identifier(read_children(algorithm, _SEQUENCE)[0])
    except (InvalidDer, ValueError, IndexError) as error:
        raise InvalidStore("has a key that cannot be read") from error
    if identifier != _KEY_PROTECTOR or data.tag != _OCTET_STRING or len(data.content) <= 2 * _DIGEST_SIZE:
        raise InvalidStore("has a key that is protected in an unknown way")
    salt, body, check = data.content[:20], data.content[20:-20], data.content[-20:]
    secret = _encoded(password)
    key = bytes(byte ^ pad for byte, pad in zip(body, _stream(secret, salt), strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + key, usedforsecurity=False).digest(), check):
        raise InvalidStore("has a key that the password does not open")
    return key


class _Fields:
    """Reads one field after the other; raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._place : self._place + count]
        if len(taken) != count:
            raise IndexError("the end")
        self._place += count
        return taken

    def number(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "big")

    def text(self) -> str:
        return self.take(self.number(2)).decode("utf-8")


def _entries(fields: _Fields) -> Iterator[KeyEntry | TrustedEntry]:
    version = fields.number()
    if version not in (1, 2):
        raise InvalidStore(f"is a JKS store of version {version}, expected 1 or 2")
    for _ in range(fields.number()):
        kind, alias = fields.number(), fields.text()
        fields.number(8)  # when it was made
        if kind == _KEY:
            key = fields.take(fields.number())
            yield KeyEntry(alias, key, tuple(_certificate(fields, version) for _ in range(fields.number())))
        elif kind == _CERTIFICATE:
            yield TrustedEntry(alias, _certificate(fields, version))
        else:
            raise InvalidStore(f"is a JKS store with an entry of the unknown kind {kind}")


def _certificate(fields: _Fields, version: int) -> bytes:
    if version == 2:
        fields.text()  # always X.509
    return fields.take(fields.number())


def _stream(secret: bytes, digest: bytes) -> Iterator[int]:
    while True:
        digest = hashlib.sha1(secret + digest, usedforsecurity=False).digest()
        yield from digest


def _encoded(password: str) -> bytes:
    return password.encode("utf-16-be")
