"""Which release of Kafka a broker is, by what it offers. For people: nothing is decided by it."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from protocol.versions import VersionRanges

_FIRST_WITH: Final[tuple[tuple[str, ApiKey, int], ...]] = (
    ("4.1", ApiKey.FETCH, 18),
    ("4.0", ApiKey.METADATA, 13),
    ("3.9", ApiKey.FETCH, 17),
    ("3.8", ApiKey.LIST_GROUPS, 5),
    ("3.7", ApiKey.FETCH, 16),
    ("3.6", ApiKey.ADD_PARTITIONS_TO_TXN, 4),
    ("3.5", ApiKey.FETCH, 15),
    ("3.3 or 3.4", ApiKey.DESCRIBE_LOG_DIRS, 4),
    ("3.2", ApiKey.JOIN_GROUP, 9),
    ("3.1", ApiKey.FETCH, 13),
    ("3.0", ApiKey.DESCRIBE_TRANSACTIONS, 0),
    ("2.8", ApiKey.PRODUCE, 9),
    ("2.7", ApiKey.FETCH, 12),
    ("2.6", ApiKey.LIST_GROUPS, 4),
    ("2.5", ApiKey.JOIN_GROUP, 7),
    ("2.4", ApiKey.OFFSET_DELETE, 0),
    ("2.3", ApiKey.FETCH, 11),
    ("2.2", ApiKey.JOIN_GROUP, 4),
    ("2.1", ApiKey.FETCH, 10),
    ("2.0", ApiKey.FETCH, 8),
    ("1.1", ApiKey.FETCH, 7),
    ("1.0", ApiKey.FETCH, 6),
    ("0.11.0", ApiKey.FETCH, 5),
    ("0.10.2", ApiKey.OFFSET_FETCH, 2),
    ("0.10.1", ApiKey.FETCH, 3),
    ("0.10.0", ApiKey.API_VERSIONS, 0),
)
"""The first release with a version, the newest first, as brokers of these releases tell."""


def release_of(ranges: VersionRanges) -> str:
    """The release that brought the newest of a broker's versions, such as "1.1"; "unknown" if there is none."""
    release, api_key, version = _FIRST_WITH[0]
    if ranges.get(api_key, range(0)).stop > version + 1:
        return f"newer than {release}"
    found = (name for name, key, number in _FIRST_WITH if number in ranges.get(key, ()))
    return next(found, "unknown")
