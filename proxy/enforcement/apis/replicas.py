"""Where replicas are stored and which of them leads: one right on the cluster covers all topics."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.clauses import Gate, cluster
from proxy.enforcement.rights import ALTER_CLUSTER, DESCRIBE_CLUSTER
from proxy.enforcement.rule import ApiRule

_ALL_TOPICS: Final = "the right on the cluster covers all topics"

RULES: Final = (
    ApiRule(
        ApiKey.ALTER_REPLICA_LOG_DIRS,
        (Gate(ALTER_CLUSTER, cluster),),
        exempt=(("dirs.topics.name", _ALL_TOPICS),),
    ),
    ApiRule(
        ApiKey.DESCRIBE_LOG_DIRS,
        (Gate(DESCRIBE_CLUSTER, cluster),),
        exempt=(("topics.topic", _ALL_TOPICS),),
    ),
    ApiRule(
        ApiKey.ELECT_LEADERS,
        (Gate(ALTER_CLUSTER, cluster, message=True),),
        exempt=(("topic_partitions.topic", _ALL_TOPICS),),
    ),
    ApiRule(
        ApiKey.ALTER_PARTITION_REASSIGNMENTS,
        (Gate(ALTER_CLUSTER, cluster, message=True),),
        exempt=(("topics.name", _ALL_TOPICS),),
    ),
    ApiRule(
        ApiKey.LIST_PARTITION_REASSIGNMENTS,
        (Gate(DESCRIBE_CLUSTER, cluster, message=True),),
        exempt=(("topics.name", _ALL_TOPICS),),
    ),
)
