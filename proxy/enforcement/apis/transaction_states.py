"""Looking at transactions: each is guarded by its transactional id, and the topics in it by their names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Final

from protocol.apis import ApiKey
from protocol.codec import build
from protocol.splice import Message
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Hide, field_of
from proxy.enforcement.rights import DESCRIBE_TOPIC, DESCRIBE_TRANSACTIONAL_ID
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict


def judge_describe_transactions(call: Call) -> Verdict:
    """Judge a DescribeTransactions: one entry for each id, in the order of the request."""
    names = call.request.transactional_ids
    state = call.answer_item("transaction_states")
    denied: dict[str, Any] = {
        name: build(state, transactional_id=name, error_code=DESCRIBE_TRANSACTIONAL_ID.error)
        for name, times in Counter(names).items()
        if not call.access.allows(DESCRIBE_TRANSACTIONAL_ID, name, count=times)
    }
    if denied and all(name in denied for name in names):
        return Answer(call.build_answer(transaction_states=tuple(denied[name] for name in names)))
    if denied:
        items = call.message.items("transactional_ids")
        items.keep([item for item in items if item.value not in denied])

    def finish(answer: Message) -> None:
        found = answer.items("transaction_states")
        for item in found:
            shown = tuple(topic for topic in item.value.topics if _is_shown(call, topic))
            if len(shown) < len(item.value.topics):
                found.replace(item, replace(item.value, topics=shown))
        if denied:
            told = denied | {item.value.transactional_id: item for item in found}
            found.arrange([told[name] for name in names if name in told])

    return call.forward(finish)


def _is_shown(call: Call, topic: Any) -> bool:
    return call.access.allows(DESCRIBE_TOPIC, topic.topic, quiet=True)


RULES: Final = (
    ApiRule(
        ApiKey.DESCRIBE_TRANSACTIONS,
        judge=judge_describe_transactions,
        summary=(
            "Describe TransactionalId for each id, else TRANSACTIONAL_ID_AUTHORIZATION_FAILED for that one. Topics of "
            "a transaction are shown to those with Describe Topic."
        ),
        claims=frozenset({"transactional_ids"}),
    ),
    ApiRule(
        ApiKey.LIST_TRANSACTIONS,
        (Hide("transaction_states", DESCRIBE_TRANSACTIONAL_ID, field_of("transactional_id")),),
    ),
)
