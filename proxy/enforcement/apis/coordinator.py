"""FindCoordinator: who may learn which broker looks after a group or a transactional id."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from kio.schema.errors import ErrorCode

from policies.model import CLUSTER_NAME
from protocol.apis import ApiKey
from protocol.errors import sentence
from protocol.refusals import refuse, refused_item
from protocol.splice import Message
from proxy.enforcement.call import Call
from proxy.enforcement.rights import CLUSTER_ACTION, DESCRIBE_GROUP, DESCRIBE_TRANSACTIONAL_ID, Right
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_GROUP, _TRANSACTION, _SHARE = 0, 1, 2
_RIGHTS: Final[dict[int, Right]] = {
    _GROUP: DESCRIBE_GROUP,
    _TRANSACTION: DESCRIBE_TRANSACTIONAL_ID,
    _SHARE: CLUSTER_ACTION,
}
_BY_KEYS: Final = 4
_SHARES: Final = 6


def judge_find_coordinator(call: Call) -> Verdict:
    """Judge a FindCoordinator request."""
    key_type = getattr(call.request, "key_type", _GROUP)
    right = _RIGHTS.get(key_type)
    if right is None or (key_type == _SHARE and call.version < _SHARES):
        by_keys = right is not None and call.version >= _BY_KEYS
        return Answer(_refused(call, ErrorCode.invalid_request, "" if by_keys else sentence(ErrorCode.invalid_request)))
    if call.version < _BY_KEYS:
        if _allows(call, right, call.request.key):
            return call.forward()
        return Answer(_refused(call, right.error, sentence(right.error)))
    return _judge_keys(call, right)


def _refused(call: Call, error: ErrorCode, message: str | None) -> Any:
    return refuse(ApiKey.FIND_COORDINATOR, call.version, call.request, error, message)


def _allows(call: Call, right: Right, key: str, times: int = 1) -> bool:
    return call.access.allows(right, CLUSTER_NAME if right is CLUSTER_ACTION else key, count=times)


def _judge_keys(call: Call, right: Right) -> Verdict:
    keys = call.request.coordinator_keys
    message = sentence(right.error) if right is CLUSTER_ACTION else ""
    coordinator = call.answer_item("coordinators")
    denied: dict[str, Any] = {
        key: refused_item(coordinator, key, right.error, message, named="key")
        for key, times in Counter(keys).items()
        if not _allows(call, right, key, times)
    }
    if not denied:
        return call.forward()
    if len(denied) == len(set(keys)):
        return Answer(call.build_answer(coordinators=tuple(denied[key] for key in keys)))
    items = call.message.items("coordinator_keys")
    items.keep([item for item in items if item.value not in denied])

    def merge(answer: Message) -> None:
        found = answer.items("coordinators")
        told = denied | {item.value.key: item for item in found}
        found.arrange([told[key] for key in keys if key in told])

    return call.forward(merge)


RULE: Final = ApiRule(
    ApiKey.FIND_COORDINATOR,
    judge=judge_find_coordinator,
    summary=(
        "Describe Group (type 0), Describe TransactionalId (type 1) or ClusterAction Cluster (type 2), for each key "
        "from version 4 on."
    ),
    claims=frozenset({"key", "coordinator_keys"}),
)
RULES: Final = (RULE,)
