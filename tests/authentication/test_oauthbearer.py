"""SASL/OAUTHBEARER as a client sees it."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.model import Principal
from proxy.authentication.jwks import KeySet
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import (
    Authenticated,
    Challenge,
    Conversation,
    Failed,
    Identity,
    Verify,
    WaitsFor,
)
from proxy.authentication.tokens import TokenChecker, TokenRules
from proxy.authentication.users import FileUsers
from tests.authentication.conversations import answer
from tests.authentication.issuer import AUDIENCE, NAME, Issuer

INVALID = "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"
INVALID_TOKEN = b'{"status":"invalid_token"}'


class Source:
    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.keys: KeySet | None = KeySet.parse(issuer.jwks())
        self.asked = 0

    def renewed(self, _seen: KeySet | None) -> KeySet | None:
        self.asked += 1
        self.keys = KeySet.parse(self.issuer.jwks())
        return self.keys


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def offer(source: Source, **rules: Any) -> Mechanisms:
    checker = TokenChecker(TokenRules(NAME, (AUDIENCE,), **rules), source, time.time)
    return Mechanisms(["OAUTHBEARER"], FileUsers({}), lambda: "nonce", secret=b"s", tokens=checker)


@pytest.fixture
def start(issuer: Issuer) -> Callable[[], Conversation]:
    mechanisms = offer(Source(issuer))
    return lambda: mechanisms.start("OAUTHBEARER")


def message(token: str, authorization_id: str = "", more: str = "") -> bytes:
    return f"n,{authorization_id},\x01auth=Bearer {token}\x01{more}\x01".encode()


@pytest.mark.parametrize("more", ["", "host=kafka\x01port=9092\x01", "traceId=1 2\x01"])
def test_a_good_token_authenticates_for_as_long_as_it_is_good(issuer: Issuer, start: Any, more: str) -> None:
    outcome = answer(start(), message(issuer.token(), more=more))
    assert isinstance(outcome, Authenticated)
    assert (outcome.principal, outcome.data) == (Principal("User", "alice"), b"")
    assert 325_000 < outcome.session_lifetime_ms <= 330_000


def test_the_scheme_is_taken_in_any_case(issuer: Issuer, start: Any) -> None:
    assert isinstance(answer(start(), f"n,,\x01auth=bEARER  {issuer.token()}\x01\x01".encode()), Authenticated)


def test_a_refused_token_is_told_as_kip_255_has_it(issuer: Issuer, start: Any) -> None:
    """First a status, then, when the client has seen it, the failure."""
    conversation = start()
    assert answer(conversation, message(issuer.token(exp=1))) == Challenge(INVALID_TOKEN)
    outcome = conversation.respond(b"\x01")
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID_TOKEN.decode()
    assert "expired" in outcome.detail
    assert outcome.username == "alice"


def test_a_missing_scope_is_told_by_name(issuer: Issuer) -> None:
    conversation = offer(Source(issuer), required_scope=("kafka",)).start("OAUTHBEARER")
    outcome = answer(conversation, message(issuer.token()))
    assert outcome == Challenge(b'{"status":"insufficient_scope","scope":"kafka"}')


def test_after_a_refusal_no_other_token_helps(issuer: Issuer, start: Any) -> None:
    conversation = start()
    answer(conversation, message("x.y.z"))
    assert isinstance(conversation.respond(message(issuer.token())), Failed)
    assert isinstance(conversation.respond(message(issuer.token())), Failed)


def test_cve_2017_12610_another_authorization_id_is_refused(issuer: Issuer, start: Any) -> None:
    outcome = answer(start(), message(issuer.token(), "a=admin"))
    assert isinstance(outcome, Failed)
    assert "authorization id (admin) that is different from the token's principal name (alice)" in outcome.message
    assert isinstance(answer(start(), message(issuer.token(), "a=alice")), Authenticated)
    odd = answer(start(), message(issuer.token(sub="a,b=c"), "a=a=2Cb=3Dc"))
    assert isinstance(odd, Authenticated)


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"\x01",
        b"n,,\x01\x01",
        b"n,,\x01auth=Bearer\x01\x01",
        b"n,,\x01auth=Basic abc\x01\x01",
        b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
        b"n,,\x01auth=Bearer a b\x01\x01",
        b"n,,\x01auth=Bearer a\x01",
        b"n,,\x01host=\x01auth=Bearer a\x01\x01",
        b"n,,\x01auth=Bearer a\x01\x01 ",
        b"p=tls-unique,,\x01auth=Bearer a\x01\x01",
        b"n,a=b=c,\x01auth=Bearer a\x01\x01",
        b"n,,\x01auth=Bearer \xff\x01\x01",
    ],
)
def test_a_malformed_message_is_refused(start: Any, token: bytes) -> None:
    outcome = answer(start(), token)
    assert isinstance(outcome, Failed)
    assert outcome.message == INVALID


def test_an_unknown_key_is_asked_for_once_and_where_it_may_wait(issuer: Issuer) -> None:
    source = Source(issuer)
    conversation = offer(source).start("OAUTHBEARER")
    issuer.rotate("two")
    first = conversation.respond(message(issuer.token()))
    assert isinstance(first, Verify)
    assert first.waits_for is WaitsFor.NOTHING
    second = conversation.verified(first.work())
    assert isinstance(second, Verify)
    assert second.waits_for is WaitsFor.ISSUER
    assert isinstance(conversation.verified(second.work()), Authenticated)
    assert answer(offer(source).start("OAUTHBEARER"), message(issuer.token({"kid": "none"}))) == Challenge(
        INVALID_TOKEN
    )
    assert source.asked == 2


def test_nothing_of_the_token_shows_in_what_is_logged(issuer: Issuer, start: Any) -> None:
    token = issuer.token(iss="https://other.example.com")
    conversation = start()
    verify = conversation.respond(message(token))
    assert token not in repr(verify)
    conversation.verified(verify.work())
    outcome = conversation.respond(b"\x01")
    assert all(part not in outcome.detail for part in token.split("."))


def test_a_second_token_while_the_first_is_checked_does_not_help(issuer: Issuer, start: Any) -> None:
    conversation = start()
    verify = conversation.respond(message(issuer.token(exp=1)))
    assert isinstance(conversation.respond(message(issuer.token())), Failed)
    assert conversation.verified(verify.work()) == Challenge(INVALID_TOKEN)


def test_a_result_nobody_waits_for_is_a_bug(start: Any) -> None:
    with pytest.raises(RuntimeError, match="no check of a token is pending"):
        start().verified(None)


def test_a_session_lasts_until_its_token_ends_not_until_a_user_is_removed(issuer: Issuer) -> None:
    assert offer(Source(issuer)).knows(Identity(Principal("User", "alice"), "OAUTHBEARER"))
    assert not offer(Source(issuer)).knows(Identity(Principal("User", "alice"), "PLAIN"))


@given(
    st.binary()
    | st.lists(st.sampled_from([b"n,,", b"\x01", b"auth=", b"Bearer ", b"a=", b"x.y.z", b"\xff"])).map(b"".join)
)
def test_garbage_fails_and_never_raises(token: bytes) -> None:
    assert isinstance(answer(offer(Source(Issuer())).start("OAUTHBEARER"), token), Failed | Challenge)
