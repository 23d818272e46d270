"""A proof that holds for a while only (KIP-368): renewed in time, or the connection ends, as with Kafka."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.session.commands import Timer
from proxy.session.events import Authenticated, AuthenticationFailed
from tests.session.support import Desk, mechanisms
from tests.session.test_serving import produce

LIFETIME_MS = 60_000
PASSWORD = "alice-secret"


def handshake(desk: Desk, mechanism: str = "PLAIN", version: int = 1) -> Any:
    desk.send(ApiKey.SASL_HANDSHAKE, version, mechanism=mechanism)
    return desk.at_client(ApiKey.SASL_HANDSHAKE, version)


def prove(desk: Desk, user: str = "alice", password: str = PASSWORD) -> Any:
    """Send the token, and have the slow work done."""
    desk.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=f"\0{user}\0{password}".encode())
    if desk.work:
        desk.do(desk.session.verified(desk.work.pop()()))
    return desk.at_client(ApiKey.SASL_AUTHENTICATE, 1)


def logged_in(max_reauth_ms: int = LIFETIME_MS) -> Desk:
    desk = Desk(None, sasl=mechanisms("PLAIN", "SCRAM-SHA-256"), max_reauth_ms=max_reauth_ms)
    handshake(desk)
    answer = prove(desk)
    assert answer.error_code == ErrorCode.none
    assert answer.session_lifetime == timedelta(milliseconds=max_reauth_ms)
    return desk


def fire(desk: Desk, name: Timer) -> None:
    assert desk.timers.pop(name) > 0
    desk.do(desk.session.timer_fired(name))


def serves(desk: Desk) -> bool:
    """Whether a request still reaches the broker, and its answer the client."""
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    found = desk.at_broker()
    if found is None:
        return False
    raw = desk.answer(frame)
    return desk.raw_at_client() == raw


def test_a_client_that_proves_itself_again_in_time_goes_on() -> None:
    desk = logged_in()
    for _ in range(3):
        assert desk.timers[Timer.LIFETIME] == LIFETIME_MS / 1000
        assert serves(desk)
        assert handshake(desk).error_code == ErrorCode.none
        assert prove(desk).session_lifetime == timedelta(milliseconds=LIFETIME_MS)
        assert serves(desk)
        fire(desk, Timer.REAUTHENTICATION)
    assert len([event for event in desk.events if isinstance(event, Authenticated)]) == 4
    assert len(desk.opened) == 1


@pytest.mark.parametrize("warm", [False, True])
def test_the_first_request_after_the_end_ends_the_connection(warm: bool) -> None:
    """Also one that asks what was judged before."""
    desk = logged_in()
    if warm:
        assert serves(desk)
    fire(desk, Timer.LIFETIME)
    assert desk.closed is None
    sent = desk.sent_to_broker
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.closed == "session_expired"
    assert desk.sent_to_broker == sent


def test_after_the_end_a_new_proof_is_still_welcome() -> None:
    desk = logged_in()
    fire(desk, Timer.LIFETIME)
    handshake(desk)
    prove(desk)
    assert serves(desk)


def test_nobody_may_become_another() -> None:
    desk = logged_in()
    handshake(desk)
    prove(desk, "bob", "bob-secret")
    fire(desk, Timer.DELAY)
    answer = desk.at_client(ApiKey.SASL_AUTHENTICATE, 1)
    assert answer.error_code == ErrorCode.sasl_authentication_failed
    assert answer.error_message == "Cannot change principals during re-authentication from User.alice: User.bob"
    assert desk.closed == "authentication_failed"


def test_the_mechanism_must_stay() -> None:
    desk = logged_in()
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="SCRAM-SHA-256")
    fire(desk, Timer.DELAY)
    assert desk.closed == "authentication_failed"
    (failure,) = [event for event in desk.events if isinstance(event, AuthenticationFailed)]
    assert "'SCRAM-SHA-256' requested by client is not supported for re-authentication of 'PLAIN'" in failure.detail


def test_a_wrong_password_ends_the_connection() -> None:
    desk = logged_in()
    handshake(desk)
    prove(desk, password="wrong")
    fire(desk, Timer.DELAY)
    assert desk.at_client(ApiKey.SASL_AUTHENTICATE, 1).error_code == ErrorCode.sasl_authentication_failed
    assert desk.closed == "authentication_failed"


def test_a_proof_without_an_end_cannot_be_renewed() -> None:
    desk = logged_in(max_reauth_ms=0)
    assert handshake(desk).error_code == ErrorCode.illegal_sasl_state
    assert serves(desk)


def test_a_second_proof_within_a_second_is_out_of_place() -> None:
    desk = logged_in()
    handshake(desk)
    prove(desk)
    assert handshake(desk).error_code == ErrorCode.illegal_sasl_state
    assert serves(desk)


def test_the_answers_keep_the_order_of_the_requests() -> None:
    desk = logged_in()
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
    assert desk.raw_at_client() is None
    raw = desk.answer(frame)
    assert desk.raw_at_client() == raw
    assert desk.at_client(ApiKey.SASL_HANDSHAKE, 1).error_code == ErrorCode.none


def test_between_handshake_and_proof_there_is_no_other_request() -> None:
    desk = logged_in()
    assert serves(desk)
    sent = desk.sent_to_broker
    handshake(desk)
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    fire(desk, Timer.DELAY)
    assert desk.closed == "authentication_failed"
    assert desk.sent_to_broker == sent


def test_who_is_taken_back_is_gone_and_nobody_else() -> None:
    desks = [logged_in(), logged_in()]
    desks[0].context.stands = lambda identity, _certificate: identity.principal.name != "alice"
    for desk in desks:
        desk.do(desk.session.reconsider())
    assert [desk.closed for desk in desks] == ["identity_revoked", None]
    assert serves(desks[1])


def test_who_is_taken_back_while_it_proves_itself_is_not_served() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    handshake(desk)
    desk.context.stands = lambda _identity, _certificate: False
    assert prove(desk).error_code == ErrorCode.none
    assert desk.closed == "identity_revoked"


def test_a_stranger_is_left_to_its_login() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.context.stands = lambda _identity, _certificate: False
    desk.do(desk.session.reconsider())
    assert desk.closed is None
