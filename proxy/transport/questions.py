"""Questions of our own to a broker: what it can do, who its brokers are, how it is set up."""

from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build, item_type
from protocol.errors import ProtocolError, UnsupportedApi
from protocol.splice import decode_response
from protocol.versions import VersionRanges, broker_ranges, newest_common
from proxy import __version__
from proxy.addressing.topology import Address, BrokerAddress
from proxy.transport.broker_link import BrokerLink, broker_link
from proxy.transport.ports import Hop

_AUTO_CREATE: Final = "auto.create.topics.enable"
_BROKER_RESOURCE: Final = 4


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
    # No topics at all, please; only version 0 has no way to say so.
    return brokers_of(await ask_metadata(link, versions, topics=()))


async def ask_metadata(link: BrokerLink, versions: Any | None, *, topics: tuple[()] | None) -> Any:
    """The answer to Metadata of no topics or, with None, of all; raises as :func:`ask_brokers`."""
    version = 0 if versions is None else newest_common(ApiKey.METADATA, broker_ranges(versions))
    if version is None:
        raise UnsupportedApi("the broker has no version of Metadata that is known here")
    return await link.answer(ApiKey.METADATA, version, topics=topics)


def brokers_of(metadata: Any) -> dict[int, BrokerAddress]:
    """The brokers of an answer to Metadata, by node id."""
    return {
        int(broker.node_id): BrokerAddress(broker.host, broker.port, getattr(broker, "rack", None))
        for broker in metadata.brokers
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


async def old_release(address: Address, timeout_s: float, hop: Hop) -> str | None:
    """The release of a broker older than 0.10; None for a newer one.

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: an answer cannot be read.
    """
    async with broker_link(address, timeout_s, hop) as link:
        try:
            if not await looks_at_no_version(link):
                return None
        except ConnectionResetError:
            # As new as can be: it has versions enough to have dropped that one.
            return None
    async with broker_link(address, timeout_s, hop) as link:
        return await ask_release(link)


async def ask_auto_create(link: BrokerLink, node_id: int, versions: Any) -> bool | None:
    """The broker's ``auto.create.topics.enable``; None if it cannot tell.

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: the answer cannot be read.
    """
    settings = await ask_settings(link, node_id, broker_ranges(versions), _AUTO_CREATE)
    value = (settings or {}).get(_AUTO_CREATE)
    return None if value is None else value == "true"


async def ask_settings(
    link: BrokerLink, node_id: int, ranges: VersionRanges, *names: str
) -> dict[str, str | None] | None:
    """The broker's own settings of these names, or all; None if it cannot tell, as before 0.11.

    Secrets have the value None.

    :raises OSError: the broker closed the connection or kept silent.
    :raises ProtocolError: the answer cannot be read.
    """
    version = newest_common(ApiKey.DESCRIBE_CONFIGS, ranges)
    if version is None:
        return None
    resource = item_type(request_type(ApiKey.DESCRIBE_CONFIGS, version), "resources")
    wanted = build(
        resource, resource_type=_BROKER_RESOURCE, resource_name=str(node_id), configuration_keys=names or None
    )
    answer = await link.answer(ApiKey.DESCRIBE_CONFIGS, version, resources=(wanted,))
    told = [result for result in answer.results if result.error_code is ErrorCode.none]
    return {setting.name: setting.value for result in told for setting in result.configs} if told else None


def reason(error: OSError | ProtocolError) -> str:
    """Why a broker could not be asked, for people."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (isinstance(error, OSError) and error.strerror) or str(error)
