"""The traps of producing and of transactions, by the number that the authorization notes give them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions
from protocol.codec import build, has_field, item_type
from tests.enforcement.support import (
    CAF,
    GAF,
    NONE,
    POLICY,
    TAF,
    UTI,
    XAF,
    answered,
    naming,
    run,
    topic_id,
)

# Producing


def batch(*, transactional: bool = False) -> bytes:
    """A record batch as far as its attributes."""
    records = bytearray(61)
    records[8:12] = (49).to_bytes(4, "big")
    records[16] = 2
    records[22] = 0x10 if transactional else 0
    return bytes(records)


def produce(version: int, *names: str, records: bytes = b"", acks: int = -1, **values: Any) -> Any:
    request = naming(ApiKey.PRODUCE, version, *names, acks=acks, **values)
    partition = item_type(item_type(type(request), "topic_data"), "partition_data")
    return replace(
        request,
        topic_data=tuple(
            replace(topic, partition_data=(build(partition, index=0, records=records or batch()),))
            for topic in request.topic_data
        ),
    )


VERSIONS_OF_PRODUCE = known_versions(ApiKey.PRODUCE)


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_trap_14_without_acknowledgement_the_allowed_part_is_stored_and_the_connection_closed(version: int) -> None:
    outcome = run(ApiKey.PRODUCE, version, produce(version, "open", "secret", acks=0))
    assert len(outcome.asked.topic_data) == 1
    assert b"secret" not in (outcome.forwarded or b"")
    assert (outcome.closed, outcome.answer) == (True, None)


@pytest.mark.parametrize("names", [("secret",), ("open",), ("open", "secret")])
@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_a_first_batch_that_cannot_be_read_fails_the_whole_request_before_any_right(
    version: int, names: tuple[str, ...]
) -> None:
    """Kafka looks there for the transactional flag; an allowed topic beside it is not stored either."""
    for unreadable in (batch()[:16] + b"\x61" + batch()[17:], batch()[:8] + (13).to_bytes(4, "big") + batch()[12:]):
        outcome = run(ApiKey.PRODUCE, version, produce(version, *names, records=unreadable))
        if outcome.forwarded is not None:
            assert names == ("open",), "what is allowed whole is left to the broker to look at"
            continue
        found = {each.error_code for topic in outcome.answer.responses for each in topic.partition_responses}
        assert found == {ErrorCode.corrupt_message}


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_trap_14_without_acknowledgement_nothing_allowed_closes(version: int) -> None:
    for request in (
        produce(version, "secret", acks=0),
        produce(version, "open", acks=0, records=batch(transactional=True), transactional_id="other"),
    ):
        outcome = run(ApiKey.PRODUCE, version, request)
        assert (outcome.forwarded, outcome.closed, outcome.answer) == (None, True, None)


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_trap_14_without_acknowledgement_what_is_allowed_is_never_answered(version: int) -> None:
    outcome = run(ApiKey.PRODUCE, version, produce(version, "open", "open.a", acks=0))
    assert outcome.forwarded == outcome.frame
    assert (outcome.closed, outcome.answer) == (False, None)


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_trap_15_a_transactional_id_without_transactional_batches_is_not_checked(version: int) -> None:
    outcome = run(ApiKey.PRODUCE, version, produce(version, "open", transactional_id="other"))
    assert outcome.forwarded == outcome.frame
    assert outcome.checked == []


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
@pytest.mark.parametrize("transactional_id", [None, "other", ""])
def test_trap_16_and_17_a_transactional_denial_is_told_alone(version: int, transactional_id: str | None) -> None:
    request = produce(version, "open", "secret", records=batch(transactional=True), transactional_id=transactional_id)
    outcome = run(ApiKey.PRODUCE, version, request)
    assert outcome.forwarded is None
    assert [error for _, error in answered(ApiKey.PRODUCE, outcome.answer)] == [XAF, XAF]
    assert "secret" not in [check.name for check in outcome.checked]


@pytest.mark.parametrize("version", range(3))
def test_before_there_were_transactional_ids_no_right_allows_a_transactional_batch(version: int) -> None:
    outcome = run(ApiKey.PRODUCE, version, produce(version, "open", records=batch(transactional=True)))
    assert outcome.forwarded is None
    assert [error for _, error in answered(ApiKey.PRODUCE, outcome.answer)] == [XAF]


@pytest.mark.parametrize("version", range(3, VERSIONS_OF_PRODUCE.stop))
def test_trap_17_within_an_allowed_transaction_topics_are_denied_one_by_one(version: int) -> None:
    request = produce(version, "open", "secret", records=batch(transactional=True), transactional_id="open")
    outcome = run(ApiKey.PRODUCE, version, request)
    assert [error for _, error in answered(ApiKey.PRODUCE, outcome.answer)] == [NONE, TAF]


def test_trap_20_an_unknown_id_is_unknown_beside_what_is_denied_and_stored() -> None:
    outcome = run(ApiKey.PRODUCE, 13, produce(13, "ghost", "open", "secret"))
    assert [topic.topic_id for topic in outcome.asked.topic_data] == [topic_id("open")]
    assert dict(answered(ApiKey.PRODUCE, outcome.answer)) == {
        topic_id("ghost"): UTI,
        topic_id("open"): NONE,
        topic_id("secret"): TAF,
    }


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_trap_21_a_topic_that_stands_twice_goes_on_as_it_came(version: int) -> None:
    outcome = run(ApiKey.PRODUCE, version, produce(version, "open", "open"))
    assert outcome.forwarded == outcome.frame
    assert outcome.checked == []


@pytest.mark.parametrize("version", VERSIONS_OF_PRODUCE)
def test_trap_23_a_denied_partition_has_the_fields_of_its_version(version: int) -> None:
    (topic,) = run(ApiKey.PRODUCE, version, produce(version, "secret")).answer.responses
    (partition,) = topic.partition_responses
    assert (partition.error_code, partition.base_offset) == (TAF, -1)
    assert has_field(type(partition), "log_start_offset") == (version >= 5)
    assert getattr(partition, "log_start_offset", -1) == -1
    assert getattr(partition, "record_errors", ()) == ()
    assert getattr(partition, "error_message", None) is None


# Transactions


TWO_FOR_TRANSACTIONS = POLICY + "  - {name: tx, principals: [User:tom], allow: [All], transactional_ids: [open]}\n"


@pytest.mark.parametrize("version", known_versions(ApiKey.TXN_OFFSET_COMMIT))
@pytest.mark.parametrize(("principal", "error"), [("User:nobody", XAF), ("User:tom", GAF)])
def test_trap_24_transaction_then_group_then_topics(version: int, principal: str, error: ErrorCode) -> None:
    key = ApiKey.TXN_OFFSET_COMMIT
    outcome = run(key, version, naming(key, version, "open", "x"), principal=principal, policy=TWO_FOR_TRANSACTIONS)
    assert outcome.forwarded is None
    assert [found for _, found in answered(key, outcome.answer)] == [error, error]


@pytest.mark.parametrize("version", range(4))
def test_trap_17_a_denied_transaction_hides_what_is_said_of_topics(version: int) -> None:
    key = ApiKey.ADD_PARTITIONS_TO_TXN
    outcome = run(key, version, naming(key, version, "open", "secret"), principal="User:nobody")
    assert answered(key, outcome.answer) == [("open", XAF), ("secret", XAF)]
    assert [check.name for check in outcome.checked] == ["open"]


@pytest.mark.parametrize("version", known_versions(ApiKey.ADD_OFFSETS_TO_TXN))
def test_the_group_of_a_transaction_is_checked_behind_it(version: int) -> None:
    key = ApiKey.ADD_OFFSETS_TO_TXN
    outcome = run(key, version, naming(key, version), principal="User:tom", policy=TWO_FOR_TRANSACTIONS)
    assert (outcome.forwarded, outcome.answer.error_code) == (None, GAF)


def test_trap_22_a_denied_prefix_voids_the_only_topic_that_may_be_written() -> None:
    policy = """
    policies:
      - {name: one, principals: [User:p], allow: [Write], topics: [open]}
      - {name: none, principals: [User:p], deny: [Write], topics: [o*]}
    """
    for version in known_versions(ApiKey.INIT_PRODUCER_ID):
        request = naming(ApiKey.INIT_PRODUCER_ID, version, transactional_id=None)
        outcome = run(ApiKey.INIT_PRODUCER_ID, version, request, principal="User:p", policy=policy)
        assert (outcome.forwarded, outcome.answer.error_code) == (None, CAF)


@pytest.mark.parametrize(("allowed", "error"), [("Write", XAF), ("Write, TwoPhaseCommit", NONE)])
def test_two_phase_commit_needs_its_own_right(allowed: str, error: ErrorCode) -> None:
    policy = f"policies: [{{name: t, principals: [User:t], allow: [{allowed}], transactional_ids: [open]}}]"
    request = naming(ApiKey.INIT_PRODUCER_ID, 6, enable2_pc=True)
    assert request.enable2_pc
    outcome = run(ApiKey.INIT_PRODUCER_ID, 6, request, principal="User:t", policy=policy)
    assert outcome.answer.error_code == error
