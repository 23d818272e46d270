"""SCRAM as a client: the RFC's own example, and brokers that are none."""

import base64

import pytest

from proxy.authentication.credentials import ScramMechanism
from proxy.upstream import scram
from proxy.upstream.mechanisms import MechanismFailed
from proxy.upstream.scram import ScramClient, ScramSecret

CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def client(username: str = "user") -> ScramClient:
    return ScramClient(ScramSecret(ScramMechanism.SHA_256, username, "pencil"), lambda: CLIENT_NONCE)


def test_the_example_of_rfc_7677():
    exchange = client()
    assert exchange.first() == FIRST
    assert exchange.respond(CHALLENGE) == FINAL
    assert exchange.respond(SIGNATURE) is None


def test_separators_in_a_name_are_escaped():
    assert client("a=b,c").first() == b"n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO"


def test_a_broker_that_does_not_know_the_password_is_found_out():
    exchange = client()
    exchange.respond(CHALLENGE)
    with pytest.raises(MechanismFailed, match="it is no broker"):
        exchange.respond(b"v=" + base64.b64encode(bytes(32)))


def changed(before: bytes, after: bytes) -> bytes:
    assert before in CHALLENGE
    return CHALLENGE.replace(before, after)


@pytest.mark.parametrize(
    ("challenge", "why"),
    [
        (changed(b"r=rO", b"r=XX"), "does not continue ours"),
        (changed(b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b""), "does not continue ours"),
        (changed(b"i=4096", b"i=4095"), "found 4095"),
        (changed(b"i=4096", b"i=1000001"), "found 1000001"),
        (changed(b"i=4096", b"i=99999999999"), "malformed"),
        (changed(b"i=4096", b"i=-1"), "malformed"),
        (changed(b"W22ZaJ0SNY7soEsUEjb6gQ==", b""), "salt is empty"),
        (changed(b"W22ZaJ0SNY7soEsUEjb6gQ==", b"W22"), "malformed"),
        (b"", "malformed"),
        (b"\xff", "not UTF-8"),
        (b"m=must," + CHALLENGE, "malformed"),
        (CHALLENGE + b"," * 5000, "no SCRAM exchange"),
        (SIGNATURE, "malformed"),
    ],
)
def test_a_challenge_that_is_none_is_refused(challenge, why):
    with pytest.raises(MechanismFailed, match=why):
        client().respond(challenge)


@pytest.mark.parametrize(
    ("last", "why"), [(b"e=invalid-proof", "invalid-proof"), (b"", "malformed"), (b"v=AAA", "malformed")]
)
def test_a_last_message_that_proves_nothing_is_refused(last, why):
    exchange = client()
    exchange.respond(CHALLENGE)
    with pytest.raises(MechanismFailed, match=why):
        exchange.respond(last)


def test_nothing_follows_the_end():
    exchange = client()
    exchange.respond(CHALLENGE)
    exchange.respond(SIGNATURE)
    with pytest.raises(MechanismFailed):
        exchange.respond(SIGNATURE)


def test_what_is_slow_is_computed_once_and_only_some_of_it_is_kept(monkeypatch):
    computed = []
    monkeypatch.setattr(ScramMechanism, "salted_password", lambda *values: computed.append(values[2]) or values[2])
    secret = ScramSecret(ScramMechanism.SHA_256, "user", "pencil")
    for _ in range(3):
        secret.salted(b"salt", 4096)
    assert computed == [b"salt"]
    for number in range(scram._MAX_REMEMBERED + 1):
        secret.salted(bytes([number]), 4096)
    secret.salted(b"salt", 4096)
    assert computed.count(b"salt") == 2
