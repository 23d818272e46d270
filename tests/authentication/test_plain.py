"""SASL/PLAIN as a client sees it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.model import Principal
from proxy.authentication.credentials import MIN_ITERATIONS, ScramCredential, ScramMechanism
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Authenticated, Conversation, Failed, Outcome, Verify
from proxy.authentication.users import FileUsers

Answer = Callable[[Conversation, bytes], Outcome]
MakeMechanisms = Callable[[dict[str, str]], Mechanisms]

WRONG = "Authentication failed: Invalid username or password"
INVALID = "Authentication failed during authentication due to invalid credentials with SASL mechanism PLAIN"
FOREIGN = "Authentication failed: Client requested an authorization id that is different from username"


@pytest.mark.parametrize("token", [b"\0alice\0pencil", b"alice\0alice\0pencil"])
def test_the_right_password_authenticates(mechanisms: Mechanisms, answer: Answer, token: bytes) -> None:
    assert answer(mechanisms.start("PLAIN"), token) == Authenticated(Principal("User", "alice"))


@pytest.mark.parametrize("authorization_id", ["bob", "Alice", "alice ", "User:alice", "admin"])
def test_cve_2017_12610_another_authorization_id_is_refused(
    mechanisms: Mechanisms, answer: Answer, authorization_id: str
) -> None:
    """However right the password is; GSSAPI, OAUTHBEARER and SCRAM have such a test each."""
    outcome = answer(mechanisms.start("PLAIN"), f"{authorization_id}\0alice\0pencil".encode())
    assert isinstance(outcome, Failed)
    assert (outcome.message, outcome.username) == (FOREIGN, "alice")


def test_separators_of_scram_mean_nothing_here(mechanisms: Mechanisms, answer: Answer) -> None:
    """Features-and-cases 31: names and passwords with , and = go untouched."""
    assert answer(mechanisms.start("PLAIN"), b"\0a,b=c\0p,=w") == Authenticated(Principal("User", "a,b=c"))
    assert isinstance(answer(mechanisms.start("PLAIN"), b"\0a=2Cb=3Dc\0p,=w"), Failed)


@pytest.mark.parametrize(
    ("token", "message", "username"),
    [
        (b"\0alice\0wrong", WRONG, "alice"),
        (b"\0alice\0pencil ", WRONG, "alice"),
        (b"\0Alice\0pencil", WRONG, "Alice"),
        (b"\0mallory\0pencil", WRONG, "mallory"),
        (b"mallory\0alice\0pencil", FOREIGN, "alice"),
        (b"mallory\0alice\0wrong", WRONG, "alice"),
        (b"alice\0mallory\0pencil", WRONG, "mallory"),
        (b"\0\0pencil", INVALID, None),
        (b"\0alice\0", INVALID, "alice"),
        (b"", INVALID, None),
        (b"alice\0pencil", INVALID, None),
        (b"\0alice\0pencil\0", INVALID, None),
        (b"\0alice\0pencil\0more", INVALID, None),
        (b"\0alice\0pen\xffcil", INVALID, None),
    ],
)
def test_a_refusal_is_told_in_kafkas_words(
    mechanisms: Mechanisms, answer: Answer, token: bytes, message: str, username: str | None
) -> None:
    outcome = answer(mechanisms.start("PLAIN"), token)
    assert isinstance(outcome, Failed)
    assert (outcome.message, outcome.username) == (message, username)
    assert "pencil" not in outcome.detail


def test_long_passwords_work(make_mechanisms: MakeMechanisms, answer: Answer) -> None:
    """Features-and-cases 32."""
    for size in (300, 4_000):
        mechanisms = make_mechanisms({"alice": "x" * size})
        assert isinstance(answer(mechanisms.start("PLAIN"), b"\0alice\0" + b"x" * size), Authenticated)
        assert isinstance(answer(mechanisms.start("PLAIN"), b"\0alice\0" + b"x" * (size - 1)), Failed)


def test_unknown_users_cost_the_same_work_and_get_the_same_answer(mechanisms: Mechanisms) -> None:
    outcomes = {}
    for name in ("alice", "mallory"):
        conversation = mechanisms.start("PLAIN")
        verify = conversation.respond(f"\0{name}\0wrong".encode())
        assert isinstance(verify, Verify)
        outcome = conversation.verified(verify.work())
        assert isinstance(outcome, Failed)
        outcomes[name] = (outcome.message, outcome.detail)
    assert outcomes["alice"] == outcomes["mallory"]


@pytest.mark.parametrize("mechanism", list(ScramMechanism))
def test_a_verifier_of_either_mechanism_will_do(mechanism: ScramMechanism, answer: Answer) -> None:
    credential = ScramCredential.of_password(mechanism, "pencil", b"salt", MIN_ITERATIONS)
    other = next(each for each in ScramMechanism if each is not mechanism)
    bob = ScramCredential.of_password(other, "bobs", b"salt", MIN_ITERATIONS)
    users = FileUsers({"alice": {mechanism.value: credential}, "bob": {other.value: bob}})
    mechanisms = Mechanisms(["PLAIN"], users, lambda: "n", secret=b"s")
    assert isinstance(answer(mechanisms.start("PLAIN"), b"\0alice\0pencil"), Authenticated)
    assert isinstance(answer(mechanisms.start("PLAIN"), b"\0bob\0bobs"), Authenticated)
    assert isinstance(answer(mechanisms.start("PLAIN"), b"\0bob\0pencil"), Failed)


def test_without_any_user_everybody_is_refused(answer: Answer) -> None:
    mechanisms = Mechanisms(["PLAIN"], FileUsers({}), lambda: "n", secret=b"s")
    assert isinstance(answer(mechanisms.start("PLAIN"), b"\0alice\0pencil"), Failed)


def test_the_password_does_not_show_in_a_printed_outcome(mechanisms: Mechanisms) -> None:
    assert "pencil" not in repr(mechanisms.start("PLAIN").respond(b"\0alice\0pencil"))


def test_a_second_token_never_helps(mechanisms: Mechanisms) -> None:
    """Neither while the first one is being checked nor after it failed."""
    conversation = mechanisms.start("PLAIN")
    verify = conversation.respond(b"\0alice\0wrong")
    assert isinstance(verify, Verify)
    assert isinstance(conversation.respond(b"\0alice\0pencil"), Failed)
    assert isinstance(conversation.verified(verify.work()), Failed)
    assert isinstance(conversation.respond(b"\0alice\0pencil"), Failed)


def test_a_result_nobody_waits_for_is_a_bug(mechanisms: Mechanisms) -> None:
    with pytest.raises(RuntimeError, match="no password check is pending"):
        mechanisms.start("PLAIN").verified(True)


without_nul = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(without_nul, without_nul, without_nul)
def test_exactly_the_right_password_authenticates(
    make_mechanisms: MakeMechanisms, answer: Answer, name: str, password: str, other: str
) -> None:
    mechanisms = make_mechanisms({name: password})
    assert isinstance(answer(mechanisms.start("PLAIN"), f"\0{name}\0{password}".encode()), Authenticated)
    outcome = answer(mechanisms.start("PLAIN"), f"\0{name}\0{other}".encode())
    assert isinstance(outcome, Authenticated) == (other == password)


@given(st.binary() | st.lists(st.sampled_from([b"\0", b"alice", b"\xff", "ü".encode()])).map(b"".join))
def test_garbage_fails_and_never_raises(mechanisms: Mechanisms, answer: Answer, token: bytes) -> None:
    assert isinstance(answer(mechanisms.start("PLAIN"), token), Failed)
