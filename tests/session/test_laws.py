"""Laws that hold for every session, wherever its bytes are cut and whatever they are."""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from proxy.enforcement.access import Mode
from proxy.enforcement.table import TABLE
from proxy.session.commands import Timer
from tests.protocol.entities import random_entity
from tests.session.support import Desk, Policy, broker_versions, mechanisms
from tests.session.test_serving import produce

REQUESTS = [(key, version) for key in TABLE for version in known_versions(key)]


def stream(desk: Desk, seed: int, which: list[tuple[ApiKey, int]]) -> bytes:
    """Some requests of a client, in one piece."""
    rng = random.Random(seed)
    return b"".join(
        desk.request(key, version, random_entity(request_type(key, version), rng)) for key, version in which
    )


@given(
    seed=st.integers(0, 2**32),
    which=st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, 400), max_size=20),
)
def test_any_cut_of_the_bytes_gives_the_same(seed: int, which: list[tuple[ApiKey, int]], cuts: list[int]) -> None:
    outcomes = []
    for pieces in ([], cuts):
        desk = Desk()
        sent = stream(desk, seed, which)
        for cut in [*pieces, len(sent)]:
            if sent and desk.closed is None:
                desk.do(desk.session.client_bytes(sent[:cut]))
                sent = sent[cut:]
        outcomes.append((desk.sent_to_broker, desk.sent_to_client, desk.closed, desk.opened))
    assert outcomes[0] == outcomes[1]


@given(data=st.lists(st.binary(max_size=300), max_size=10))
def test_nothing_goes_upstream_before_authentication(data: list[bytes]) -> None:
    """Whatever a stranger sends."""
    desk = Desk(None, sasl=mechanisms("PLAIN", "SCRAM-SHA-256"))
    for chunk in data:
        if desk.closed is None:
            desk.do(desk.session.client_bytes(len(chunk).to_bytes(4, "big") + chunk))
    assert desk.opened == []
    assert desk.sent_to_broker == b""


@given(seed=st.integers(0, 2**32), which=st.lists(st.sampled_from(REQUESTS), max_size=4))
def test_not_even_well_formed_requests_do(seed: int, which: list[tuple[ApiKey, int]]) -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.do(desk.session.client_bytes(stream(desk, seed, which)))
    assert desk.opened == []
    assert desk.sent_to_client == b""


@given(seed=st.integers(0, 2**32), which=st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=8))
def test_who_may_do_nothing_brings_no_name_to_the_broker(seed: int, which: list[tuple[ApiKey, int]]) -> None:
    """Whatever is asked: no name of the request reaches the broker, unless to find out whether a topic exists."""
    desk = Desk("User:nobody")
    rng = random.Random(seed)
    for key, version in which:
        if desk.closed is None:
            entity = _named(random_entity(request_type(key, version), rng))
            if key is ApiKey.PRODUCE and version >= 3:
                # Without a transactional batch it is not looked at, as in Kafka.
                entity = replace(entity, transactional_id=None)
            if key is ApiKey.FETCH and version >= 7:
                # Forgetting a topic needs no right: it reveals and does nothing.
                entity = replace(entity, forgotten_topics_data=())
            desk.send(key, version, entity)
    assert b"guarded-name" not in desk.sent_to_broker


def _named(entity: Any) -> Any:
    """The same with a telling name in every field that names something."""
    changes: dict[str, Any] = {}
    for field in fields(entity):
        value = getattr(entity, field.name)
        if field.name in ("name", "topic", "group_id", "transactional_id", "resource_name") and value is not None:
            changes[field.name] = "guarded-name"
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            changes[field.name] = tuple(map(_named, value))
    return replace(entity, **changes)


