"""What the cluster is made of: the quorum of controllers, the features in force, the brokers that belong to it."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.clauses import Gate, cluster
from proxy.enforcement.rights import ALTER_CLUSTER, DESCRIBE_CLUSTER
from proxy.enforcement.rule import ApiRule

_ALTER: Final = (Gate(ALTER_CLUSTER, cluster, message=True),)

RULES: Final = (
    ApiRule(
        ApiKey.DESCRIBE_QUORUM,
        (Gate(DESCRIBE_CLUSTER, cluster, message=True),),
        exempt=(("topics.topic_name", "the log of the controllers, which is no topic of clients"),),
    ),
    ApiRule(ApiKey.UPDATE_FEATURES, _ALTER),
    ApiRule(ApiKey.UNREGISTER_BROKER, _ALTER),
    ApiRule(ApiKey.ADD_RAFT_VOTER, _ALTER),
    ApiRule(ApiKey.REMOVE_RAFT_VOTER, _ALTER),
)
