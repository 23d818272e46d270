"""ApiVersions: what the broker has, cut to what we can judge (KIP-35, KIP-511, KIP-584)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, response_type
from protocol.codec import build, item_type

_CLIENT_SOFTWARE: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
"""What KIP-511 lets a client call its software and version."""

_PRODUCE_IN_4_0: Final = 3
_FETCH_IN_4_0: Final = 4
"""The first versions that Kafka 4 serves (KIP-896). It lists Produce from 0 on all the same, because librdkafka takes a
broker without the oldest ones for one that cannot compress."""

VersionRanges = Mapping[int, range]
"""API key -> the versions that may be asked."""

_IN_0_8: Final[dict[int, range]] = {
    ApiKey.PRODUCE: range(1),
    ApiKey.FETCH: range(1),
    ApiKey.LIST_OFFSETS: range(1),
    ApiKey.METADATA: range(1),
    ApiKey.OFFSET_COMMIT: range(2),
    ApiKey.OFFSET_FETCH: range(2),
    ApiKey.FIND_COORDINATOR: range(1),
}
_IN_0_9: Final[dict[int, range]] = {
    **_IN_0_8,
    ApiKey.PRODUCE: range(2),
    ApiKey.FETCH: range(2),
    ApiKey.OFFSET_COMMIT: range(3),
    ApiKey.JOIN_GROUP: range(1),
    ApiKey.HEARTBEAT: range(1),
    ApiKey.LEAVE_GROUP: range(1),
    ApiKey.SYNC_GROUP: range(1),
    ApiKey.DESCRIBE_GROUPS: range(1),
    ApiKey.LIST_GROUPS: range(1),
}
BEFORE_API_VERSIONS: Final[Mapping[str, VersionRanges]] = {"0.8.2": _IN_0_8, "0.9.0": _IN_0_9}
"""What clients may ask of the releases that cannot tell it themselves. They answer every version that they do not
know as if it were another, or not at all, so nothing else must reach them."""


def release_before_api_versions(version: str) -> str | None:
    """The release in :data:`BEFORE_API_VERSIONS` that a broker's version belongs to; None for a newer one."""
    return next((release for release in BEFORE_API_VERSIONS if f"{version}.".startswith(f"{release}.")), None)


def offered(broker: VersionRanges, judged: VersionRanges) -> dict[int, range]:
    """The versions that a client may use: those that the broker has and that we can judge."""
    both: dict[int, range] = {}
    for key, ours in judged.items():
        theirs = broker.get(key, range(0))
        common = range(max(ours.start, theirs.start), min(ours.stop, theirs.stop))
        if common:
            both[key] = common
    return both


def newest_common(api_key: int, broker: VersionRanges) -> int | None:
    """The highest version of an API that the broker has and that is known here; None if there is none."""
    return max(offered(broker, {api_key: known_versions(api_key)}).get(api_key, ()), default=None)


def broker_ranges(answer: Any) -> dict[int, range]:
    """The ranges of a broker's own ApiVersions answer; keys that Kafka does not know are left out."""
    ranges = {
        entry.api_key: range(entry.min_version, entry.max_version + 1)
        for entry in answer.api_keys
        if known_versions(entry.api_key)
    }
    produce, fetch = ranges.get(ApiKey.PRODUCE), ranges.get(ApiKey.FETCH)
    if produce and fetch and fetch.start >= _FETCH_IN_4_0:
        ranges[ApiKey.PRODUCE] = range(max(produce.start, _PRODUCE_IN_4_0), produce.stop)
    return ranges


def api_versions_answer(version: int, ranges: VersionRanges, broker: Any | None) -> Any:
    """The answer to ApiVersions of a version that we know.

    ``broker`` is the broker's own newest answer: features (tagged fields from version 3 on) are taken from it.
    """
    entity_type = response_type(ApiKey.API_VERSIONS, version)
    entry = item_type(entity_type, "api_keys")
    keys = tuple(
        build(entry, api_key=key, min_version=_listed_from(key, found), max_version=found.stop - 1)
        for key, found in sorted(ranges.items())
    )
    return build(entity_type, api_keys=keys, **_features(version, broker))


def _listed_from(api_key: int, found: range) -> int:
    return 0 if api_key == ApiKey.PRODUCE else found.start


def unsupported_version_answer() -> Any:
    """What an ApiVersions request of an unknown version gets: version 0, the error, and this API's versions alone."""
    entity_type = response_type(ApiKey.API_VERSIONS, 0)
    known = known_versions(ApiKey.API_VERSIONS)
    entry = build(
        item_type(entity_type, "api_keys"),
        api_key=ApiKey.API_VERSIONS,
        min_version=known.start,
        max_version=known.stop - 1,
    )
    return build(entity_type, error_code=ErrorCode.unsupported_version, api_keys=(entry,))


def is_valid_client_software(request: Any) -> bool:
    """Whether name and version of the client software have the form that KIP-511 asks for (versions 3+)."""
    fields = ("client_software_name", "client_software_version")
    return all(_CLIENT_SOFTWARE.fullmatch(getattr(request, field, "none")) for field in fields)


def _features(version: int, broker: Any | None) -> dict[str, Any]:
    if broker is None or version < 3:
        return {}
    target = item_type(response_type(ApiKey.API_VERSIONS, version), "supported_features")
    finalized = item_type(response_type(ApiKey.API_VERSIONS, version), "finalized_features")
    return {
        # Clients of version 3 take a minimum of 0 for an error (KIP-1022).
        "supported_features": tuple(
            build(target, name=feature.name, min_version=feature.min_version, max_version=feature.max_version)
            for feature in getattr(broker, "supported_features", ())
            if version >= 4 or feature.min_version > 0
        ),
        "finalized_features_epoch": getattr(broker, "finalized_features_epoch", -1),
        "finalized_features": tuple(
            build(
                finalized,
                name=feature.name,
                max_version_level=feature.max_version_level,
                min_version_level=feature.min_version_level,
            )
            for feature in getattr(broker, "finalized_features", ())
        ),
    }
