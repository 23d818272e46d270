"""One request in, one verdict out."""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.refusals import can_say
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import refusal
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.table import JUDGED, TABLE
from proxy.enforcement.verdict import Answer, Disconnect, Verdict

BROKER_ONLY: Final = frozenset(
    {
        ApiKey.LEADER_AND_ISR,
        ApiKey.STOP_REPLICA,
        ApiKey.UPDATE_METADATA,
        ApiKey.CONTROLLED_SHUTDOWN,
        ApiKey.VOTE,
        ApiKey.BEGIN_QUORUM_EPOCH,
        ApiKey.END_QUORUM_EPOCH,
        ApiKey.ALTER_PARTITION,
        ApiKey.ENVELOPE,
        ApiKey.FETCH_SNAPSHOT,
        ApiKey.BROKER_REGISTRATION,
        ApiKey.BROKER_HEARTBEAT,
        ApiKey.ALLOCATE_PRODUCER_IDS,
        ApiKey.CONTROLLER_REGISTRATION,
        ApiKey.ASSIGN_REPLICAS_TO_DIRS,
        ApiKey.UPDATE_RAFT_VOTER,
    }
)
"""What brokers and controllers say to each other. A client listener of Kafka closes the connection; so do we."""

_RULES: Final[dict[int, ApiRule]] = {int(key): rule for key, rule in TABLE.items()}
"""By plain numbers, which a request has, and which are looked up faster than members of an enumeration."""


def judge(call: Call) -> Verdict:
    """Judge a request; one of an API or version without a rule never goes on.

    :raises MalformedFrame: if it cannot be read.
    """
    api_key = call.head.api_key
    rule = _RULES.get(api_key)
    if rule is not None and call.head.api_version in JUDGED[api_key]:
        return rule.apply(call)
    return _without_rule(call)


def _without_rule(call: Call) -> Verdict:
    api_key = ApiKey(call.head.api_key)
    if api_key in BROKER_ONLY or not can_say(api_key, call.version):
        return Disconnect(f"{api_key.label} version {call.version} is not served")
    return Answer(refusal(call, ErrorCode.unsupported_version))
