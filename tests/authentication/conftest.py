"""Users whose verifiers are cheap to make, and a way to drive a conversation."""

from collections.abc import Callable, Mapping

import pytest

from proxy.authentication.credentials import MIN_ITERATIONS, ScramCredential, ScramMechanism
from proxy.authentication.mechanisms import NEEDING_USERS, Mechanisms
from proxy.authentication.outcome import Conversation, Outcome, Verify
from proxy.authentication.users import FileUsers

SECRET = b"a secret of this process" + bytes(8)
SERVER_NONCE = "servernonce"

MakeUsers = Callable[[Mapping[str, str]], FileUsers]
MakeMechanisms = Callable[[Mapping[str, str]], Mechanisms]


def _users(passwords: Mapping[str, str]) -> FileUsers:
    return FileUsers(
        {
            username: {
                mechanism.value: ScramCredential.of_password(mechanism, password, b"salt", MIN_ITERATIONS)
                for mechanism in ScramMechanism
            }
            for username, password in passwords.items()
        }
    )


def _mechanisms(passwords: Mapping[str, str]) -> Mechanisms:
    return Mechanisms(NEEDING_USERS, _users(passwords), lambda: SERVER_NONCE, secret=SECRET)


def _answer(conversation: Conversation, token: bytes) -> Outcome:
    outcome = conversation.respond(token)
    return conversation.verified(outcome.work()) if isinstance(outcome, Verify) else outcome


@pytest.fixture(scope="session")
def make_users() -> MakeUsers:
    """Users of these names and passwords, with a verifier for every mechanism."""
    return _users


@pytest.fixture(scope="session")
def make_mechanisms() -> MakeMechanisms:
    """Every mechanism, for users of these names and passwords; the server's nonce is always `servernonce`."""
    return _mechanisms


@pytest.fixture(scope="session")
def answer() -> Callable[[Conversation, bytes], Outcome]:
    """Give a token to a conversation, and the result of the slow work if it asks for some."""
    return _answer


@pytest.fixture(scope="session")
def mechanisms() -> Mechanisms:
    """Every mechanism, for alice and for a user with an odd name."""
    return _mechanisms({"alice": "pencil", "a,b=c": "p,=w"})
