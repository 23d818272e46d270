"""ListConfigResources: whoever may see the configurations of the cluster sees the names of all that has some."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.clauses import Gate, cluster
from proxy.enforcement.rights import DESCRIBE_CONFIGS_CLUSTER
from proxy.enforcement.rule import ApiRule

RULE: Final = ApiRule(ApiKey.LIST_CONFIG_RESOURCES, (Gate(DESCRIBE_CONFIGS_CLUSTER, cluster),))
