"""The rules of all APIs that are served."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.apis import fetch, metadata, produce, topic_partitions
from proxy.enforcement.rule import ApiRule

TABLE: Final[dict[ApiKey, ApiRule]] = {
    rule.key: rule for rule in (fetch.RULE, metadata.RULE, produce.RULE, topic_partitions.RULE)
}
JUDGED: Final[dict[int, range]] = {int(key): rule.versions for key, rule in TABLE.items()}
"""The versions of each API that are judged, and so may be offered to clients."""
