"""What answers at an address to somebody who shows nothing: no certificate, no password."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Final

from protocol.apis import ApiKey
from protocol.errors import ProtocolError
from protocol.versions import broker_ranges
from proxy.addressing.topology import Address
from proxy.authentication.forwarding import ForwardedClient
from proxy.transport.broker_link import broker_link
from proxy.transport.plain_hop import PlainHop
from proxy.transport.ports import AnyProtocol, Hop
from proxy.transport.questions import looks_at_no_version

_ZOOKEEPER_QUESTION: Final = b"srvr"
_ZOOKEEPER_ANSWERS: Final = (b"Zookeeper version", b"srvr is not executed", b"This ZooKeeper instance")
_TLS_ANSWERS: Final = (b"\x16\x03", b"\x15\x03")
"""How a handshake begins, and an alert (RFC 8446, section 5.1)."""

_LONGEST_SIGN: Final = 64


class Door(Enum):
    """What an address turned out to be."""

    CLOSED = "nothing can be reached"
    OPEN = "a Kafka that asks nobody who they are"
    OPEN_TLS = "a Kafka that encrypts, but asks nobody who they are"
    GUARDED = "a Kafka that asks who comes"
    CONTROLLER = "a Kafka controller that asks nobody who they are"
    ZOOKEEPER = "a ZooKeeper"
    OTHER = "something that does not answer us"

    @property
    def stands_open(self) -> bool:
        """Whether whoever reaches it can do harm."""
        return self in (Door.OPEN, Door.OPEN_TLS, Door.CONTROLLER, Door.ZOOKEEPER)


async def try_door(address: Address, timeout_s: float) -> Door:
    """Try Kafka, Kafka over TLS and ZooKeeper; connecting and each answer may take ``timeout_s``."""
    try:
        async with broker_link(address, timeout_s, PlainHop()):
            pass
    except OSError:
        return Door.CLOSED
    # Side by side: what one kind of door never answers, another answers at once.
    loop = asyncio.get_running_loop()
    attempts = [loop.create_task(attempt(address, timeout_s)) for attempt in (_plain, _over_tls, _zookeeper)]
    try:
        for attempt in asyncio.as_completed(attempts):
            with suppress(OSError, ProtocolError):
                if (found := await attempt) is not None:
                    return found
    finally:
        for each in attempts:
            each.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
    return Door.OTHER


async def _plain(address: Address, timeout_s: float) -> Door | None:
    return await _kafka(address, timeout_s, PlainHop())


async def _over_tls(address: Address, timeout_s: float) -> Door | None:
    answer = await _answer(address, timeout_s, _hello())
    if not answer.startswith(_TLS_ANSWERS):
        return None
    try:
        found = await _kafka(address, timeout_s, _AnyTls(timeout_s))
    except OSError:
        # It wants to see something that we do not have.
        return Door.GUARDED
    return Door.OPEN_TLS if found is Door.OPEN else found


def _hello() -> bytes:
    """The first bytes of a TLS client."""
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        _any_tls().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def _any_tls() -> ssl.SSLContext:
    """TLS of any age with anybody: nothing is told to the other side, so it need not be who it says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


async def _kafka(address: Address, timeout_s: float, hop: Hop) -> Door | None:
    """Metadata is for those who are let in, ApiVersions for all; a controller has no Metadata."""
    async with broker_link(address, timeout_s, hop) as link:
        try:
            await looks_at_no_version(link)
        except (ConnectionResetError, TimeoutError):
            pass
        else:
            return Door.OPEN
    async with broker_link(address, timeout_s, hop) as link:
        ranges = broker_ranges(await link.answer(ApiKey.API_VERSIONS, 0))
    if ApiKey.METADATA in ranges:
        return Door.GUARDED
    return await _controller(address, timeout_s, hop) if ApiKey.DESCRIBE_CLUSTER in ranges else None


async def _controller(address: Address, timeout_s: float, hop: Hop) -> Door:
    async with broker_link(address, timeout_s, hop) as link:
        try:
            await link.answer(ApiKey.DESCRIBE_CLUSTER, 1, endpoint_type=2)
        except (OSError, ProtocolError):
            return Door.GUARDED
    return Door.CONTROLLER


async def _zookeeper(address: Address, timeout_s: float) -> Door | None:
    answer = await _answer(address, timeout_s, _ZOOKEEPER_QUESTION)
    return Door.ZOOKEEPER if answer.startswith(_ZOOKEEPER_ANSWERS) else None


async def _answer(address: Address, timeout_s: float, question: bytes) -> bytes:
    """The first bytes that come back."""
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(question)
            return await reader.read(_LONGEST_SIGN)
        finally:
            writer.transport.abort()


class _AnyTls:
    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    async def connect(
        self,
        factory: Callable[[], AnyProtocol],
        host: str,
        port: int,
        client: ForwardedClient | None,  # noqa: ARG002 - of the Hop
    ) -> AnyProtocol:
        """Connect and shake hands.

        :raises OSError: the connection did not come about.
        """
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(
            factory, host, port, ssl=_any_tls(), server_hostname="", ssl_handshake_timeout=self._timeout_s
        )
        return protocol
