"""What share coordinators ask each other; a client has no business here, and the brokers do not come this way."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from protocol.errors import sentence
from proxy.enforcement.clauses import Gate, cluster
from proxy.enforcement.own_answers import Unavailable
from proxy.enforcement.rights import CLUSTER_ACTION
from proxy.enforcement.rule import ApiRule

_CLAUSES: Final = (
    Gate(CLUSTER_ACTION, cluster, message=True),
    Unavailable(CLUSTER_ACTION.error, sentence(CLUSTER_ACTION.error)),
)
_REFUSED: Final = "it is refused to everybody"

RULES: Final = tuple(
    ApiRule(key, _CLAUSES, exempt=(("group_id", _REFUSED), ("topics.topic_id", _REFUSED)))
    for key in (
        ApiKey.INITIALIZE_SHARE_GROUP_STATE,
        ApiKey.READ_SHARE_GROUP_STATE,
        ApiKey.WRITE_SHARE_GROUP_STATE,
        ApiKey.DELETE_SHARE_GROUP_STATE,
        ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
    )
)
