"""Looking at producers and transactions: what is denied, what is hidden, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type, response_type
from protocol.codec import build, item_type
from proxy.enforcement.table import TABLE
from tests.enforcement.support import NONE, TAF, XAF, naming, run
from tests.integration.wire import fill

INVALID = ErrorCode.invalid_topic_exception


def transactions(*states: tuple[str, tuple[str, ...]]) -> Any:
    """A DescribeTransactions answer: ids, and the topics in each."""
    return fill(
        response_type(ApiKey.DESCRIBE_TRANSACTIONS, 0),
        {
            "transaction_states": [
                {
                    "transactional_id": name,
                    "transaction_state": "Ongoing",
                    "producer_id": 9,
                    "topics": [{"topic": topic, "partitions": [0, 3]} for topic in topics],
                }
                for name, topics in states
            ]
        },
    )


def test_a_denied_transaction_says_nothing_of_itself() -> None:
    outcome = run(
        ApiKey.DESCRIBE_TRANSACTIONS,
        0,
        naming(ApiKey.DESCRIBE_TRANSACTIONS, 0, "secret", "open", "secret"),
        served=transactions(("open", ("open",))),
    )
    assert list(outcome.asked.transactional_ids) == ["open"]
    denied, shown, again = outcome.answer.transaction_states
    assert denied == again == build(type(denied), transactional_id="secret", error_code=XAF)
    assert denied.producer_id == denied.producer_epoch == denied.transaction_start_time == 0
    assert (shown.transactional_id, shown.error_code, shown.producer_id) == ("open", NONE, 9)
    assert [(check.name, check.count) for check in outcome.checked] == [("secret", 2)]


@pytest.mark.parametrize("denied", [(), ("secret",)])
def test_topics_that_may_not_be_described_are_not_in_a_transaction(denied: tuple[str, ...]) -> None:
    outcome = run(
        ApiKey.DESCRIBE_TRANSACTIONS,
        0,
        naming(ApiKey.DESCRIBE_TRANSACTIONS, 0, "open", "open.a", *denied),
        served=transactions(("open", ("secret", "open", "shown", "secret.b")), ("open.a", ("secret",))),
    )
    told = {
        state.transactional_id: [(topic.topic, topic.partitions) for topic in state.topics]
        for state in outcome.answer.transaction_states
    }
    assert told == {"open": [("open", (0, 3)), ("shown", (0, 3))], "open.a": []} | {name: [] for name in denied}
    assert [check.name for check in outcome.checked] == list(denied)


@pytest.mark.parametrize("version", TABLE[ApiKey.LIST_TRANSACTIONS].versions)
def test_a_list_of_transactions_has_what_may_be_described(version: int) -> None:
    states = [{"transactional_id": name, "producer_id": 4} for name in ("secret", "open", "other", "open.a")]
    listed = fill(response_type(ApiKey.LIST_TRANSACTIONS, version), {"transaction_states": states})
    for principal, names in (
        ("User:alice", ["open", "open.a"]),
        ("User:nobody", []),
        ("User:admin", ["secret", "open", "other", "open.a"]),
    ):
        outcome = run(ApiKey.LIST_TRANSACTIONS, version, served=listed, principal=principal)
        assert outcome.forwarded == outcome.frame
        assert [state.transactional_id for state in outcome.answer.transaction_states] == names
        assert outcome.answer.error_code == NONE
        assert outcome.checked == []


def producers(*names: str) -> Any:
    """A DescribeProducers of two partitions of each topic."""
    topics = [{"name": name, "partition_indexes": [2, 0]} for name in names]
    return fill(request_type(ApiKey.DESCRIBE_PRODUCERS, 0), {"topics": topics})


def test_denied_producers_are_told_by_partition_in_the_order_of_the_request() -> None:
    outcome = run(ApiKey.DESCRIBE_PRODUCERS, 0, producers("secret", "open", "shown", "secret", "open"))
    assert [topic.name for topic in outcome.asked.topics] == ["open", "open"]
    assert [
        (topic.name, each.partition_index, each.error_code, each.error_message, each.active_producers)
        for topic in outcome.answer.topics
        for each in topic.partitions
    ] == [
        (name, index, error, "Topic authorization failed." if error == TAF else None, ())
        for name, error in (("secret", TAF), ("open", NONE), ("shown", TAF), ("secret", TAF), ("open", NONE))
        for index in (2, 0)
    ]
    assert [(check.name, check.count) for check in outcome.checked] == [("secret", 2), ("shown", 1)]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é", "x" * 250, "open\n"])
def test_a_name_that_no_topic_has_is_found_fault_with_by_the_broker(name: str) -> None:
    """Before anybody asks for rights on it."""
    answer = response_type(ApiKey.DESCRIBE_PRODUCERS, 0)
    topic = item_type(answer, "topics")
    partition = build(item_type(topic, "partitions"), partition_index=2, error_code=INVALID, error_message="broker's")
    served = build(answer, topics=(build(topic, name=name, partitions=(partition,)),))
    outcome = run(ApiKey.DESCRIBE_PRODUCERS, 0, producers("secret", name), served=served)
    assert [asked.name for asked in outcome.asked.topics] == [name]
    assert [topic.name for topic in outcome.answer.topics] == ["secret", name]
    assert outcome.answer.topics[1].partitions == (partition,)
    assert [check.name for check in outcome.checked] == ["secret"]


@pytest.mark.parametrize("name", ["...", "x" * 249, "A-z_0.9"])
def test_a_name_that_a_topic_may_have_needs_the_right(name: str) -> None:
    outcome = run(ApiKey.DESCRIBE_PRODUCERS, 0, producers(name))
    assert outcome.forwarded is None
    assert [check.name for check in outcome.checked] == [name]
