"""A short connection of our own to a broker, that no client has a part in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.errors import FrameTooLarge
from protocol.splice import decode_response, encode_request
from proxy.addressing.topology import Address
from proxy.transport.ports import Hop

_CLIENT_ID: Final = "doorkeeper"
_MAX_ANSWER_BYTES: Final = 100 * 1024 * 1024


class BrokerLink:
    """One open connection; questions are asked one after the other."""

    def __init__(
        self, address: Address, reader: asyncio.StreamReader, transport: asyncio.Transport, timeout_s: float
    ) -> None:
        self.address = address
        self._reader = reader
        self._transport = transport
        self._timeout_s = timeout_s
        self._correlation_id = 0

    @property
    def local_host(self) -> str:
        """Our own address on this connection, by which the broker knows us."""
        return str(self._transport.get_extra_info("sockname")[0])

    async def ask(self, api_key: ApiKey, version: int, **values: Any) -> bytes:
        """Send a request and return the frame of its answer, with its four bytes of length.

        :raises OSError: the broker closed the connection, or did not answer in time (TimeoutError).
        :raises FrameTooLarge: the answer is larger than any broker's should be.
        """
        self._correlation_id += 1
        request = build(request_type(api_key, version), **values)
        self._transport.write(encode_request(api_key, version, self._correlation_id, _CLIENT_ID, request))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._frame()
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("closed by the broker") from error

    async def answer(self, api_key: ApiKey, version: int, **values: Any) -> Any:
        """Send a request and return the body of its answer.

        :raises OSError: as :meth:`ask`.
        :raises ProtocolError: the answer cannot be read.
        """
        return decode_response(api_key, version, await self.ask(api_key, version, **values))[1]

    async def _frame(self) -> bytes:
        head = await self._reader.readexactly(4)
        length = int.from_bytes(head)
        if length > _MAX_ANSWER_BYTES:
            raise FrameTooLarge(f"an answer of {length} bytes: is this a Kafka broker's plaintext port?")
        return head + await self._reader.readexactly(length)


class _Stream(asyncio.StreamReaderProtocol):
    """A reader that knows where to write."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance


@asynccontextmanager
async def broker_link(address: Address, timeout_s: float, hop: Hop) -> AsyncIterator[BrokerLink]:
    """Connect to a broker; connecting and each answer may take `timeout_s`.

    :raises OSError: the connection did not come about.
    """
    reader = asyncio.StreamReader()
    async with asyncio.timeout(timeout_s):
        stream = await hop.connect(lambda: _Stream(reader), *address, None)
    try:
        yield BrokerLink(address, reader, stream.transport, timeout_s)
    finally:
        stream.transport.abort()
