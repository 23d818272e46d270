"""Tokens of GSSAPI and OAUTHBEARER in the frames of Kafka, old and new."""

from __future__ import annotations

from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.authentication.gssapi import NO_LAYER, Kerberos
from proxy.authentication.kerberos_names import KerberosNames
from proxy.authentication.mechanisms import Mechanisms
from proxy.authentication.users import FileUsers
from proxy.session import commands
from proxy.session.events import Authenticated, AuthenticationFailed
from tests.authentication.test_legacy_scram_nonce import offer
from tests.authentication.test_scram import SHA_256, prove
from tests.session.support import Desk, mechanisms
from tests.session.test_serving import produce

FIRST = b"\x60first"


class Ticket:
    """A context that one token establishes, and that protects nothing."""

    complete = False
    initiator = "alice@EXAMPLE.COM"

    def step(self, token: bytes) -> bytes:
        self.complete = token == FIRST
        return b"ours"

    def wrap(self, message: bytes) -> bytes:
        return message

    def unwrap(self, message: bytes) -> bytes:
        return message


def desk() -> Desk:
    kerberos = Kerberos(Ticket, KerberosNames.parse("EXAMPLE.COM", []))
    return Desk(None, sasl=Mechanisms(["GSSAPI"], FileUsers({}), lambda: "n", secret=b"s", kerberos=kerberos))


def framed(token: bytes) -> bytes:
    return len(token).to_bytes(4, "big") + token


def say(at: Desk, data: bytes) -> bytes:
    """Send bytes, have all slow work done, and give what came back."""
    before = len(at.sent_to_client)
    at.do(at.session.client_bytes(data))
    while at.work:
        at.do(at.session.verified(at.work.pop()()))
    return at.sent_to_client[before:]


@pytest.mark.parametrize("handshake", [True, False])
def test_raw_tokens_end_with_the_clients_word(handshake: bool) -> None:
    """An answer to the last one would be taken for that of the first request."""
    at = desk()
    if handshake:
        at.send(ApiKey.SASL_HANDSHAKE, 0, mechanism="GSSAPI")
        assert at.at_client(ApiKey.SASL_HANDSHAKE, 0).error_code == ErrorCode.none
    assert say(at, framed(FIRST)) == framed(b"ours")
    assert say(at, framed(b"")) == framed(bytes((NO_LAYER, 0, 0, 0)))
    assert say(at, framed(bytes((NO_LAYER, 0, 0, 0)))) == b""
    assert [event.principal for event in at.events if isinstance(event, Authenticated)] == ["User:alice"]
    at.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert at.opened


def test_newer_clients_are_answered_to_the_end() -> None:
    at = desk()
    at.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="GSSAPI")
    at.at_client(ApiKey.SASL_HANDSHAKE, 1)
    for token, expected in ((FIRST, b"ours"), (b"", b"\x01\0\0\0"), (b"\x01\0\0\0", b"")):
        at.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=token)
        while at.work:
            at.do(at.session.verified(at.work.pop()()))
        answer = at.at_client(ApiKey.SASL_AUTHENTICATE, 1)
        assert (answer.error_code, answer.auth_bytes) == (ErrorCode.none, expected)


def fails(at: Desk) -> Any:
    (event,) = [event for event in at.events if isinstance(event, AuthenticationFailed)]
    return event.detail


def test_a_first_token_means_nothing_where_kerberos_is_not_spoken() -> None:
    at = Desk(None, sasl=mechanisms("PLAIN"))
    assert say(at, framed(FIRST + bytes(20))) == b""
    assert not at.work
    assert "during SASL handshake" in fails(at)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_wrong_scram_nonce_that_was_let_in_is_told(legacy: bool) -> None:
    at = Desk(None, sasl=offer(accepted=True))
    at.send(ApiKey.SASL_HANDSHAKE, 1, mechanism=SHA_256)
    at.at_client(ApiKey.SASL_HANDSHAKE, 1)
    first = "n,,n=alice,r=abc"
    at.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=first.encode())
    challenge = at.at_client(ApiKey.SASL_AUTHENTICATE, 1).auth_bytes
    final = prove(first, challenge, "pencil", nonce="abcabcservernonce" if legacy else None)
    at.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=final)
    (event,) = [event for event in at.events if isinstance(event, Authenticated)]
    assert event.legacy_scram_nonce == legacy


def test_a_raw_token_that_fails_is_not_answered() -> None:
    at = desk()
    say(at, framed(FIRST))
    say(at, framed(b"out of turn"))
    assert fails(at) == "a token where none was due"
    at.do(at.session.timer_fired(commands.Timer.DELAY))
    assert at.sent_to_client == framed(b"ours")
    assert at.closed is not None
