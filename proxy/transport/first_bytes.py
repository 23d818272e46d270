"""What the first bytes of a connection say about who is calling, before a single one is consumed or answered."""

import asyncio
import socket
from enum import Enum
from typing import Final

from proxy.observability.first_bytes import LooksLike

PEEKED: Final = 16
"""How many bytes are looked at, at most; fewer are enough for a guess."""

_HTTP_METHODS: Final = (
    *(b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"TRACE "),
    b"PRI * ",  # HTTP/2
)
_PROXY_PROTOCOL: Final = (b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n")
_TLS_HANDSHAKE: Final = b"\x16\x03"
_MAX_API_KEY: Final = 999
_MAX_API_VERSION: Final = 99
_FIRST_TOKEN_OF_GSSAPI: Final = b"\x60"
"""What clients of Kafka 0.9 begin with instead of a request."""


class FirstBytes(Enum):
    """Who is calling."""

    NOTHING = "a connection that is closed without a word"
    TLS = "a TLS ClientHello"
    OLD_TLS = "a ClientHello in the form of SSL 2.0"
    KAFKA = "a Kafka request"
    HTTP = "an HTTP request"
    PROXY_PROTOCOL = "the header of the PROXY protocol"
    OTHER = "anything else"


_TLS_FORMS: Final = frozenset({FirstBytes.TLS, FirstBytes.OLD_TLS})
_NEVER_RIGHT: Final = {
    FirstBytes.HTTP: LooksLike.HTTP,
    FirstBytes.PROXY_PROTOCOL: LooksLike.PROXY_PROTOCOL,
    FirstBytes.OTHER: LooksLike.OTHER,
}


def classify(data: bytes, max_request_bytes: int) -> FirstBytes:
    """Tell from the first bytes of a connection what it speaks; bytes that are still to come get the benefit of the
    doubt.

    `max_request_bytes` bounds the length that a Kafka request may announce.
    """
    if not data:
        return FirstBytes.NOTHING
    if _begins(data, _TLS_HANDSHAKE):
        return FirstBytes.TLS
    if any(_begins(data, method) for method in _HTTP_METHODS):
        return FirstBytes.HTTP
    if any(_begins(data, signature) for signature in _PROXY_PROTOCOL):
        return FirstBytes.PROXY_PROTOCOL
    if _is_old_tls(data):
        return FirstBytes.OLD_TLS
    return FirstBytes.KAFKA if _may_be_request(data, max_request_bytes) else FirstBytes.OTHER


def mismatch(seen: FirstBytes, *, tls: bool) -> LooksLike | None:
    """What is wrong with these first bytes on a port with or without TLS; None when they may go on."""
    if seen in _TLS_FORMS:
        return None if tls else LooksLike.TLS
    if seen is FirstBytes.KAFKA:
        return LooksLike.KAFKA_PLAINTEXT if tls else None
    return _NEVER_RIGHT.get(seen)


async def peek(connection: socket.socket) -> bytes:
    """Wait for the first bytes of a non-blocking socket and leave them there; b"" when the peer closes without
    sending any.

    :raises OSError: the connection broke.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            return connection.recv(PEEKED, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            await readable(loop, connection)


async def readable(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    """Wait until a non-blocking socket has something to read, be it only its end."""
    ready = loop.create_future()
    loop.add_reader(connection, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _begins(data: bytes, signature: bytes) -> bool:
    return data.startswith(signature) or signature.startswith(data)


def _is_old_tls(data: bytes) -> bool:
    # The SSL 2.0 form of a ClientHello (RFC 5246 E.2): a length with its top bit set, message type 1, the version.
    return data[0] >= 0x80 and (len(data) < 4 or (data[2] == 1 and data[3] in (0, 3)))


def _may_be_request(data: bytes, max_request_bytes: int) -> bool:
    # Bytes that did not come yet count as the smallest possible ones.
    length = int.from_bytes(data[:4].ljust(4, b"\0"), signed=True)
    api_key = int.from_bytes(data[4:6].ljust(2, b"\0"), signed=True)
    version = int.from_bytes(data[6:8].ljust(2, b"\0"), signed=True)
    if data[4:5] == _FIRST_TOKEN_OF_GSSAPI:
        return 0 <= length <= max_request_bytes
    return 0 <= length <= max_request_bytes and 0 <= api_key <= _MAX_API_KEY and 0 <= version <= _MAX_API_VERSION
