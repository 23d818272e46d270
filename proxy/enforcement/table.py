"""The rules of all APIs that are served."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.apis import (
    acls,
    cluster,
    config_resources,
    configs,
    consumer_groups,
    coordinator,
    delegation_tokens,
    delete_topics,
    fetch,
    groups,
    metadata,
    offset_fetch,
    offsets,
    produce,
    producers,
    quorum,
    quotas,
    replicas,
    scram_credentials,
    share_fetch,
    share_groups,
    share_state,
    streams_groups,
    telemetry,
    topic_partitions,
    topics,
    transaction_states,
    transactions,
)
from proxy.enforcement.rule import ApiRule

_RULES: Final[tuple[ApiRule, ...]] = (
    produce.RULE,
    fetch.RULE,
    metadata.RULE,
    topic_partitions.RULE,
    config_resources.RULE,
    producers.RULE,
    *acls.RULES,
    *cluster.RULES,
    *configs.RULES,
    *consumer_groups.RULES,
    *coordinator.RULES,
    *delegation_tokens.RULES,
    *delete_topics.RULES,
    *groups.RULES,
    *offset_fetch.RULES,
    *offsets.RULES,
    *quorum.RULES,
    *quotas.RULES,
    *replicas.RULES,
    *scram_credentials.RULES,
    *share_fetch.RULES,
    *share_groups.RULES,
    *share_state.RULES,
    *streams_groups.RULES,
    *telemetry.RULES,
    *topics.RULES,
    *transaction_states.RULES,
    *transactions.RULES,
)

TABLE: Final[dict[ApiKey, ApiRule]] = {rule.key: rule for rule in sorted(_RULES, key=lambda rule: rule.key)}
JUDGED: Final[dict[int, range]] = {int(key): rule.versions for key, rule in TABLE.items()}
"""The versions of each API that are judged, and so may be offered to clients."""
