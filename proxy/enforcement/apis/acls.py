"""Administration of ACLs: the brokers behind have no authorizer, and the policy is not changed by clients."""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.enforcement.clauses import Gate, cluster
from proxy.enforcement.own_answers import Unavailable
from proxy.enforcement.rights import ALTER_CLUSTER, DESCRIBE_CLUSTER
from proxy.enforcement.rule import ApiRule

_ALTERING: Final = (
    Gate(ALTER_CLUSTER, cluster, message=True),
    Unavailable(ErrorCode.security_disabled, "No Authorizer is configured."),
)

RULES: Final = (
    ApiRule(
        ApiKey.DESCRIBE_ACLS,
        (
            Gate(DESCRIBE_CLUSTER, cluster, message=True),
            Unavailable(ErrorCode.security_disabled, "No Authorizer is configured on the broker"),
        ),
    ),
    ApiRule(
        ApiKey.CREATE_ACLS,
        _ALTERING,
        exempt=(("creations.resource_name", "no ACL is created, and the right on the cluster covers all"),),
    ),
    ApiRule(ApiKey.DELETE_ACLS, _ALTERING),
)
