"""The header by which a load balancer tells whose connection it passes on (the PROXY protocol, versions 1 and 2).

Whoever may send it may claim any address, so it is read from configured networks alone, and there it must come. The
header is taken off the socket to the byte: what follows may be a TLS handshake.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from proxy.authentication.proxy_header import HEAD_SIZE, SIGNATURE, BadProxyHeader, Source, length_of, read_header
from proxy.transport.first_bytes import readable

Network = IPv4Network | IPv6Network

_V1_LONGEST: Final = 107
_V2_LONGEST: Final = 536
"""Bytes of addresses and further fields; senders keep the whole header within one small segment."""
_V1_FAMILIES: Final = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}


async def read_source(connection: socket.socket) -> Source | None:
    """Take the header off a non-blocking socket; None if the connection is the sender's own, such as a health check.

    :raises BadProxyHeader: if there is none, or a wrong one.
    :raises OSError: the connection broke.
    """
    begin = await _peek(connection, len(SIGNATURE))
    if begin == SIGNATURE:
        return await _read_v2(connection)
    if begin.startswith(b"PROXY "):
        return await _read_v1(connection)
    raise BadProxyHeader("the connection does not begin with a PROXY protocol header")


async def _read_v1(connection: socket.socket) -> Source | None:
    seen = b""
    while b"\r\n" not in seen:
        if len(seen) >= _V1_LONGEST:
            raise BadProxyHeader(f"the header does not end within {_V1_LONGEST} bytes")
        seen = await _peek_more(connection, len(seen), _V1_LONGEST)
    line = seen[: seen.index(b"\r\n")]
    _take(connection, len(line) + 2)
    fields = line.split(b" ")
    if fields[1] == b"UNKNOWN":
        return None
    family = _V1_FAMILIES.get(fields[1])
    if family is None or len(fields) != 6:
        raise BadProxyHeader(f"unreadable header {line!r}")
    try:
        source, _ = (family(address.decode("ascii")) for address in fields[2:4])
        ports = [_port(digits) for digits in fields[4:]]
    except ValueError as error:
        raise BadProxyHeader(f"unreadable header {line!r}") from error
    return Source(str(source), ports[0])


def _port(digits: bytes) -> int:
    if not digits.isdigit() or (digits.startswith(b"0") and digits != b"0") or int(digits) > 0xFFFF:
        raise ValueError("not a port")
    return int(digits)


async def _read_v2(connection: socket.socket) -> Source | None:
    size = HEAD_SIZE + length_of(await _peek(connection, HEAD_SIZE), _V2_LONGEST)
    source, _ = read_header(await _peek(connection, size))
    _take(connection, size)
    return source


def _take(connection: socket.socket, count: int) -> None:
    """Consume bytes that were seen before."""
    while count:
        count -= len(connection.recv(count))


async def _peek(connection: socket.socket, count: int) -> bytes:
    """So many bytes, left where they are.

    :raises BadProxyHeader: if the connection ends before.
    """
    seen = b""
    while len(seen) < count:
        seen = await _peek_more(connection, len(seen), count)
    return seen


async def _peek_more(connection: socket.socket, known: int, most: int) -> bytes:
    """What can be seen as soon as it is more than is known, at most so many bytes."""
    loop = asyncio.get_running_loop()
    # Bytes that only were looked at keep a socket readable, so it has to be told what is worth waking up for.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, known + 1)
    try:
        await readable(loop, connection)
        seen = connection.recv(most, socket.MSG_PEEK)
    finally:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    if len(seen) <= known:
        raise BadProxyHeader("the connection ended within its header")
    return seen