@given(order=st.lists(st.sampled_from(["orders", "secret"]), max_size=30), answer_after=st.integers(1, 8))
def test_no_slot_is_left_and_no_answer_out_of_order(order: list[str], answer_after: int) -> None:
    desk = Desk()
    waiting: list[bytes] = []
    for topic in order:
        frame = desk.send(ApiKey.PRODUCE, 9, produce(9, topic))
        if topic == "orders":
            waiting.append(frame)
        if len(waiting) >= answer_after:
            desk.answer(waiting.pop(0))
    for frame in waiting:
        desk.answer(frame)
    assert not desk.session._answers.slots
    correlation_ids = []
    while (raw := desk.raw_at_client()) is not None:
        correlation_ids.append(int.from_bytes(raw[4:8], "big"))
    assert correlation_ids == list(range(1, len(order) + 1))


def test_a_policy_that_is_only_observed_tells_and_lets_through() -> None:
    policy = Policy(mode=Mode.OBSERVE)
    desk = Desk("User:bob", policy=policy)
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.sent_to_broker == frame
    (denied,) = [event for event in desk.events if type(event).__name__ == "Denied"]
    assert denied.observed
    assert denied.resource_name == "orders"


def test_a_policy_change_reaches_an_open_connection_at_its_next_request() -> None:
    policy = Policy()
    desk = Desk(policy=policy)
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.answer(frame)
    desk.raw_at_client()
    policy.change("policies: [{name: none, principals: [User:x], allow: [Read], topics: [x]}]")
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    answer = desk.at_client(ApiKey.PRODUCE, 9)
    assert answer.responses[0].partition_responses[0].error_code == ErrorCode.topic_authorization_failed


def test_a_denial_is_told_once_with_the_policy_that_made_it() -> None:
    text = """
policies:
  - {name: may, principals: [User:alice], allow: [All], topics: ["*"]}
  - {name: not-this, principals: [User:alice], deny: [Write], topics: [orders]}
"""
    desk = Desk(policy=Policy(text))
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders", "orders", "other"))
    (denied,) = [event for event in desk.events if type(event).__name__ == "Denied"]
    assert (denied.operation, denied.resource_name, denied.resource_ref_count) == ("Write", "orders", 2)
    assert denied.decision.binding.source.policy == "not-this"


def test_idle_connections_end_and_busy_ones_stay() -> None:
    desk = Desk()
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    for _ in range(3):
        desk.do(desk.session.timer_fired(Timer.IDLE))
        assert desk.closed is None
    desk.answer(frame)
    desk.do(desk.session.timer_fired(Timer.IDLE))
    assert desk.closed is None
    desk.do(desk.session.timer_fired(Timer.IDLE))
    assert desk.closed == "idle_timeout"


def test_only_a_produce_may_be_very_large() -> None:
    """Millions of tiny items would take a hundred times their bytes."""
    desk = Desk("User:admin")
    desk.send(ApiKey.DELETE_GROUPS, 2, groups_names=("g",) * 9_000_000)
    assert desk.closed == "request_too_large"
    assert desk.sent_to_broker == b""


def test_authentication_has_to_come_in_time() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.do(desk.session.timer_fired(Timer.AUTHENTICATION))
    assert desk.closed == "authentication_timeout"


def test_draining_finishes_what_is_in_flight() -> None:
    desk = Desk()
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.do(desk.session.drain())
    assert desk.closed is None
    raw = desk.answer(frame)
    assert desk.sent_to_client == raw
    assert desk.closed == "drained"


def test_a_broker_that_goes_away_takes_the_connection_along() -> None:
    desk = Desk()
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.do(desk.session.broker_closed("gone"))
    assert desk.closed == "broker_closed"


def test_a_bootstrap_connection_tries_other_brokers() -> None:
    desk = Desk()
    desk.auto_open = False
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    for _ in range(2):
        desk.do(desk.session.broker_closed("refused"))
        assert desk.closed is None
    desk.do(desk.session.broker_closed("refused"))
    assert len(desk.opened) == 3
    assert desk.closed == "broker_unreachable"


