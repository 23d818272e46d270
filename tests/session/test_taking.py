"""Which request is taken next, and what ends a connection, where more than one thing happens at once."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from protocol.apis import ApiKey
from proxy.session.events import AuthenticationFailed
from proxy.session.session import Session
from tests.session.support import Caller, Desk, mechanisms
from tests.session.test_fetching import fetch
from tests.session.test_serving import RECORDS, produce


@pytest.mark.parametrize("repeats", [False, True], ids=["new", "a repeat"])
def test_nothing_overtakes_a_request_that_waits_for_a_question_of_our_own(repeats: bool) -> None:
    desk = Desk()
    if repeats:
        desk.answer(desk.send(ApiKey.PRODUCE, 9, produce(9, "orders")))
        assert desk.at_broker() is not None
    desk.sent_to_broker = b""
    desk.send(ApiKey.FETCH, 13, fetch(13, uuid4()))
    question = desk.at_broker()
    assert question is not None
    later = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.at_broker() is None
    assert not desk.reading
    desk.answer(question[0])
    assert desk.reading
    assert desk.sent_to_broker == question[0] + later


def test_the_middle_of_a_request_is_not_taken_for_a_repeat() -> None:
    """A read may begin anywhere, also where the records of one request hold the bytes of another."""
    desk = Desk()
    repeat = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    request = produce(9, "orders", "orders")
    first, second = request.topic_data
    (partition,) = second.partition_data
    holding = replace(second, partition_data=(replace(partition, records=RECORDS + repeat),))
    frame = desk.request(ApiKey.PRODUCE, 9, replace(request, topic_data=(first, holding)))
    begin = frame.index(repeat)
    for part in (frame[:begin], repeat, frame[begin + len(repeat) :]):
        desk.do(desk.session.client_bytes(part))
    assert desk.sent_to_broker == repeat + frame


def test_a_last_request_that_cannot_be_read_is_why_the_connection_ends() -> None:
    """Not that the client has gone meanwhile."""
    desk = Desk()
    desk.auto_open = False
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.do(desk.session.client_bytes((-1).to_bytes(4, "big", signed=True)))
    desk.do(desk.session.client_closed())
    assert desk.closed is None
    desk.do(desk.session.broker_opened())
    assert desk.closed == "malformed_request"


def test_a_broker_that_was_called_by_its_address_is_not_replaced_by_another() -> None:
    desk = Desk(caller=Caller(node_id=1))
    desk.auto_open = False
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.do(desk.session.broker_closed("refused"))
    assert desk.closed == "broker_unreachable"


def test_a_certificate_that_names_nobody_ends_the_connection() -> None:
    def nobody(_certificate: bytes | None) -> object:
        raise ValueError("no rule applies")

    desk = Desk()
    desk.events.clear()
    desk.session = Session(replace(desk.context, principal=nobody), Caller(), b"a certificate")
    desk.do(desk.session.started())
    assert desk.closed == "authentication_failed"
    assert [event.detail for event in desk.events if isinstance(event, AuthenticationFailed)] == ["no rule applies"]


def test_api_versions_may_be_asked_before_the_handshake_and_not_between_tokens() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.send(ApiKey.API_VERSIONS, 0)
    assert desk.at_client(ApiKey.API_VERSIONS, 0).api_keys
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
    desk.at_client(ApiKey.SASL_HANDSHAKE, 1)
    desk.send(ApiKey.API_VERSIONS, 0)
    assert desk.raw_at_client() is None
    (failed,) = [event for event in desk.events if isinstance(event, AuthenticationFailed)]
    assert "API_VERSIONS during SASL authentication" in failed.detail
