"""Questions of our own to a broker, on short connections that no client has a part in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build, item_type
from protocol.errors import FrameTooLarge, ProtocolError, UnsupportedApi
from protocol.splice import decode_response, encode_request
from protocol.versions import broker_ranges
from proxy import __version__
from proxy.addressing.topology import Address, BrokerAddress
from proxy.transport.ports import Hop

_CLIENT_ID: Final = "doorkeeper"
_AUTO_CREATE: Final = "auto.create.topics.enable"
_BROKER_RESOURCE: Final = 4
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


async def ask_versions(link: BrokerLink) -> Any:
    """The broker's ApiVersions, in the highest version that both know.

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: the answer cannot be read.
    """
    version = known_versions(ApiKey.API_VERSIONS)[-1]
    frame = await _ask_versions(link, version)
    if _says_unsupported(frame):
        # This answer always has the form of version 0 (KIP-511). Brokers before 2.4 do not even say what they have.
        _, answer = decode_response(ApiKey.API_VERSIONS, 0, frame)
        version = max(broker_ranges(answer).get(ApiKey.API_VERSIONS, range(1)))
        frame = await _ask_versions(link, version)
    return decode_response(ApiKey.API_VERSIONS, version, frame)[1]


async def _ask_versions(link: BrokerLink, version: int) -> bytes:
    software = {"client_software_name": "kafka-doorkeeper", "client_software_version": __version__}
    return await link.ask(ApiKey.API_VERSIONS, version, **software)


def _says_unsupported(frame: bytes) -> bool:
    return int.from_bytes(frame[8:10]) == ErrorCode.unsupported_version.value


async def ask_brokers(link: BrokerLink, versions: Any | None) -> dict[int, BrokerAddress]:
    """The cluster's brokers by node id. `versions` is the broker's own ApiVersions, None for one older than 0.10.

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: there is no version of Metadata that both know, or the answer cannot be read.
    """
    version = _metadata_version(versions)
    # No topics at all, please; only version 0 has no way to say so.
    frame = await link.ask(ApiKey.METADATA, version, topics=())
    _, answer = decode_response(ApiKey.METADATA, version, frame)
    return {
        int(broker.node_id): BrokerAddress(broker.host, broker.port, getattr(broker, "rack", None))
        for broker in answer.brokers
    }


async def looks_at_no_version(link: BrokerLink) -> bool:
    """Whether a broker is older than 0.10: those answer every version of Metadata as if it were 0.

    So they need not be asked for their API versions, which leaves an error in their logs, and no answer of 0.9
    (KAFKA-3547).

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: the answer cannot be read.
    """
    frame = await link.ask(ApiKey.METADATA, 1, topics=())
    try:
        decode_response(ApiKey.METADATA, 1, frame)
    except ProtocolError:
        decode_response(ApiKey.METADATA, 0, frame)
        return True
    return False


async def ask_release(link: BrokerLink) -> str:
    """Which release before 0.10 a broker is: the first that can list groups is 0.9."""
    try:
        await link.ask(ApiKey.LIST_GROUPS, 0)
    except OSError:
        return "0.8.2"
    return "0.9.0"


def _metadata_version(versions: Any | None) -> int:
    if versions is None:
        return 0
    ours, theirs = known_versions(ApiKey.METADATA), broker_ranges(versions).get(ApiKey.METADATA, range(0))
    common = range(max(ours.start, theirs.start), min(ours.stop, theirs.stop))
    if not common:
        raise UnsupportedApi("the broker has no version of Metadata that is known here")
    return common[-1]


async def ask_auto_create(link: BrokerLink, node_id: int, versions: Any) -> bool | None:
    """The broker's ``auto.create.topics.enable``; None if it cannot tell.

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: the answer cannot be read.
    """
    theirs = broker_ranges(versions).get(ApiKey.DESCRIBE_CONFIGS, range(0))
    ours = known_versions(ApiKey.DESCRIBE_CONFIGS)
    version = min(max(theirs, default=-1), ours[-1])
    if version < ours.start:
        return None
    resource = item_type(request_type(ApiKey.DESCRIBE_CONFIGS, version), "resources")
    wanted = build(
        resource, resource_type=_BROKER_RESOURCE, resource_name=str(node_id), configuration_keys=(_AUTO_CREATE,)
    )
    frame = await link.ask(ApiKey.DESCRIBE_CONFIGS, version, resources=(wanted,))
    _, answer = decode_response(ApiKey.DESCRIBE_CONFIGS, version, frame)
    values = (setting.value for result in answer.results for setting in result.configs if setting.name == _AUTO_CREATE)
    value = next(values, None)
    return None if value is None else value == "true"
