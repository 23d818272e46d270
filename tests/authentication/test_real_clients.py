"""The SCRAM code of real Kafka clients against our side of it."""

import warnings
from collections.abc import Callable

import pytest
from aiokafka.conn import ScramAuthenticator

from policies.model import Principal
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.outcome import Authenticated, Challenge, Failed, Outcome

with warnings.catch_warnings():
    # kafka-python reads its schemas by a function that newer Pythons call deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.net.sasl.scram import ScramClient

LogIn = Callable[[Mechanisms, str, str, str], Outcome]
SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-512"]


def kafka_python(mechanisms: Mechanisms, name: str, user: str, password: str) -> Outcome:
    """Log in as kafka-python does; it checks our signature itself and raises if it is wrong."""
    client = ScramClient(user, password, name)
    conversation = mechanisms.start(name)
    challenge = conversation.respond(client.first_message())
    if not isinstance(challenge, Challenge):
        return challenge
    client.process_server_first_message(challenge.data)
    outcome = conversation.respond(client.final_message())
    if isinstance(outcome, Authenticated):
        client.process_server_final_message(outcome.data)
    return outcome


def aiokafka(mechanisms: Mechanisms, name: str, user: str, password: str) -> Outcome:
    """Log in as aiokafka does, likewise."""
    client = ScramAuthenticator(loop=None, sasl_plain_username=user, sasl_plain_password=password, sasl_mechanism=name)
    conversation = mechanisms.start(name)
    challenge = conversation.respond(client.first_message().encode())
    if not isinstance(challenge, Challenge):
        return challenge
    client.process_server_first_message(challenge.data.decode())
    outcome = conversation.respond(client.final_message().encode())
    if isinstance(outcome, Authenticated):
        client.process_server_final_message(outcome.data.decode())
    return outcome


@pytest.mark.parametrize("log_in", [kafka_python, aiokafka])
@pytest.mark.parametrize("name", SCRAM)
def test_a_client_logs_in_with_the_right_password_only(mechanisms: Mechanisms, log_in: LogIn, name: str) -> None:
    outcome = log_in(mechanisms, name, "alice", "pencil")
    assert isinstance(outcome, Authenticated)
    assert outcome.principal == Principal("User", "alice")
    assert isinstance(log_in(mechanisms, name, "alice", "pencils"), Failed)
    assert isinstance(log_in(mechanisms, name, "mallory", "pencil"), Failed)


@pytest.mark.parametrize("name", SCRAM)
def test_an_odd_name_works_escaped_and_is_refused_raw(mechanisms: Mechanisms, name: str) -> None:
    """Features-and-cases 31: aiokafka escapes a name, kafka-python sends it raw."""
    outcome = aiokafka(mechanisms, name, "a,b=c", "p,=w")
    assert isinstance(outcome, Authenticated)
    assert outcome.principal == Principal("User", "a,b=c")
    assert isinstance(kafka_python(mechanisms, name, "a,b=c", "p,=w"), Failed)
