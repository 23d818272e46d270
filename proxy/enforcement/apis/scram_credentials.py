"""SCRAM users of the brokers: nobody logs in to them through us, so there are none and none are made.

An open broker would store them, and whoever did it would wait in vain for the new user to be let in.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.codec import build
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Gate, cluster, refusal
from proxy.enforcement.own_answers import Unavailable
from proxy.enforcement.rights import ALTER_CLUSTER, DESCRIBE_CLUSTER
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_NOT_KEPT: Final = "The brokers keep no SCRAM credentials; users are managed where clients authenticate."
_NOBODY: Final = "Attempt to describe a user credential that does not exist: "
_TWICE: Final = "Cannot describe SCRAM credentials for the same user twice in a single request: "


def judge_describe(call: Call) -> Verdict:
    """Judge a DescribeUserScramCredentials, as a broker does that has not a single SCRAM user."""
    if not call.access.allows_cluster(DESCRIBE_CLUSTER):
        return Answer(refusal(call, DESCRIBE_CLUSTER.error))
    result = call.answer_item("results")
    times = Counter(user.name for user in call.request.users or ())
    described = tuple(_described(result, *asked) for asked in times.items())
    return Answer(call.build_answer(error_message="", results=described))


def _described(result: type[Any], user: str, times: int) -> Any:
    error, message = (ErrorCode.resource_not_found, _NOBODY) if times == 1 else (ErrorCode.duplicate_resource, _TWICE)
    return build(result, user=user, error_code=error, error_message=message + user)


RULES: Final = (
    ApiRule(
        ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
        judge=judge_describe,
        summary=(
            "Describe Cluster, else CLUSTER_AUTHORIZATION_FAILED for the whole request. Then there are no users: each "
            "that is named is answered RESOURCE_NOT_FOUND, without the broker."
        ),
    ),
    ApiRule(
        ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
        (Gate(ALTER_CLUSTER, cluster, message=True), Unavailable(ErrorCode.unsupported_version, _NOT_KEPT)),
    ),
)