def test_an_api_that_the_broker_lacks_is_not_offered_and_gets_unsupported_version() -> None:
    everything = broker_versions()
    without = tuple(entry for entry in everything.api_keys if entry.api_key != ApiKey.LIST_TRANSACTIONS)
    desk = Desk("User:admin", versions=replace(everything, api_keys=without))
    desk.send(ApiKey.API_VERSIONS, 0)
    offered = {entry.api_key for entry in desk.at_client(ApiKey.API_VERSIONS, 0).api_keys}
    assert ApiKey.PRODUCE in offered
    assert not offered & {ApiKey.LEADER_AND_ISR, ApiKey.VOTE, ApiKey.LIST_TRANSACTIONS, 10_000}
    desk.send(ApiKey.LIST_TRANSACTIONS, 0)
    assert desk.at_client(ApiKey.LIST_TRANSACTIONS, 0).error_code == ErrorCode.unsupported_version
    assert desk.sent_to_broker == b""
    desk.send(ApiKey.VOTE, 0)
    assert desk.closed == "unsupported_api"
    assert desk.sent_to_broker == b""


@pytest.mark.parametrize("acks", [0, -1])
def test_a_version_that_the_broker_does_not_have_is_answered_only_if_an_answer_is_awaited(acks: int) -> None:
    answer_type = response_type(ApiKey.API_VERSIONS, 4)
    entry = build(item_type(answer_type, "api_keys"), api_key=ApiKey.PRODUCE, min_version=3, max_version=12)
    desk = Desk("User:admin", versions=build(answer_type, api_keys=(entry,)))
    desk.send(ApiKey.PRODUCE, 2, replace(produce(2, "orders"), acks=acks))
    assert desk.sent_to_broker == b""
    if acks:
        (told,) = desk.at_client(ApiKey.PRODUCE, 2).responses
        assert told.partition_responses[0].error_code == ErrorCode.unsupported_version
    else:
        assert (desk.closed, desk.sent_to_client) == ("unsupported_api", b"")


def test_an_unknown_api_ends_the_connection() -> None:
    desk = Desk("User:admin")
    desk.do(desk.session.client_bytes(b"\0\0\0\x0a\x27\x10\0\0\0\0\0\x01\xff\xff"))
    assert desk.closed == "unsupported_api"
    assert desk.sent_to_broker == b""


def test_an_unknown_version_of_api_versions_is_answered_in_version_0() -> None:
    """Case 1."""
    desk = Desk()
    desk.do(desk.session.client_bytes(b"\0\0\0\x0a\0\x12\0\x63\0\0\0\x01\xff\xff"))
    answer = desk.at_client(ApiKey.API_VERSIONS, 0)
    assert answer.error_code == ErrorCode.unsupported_version
    assert [(key.api_key, key.min_version, key.max_version) for key in answer.api_keys] == [(18, 0, 4)]
    assert desk.closed is None


def test_raw_tokens_after_handshake_version_0() -> None:
    """Case 33: what follows is a token, whatever it looks like."""
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.send(ApiKey.SASL_HANDSHAKE, 0, mechanism="PLAIN")
    assert desk.at_client(ApiKey.SASL_HANDSHAKE, 0).error_code == ErrorCode.none
    token = b"\0alice\0alice-secret"
    desk.do(desk.session.client_bytes(len(token).to_bytes(4, "big") + token))
    desk.do(desk.session.verified(desk.work[0]()))
    assert desk.raw_at_client() == b"\0\0\0\0"
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.opened


def test_a_mechanism_that_is_not_enabled_is_told_which_are() -> None:
    desk = Desk(None, sasl=mechanisms("SCRAM-SHA-256"))
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
    answer = desk.at_client(ApiKey.SASL_HANDSHAKE, 1)
    assert answer.error_code == ErrorCode.unsupported_sasl_mechanism
    assert answer.mechanisms == ("SCRAM-SHA-256",)


def test_sasl_after_authentication_is_an_illegal_state() -> None:
    desk = Desk()
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
    assert desk.at_client(ApiKey.SASL_HANDSHAKE, 1).error_code == ErrorCode.illegal_sasl_state
