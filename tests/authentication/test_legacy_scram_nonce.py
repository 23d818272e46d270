"""librdkafka before 2.6.1 sends a wrong nonce (confluentinc/librdkafka#4895): refused with the remedy, or let in."""

import pytest

from policies.model import Principal
from proxy.authentication.credentials import MIN_ITERATIONS, ScramCredential, ScramMechanism
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Authenticated, Challenge, Failed
from proxy.authentication.users import FileUsers
from tests.authentication.test_scram import INVALID, SHA_256, begin, prove

FIRST = "n,,n=alice,r=abc"
LEGACY = "abcabcservernonce"

# What librdkafka 2.6.0 sent to a server whose own nonce was "servernonce".
RECORDED_FIRST = b"n,,n=alice,r=d88[W-BhtN29<ip}C{K-hq.^1G/4xTTC"
RECORDED_FINAL = (
    b"c=biws,r=d88[W-BhtN29<ip}C{K-hq.^1G/4xTTCd88[W-BhtN29<ip}C{K-hq.^1G/4xTTCservernonce,"
    b"p=IiAplEM8a3+yUIS8mGJukssJ3FxH0RVRk41E17ZCmG0="
)
RECORDED_PASSWORD = "alice-secret"


def offer(*, accepted: bool, password: str = "pencil", server_nonce: str = "servernonce") -> Mechanisms:
    credential = ScramCredential.of_password(ScramMechanism.SHA_256, password, b"saltsaltsalt", MIN_ITERATIONS)
    users = FileUsers({"alice": {SHA_256: credential}})
    return Mechanisms([SHA_256], users, lambda: server_nonce, secret=b"s", legacy_scram_nonce=accepted)


def test_what_librdkafka_2_6_0_sends_is_refused_with_cause_and_remedy() -> None:
    conversation = offer(accepted=False, password=RECORDED_PASSWORD).start(SHA_256)
    assert isinstance(conversation.respond(RECORDED_FIRST), Challenge)
    outcome = conversation.respond(RECORDED_FINAL)
    assert isinstance(outcome, Failed)
    assert (outcome.message, outcome.username) == (INVALID, "alice")
    assert "librdkafka before 2.6.1" in outcome.detail
    assert "update it, or set sasl.accept_legacy_scram_nonce" in outcome.detail


def test_on_demand_it_is_let_in_and_told_apart() -> None:
    conversation = offer(accepted=True, password=RECORDED_PASSWORD).start(SHA_256)
    assert isinstance(conversation.respond(RECORDED_FIRST), Challenge)
    outcome = conversation.respond(RECORDED_FINAL)
    assert isinstance(outcome, Authenticated)
    assert (outcome.principal, outcome.legacy_scram_nonce) == (Principal("User", "alice"), True)


@pytest.mark.parametrize("accepted", [True, False])
def test_who_sends_the_right_nonce_is_let_in_and_not_told_apart(accepted: bool) -> None:
    conversation, challenge = begin(offer(accepted=accepted), FIRST)
    outcome = conversation.respond(prove(FIRST, challenge, "pencil"))
    assert isinstance(outcome, Authenticated)
    assert not outcome.legacy_scram_nonce


@pytest.mark.parametrize(
    "nonce",
    [
        "foo",
        "servernonce",
        "abc",
        "abcabc",
        "xyzabcservernonce",
        "ABCabcservernonce",
        "bcabcservernonce",
        "abcabcabcservernonce",
        "abcservernonceabc",
        "abcservernonceservernonce",
        "abcabcservernonc",
        "abcabcservernonceX",
        "abcabcSERVERNONCE",
    ],
)
@pytest.mark.parametrize("accepted", [True, False])
def test_every_other_nonce_is_refused_however_well_signed(accepted: bool, nonce: str) -> None:
    """Also what ends as it should, which is enough for Kafka 3.8 and 3.9 (CVE-2024-56128)."""
    conversation, challenge = begin(offer(accepted=accepted), FIRST)
    outcome = conversation.respond(_signed(challenge, nonce))
    assert isinstance(outcome, Failed)
    assert outcome.detail == "the nonce (r=) is not the one of this exchange"


@pytest.mark.parametrize(
    ("password", "binding", "detail"),
    [("wrong", None, "unknown user or wrong password"), ("pencil", "eSws", "the channel binding (c=)")],
)
def test_it_forgives_nothing_else(password: str, binding: str | None, detail: str) -> None:
    conversation, challenge = begin(offer(accepted=True), FIRST)
    outcome = conversation.respond(_signed(challenge, LEGACY, password, binding))
    assert isinstance(outcome, Failed)
    assert detail in outcome.detail


def test_it_cannot_be_replayed() -> None:
    conversation, challenge = begin(offer(accepted=True), FIRST)
    final = _signed(challenge, LEGACY)
    assert isinstance(conversation.respond(final), Authenticated)
    again, _ = begin(offer(accepted=True, server_nonce="another"), FIRST)
    assert isinstance(again.respond(final), Failed)


def _signed(challenge: bytes, nonce: str, password: str = "pencil", binding: str | None = None) -> bytes:
    """The last message with another nonce, signed as it is sent: over the challenge as it came."""
    return prove(FIRST, challenge, password, binding=binding, nonce=nonce)
