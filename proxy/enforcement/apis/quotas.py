"""Client quotas. What the brokers keep counts for what they see, which is one anonymous user."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.clauses import Gate, cluster
from proxy.enforcement.rights import ALTER_CONFIGS_CLUSTER, DESCRIBE_CONFIGS_CLUSTER
from proxy.enforcement.rule import ApiRule

RULES: Final = (
    ApiRule(ApiKey.DESCRIBE_CLIENT_QUOTAS, (Gate(DESCRIBE_CONFIGS_CLUSTER, cluster),)),
    ApiRule(
        ApiKey.ALTER_CLIENT_QUOTAS,
        (Gate(ALTER_CONFIGS_CLUSTER, cluster, message=True),),
        exempt=(("entries.ops.key", "the name of a quota, not of something that is guarded"),),
    ),
)
