"""The rules of all APIs that are served."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.apis import (
    cluster,
    configs,
    consumer_groups,
    coordinator,
    delete_topics,
    fetch,
    groups,
    metadata,
    offset_fetch,
    offsets,
    produce,
    topic_partitions,
    topics,
    transactions,
)
from proxy.enforcement.rule import ApiRule

_RULES: Final[tuple[ApiRule, ...]] = (
    produce.RULE,
    fetch.RULE,
    metadata.RULE,
    topic_partitions.RULE,
    *cluster.RULES,
    *configs.RULES,
    *consumer_groups.RULES,
    *coordinator.RULES,
    *delete_topics.RULES,
    *groups.RULES,
    *offset_fetch.RULES,
    *offsets.RULES,
    *topics.RULES,
    *transactions.RULES,
)

TABLE: Final[dict[ApiKey, ApiRule]] = {rule.key: rule for rule in sorted(_RULES, key=lambda rule: rule.key)}
JUDGED: Final[dict[int, range]] = {int(key): rule.versions for key, rule in TABLE.items()}
"""The versions of each API that are judged, and so may be offered to clients."""
