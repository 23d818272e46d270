"""What somebody who is not known may make us hold: little, and by mechanism."""

from __future__ import annotations

from typing import Any, cast

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.authentication.gssapi import Kerberos
from proxy.authentication.kerberos_names import KerberosNames
from proxy.authentication.mechanisms import SUPPORTED_MECHANISMS, Mechanisms
from proxy.authentication.tokens import TokenChecker
from proxy.authentication.users import FileUsers
from proxy.session.commands import Timer
from proxy.session.context import SessionLimits
from proxy.session.events import AuthenticationFailed
from tests.session.support import Desk
from tests.session.test_reauthentication import handshake, logged_in, prove

NO_MECHANISM = "no mechanism"
LARGEST = {
    "PLAIN": 4_096,
    "SCRAM-SHA-256": 4_096,
    "SCRAM-SHA-512": 4_096,
    "OAUTHBEARER": 131_072,
    "GSSAPI": 65_536,
    NO_MECHANISM: 65_536,
}


def desk(mechanism: str, version: int = 0, limits: SessionLimits | None = None) -> Desk:
    """A client that has chosen its mechanism."""
    offered = Mechanisms(
        SUPPORTED_MECHANISMS,
        FileUsers({}),
        lambda: "n",
        secret=b"s",
        tokens=cast(TokenChecker, object()),
        kerberos=Kerberos(cast(Any, object), KerberosNames.parse("EXAMPLE.COM", [])),
    )
    made = Desk(None, sasl=offered, limits=limits)
    if mechanism != NO_MECHANISM:
        handshake(made, mechanism, version)
    return made


def announce(at: Desk, length: int) -> None:
    """Say how long the next frame is, and nothing more."""
    at.do(at.session.client_bytes(length.to_bytes(4, "big")))


def failures(at: Desk) -> list[AuthenticationFailed]:
    return [event for event in at.events if isinstance(event, AuthenticationFailed)]


def refused(at: Desk, mechanism: str, length: int, limit: int) -> bool:
    """Whether the connection ends for that reason, with nothing said to the client."""
    (failure,) = failures(at)
    told = len(at.sent_to_client)
    assert failure.mechanism == mechanism
    assert failure.detail == f"a frame of {length} bytes is larger than the {limit} that are allowed here"
    assert not at.reading
    at.do(at.session.timer_fired(Timer.DELAY))
    return at.closed == "authentication_failed" and len(at.sent_to_client) == told


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("mechanism", LARGEST)
def test_a_longer_frame_ends_the_connection_before_its_body_comes(mechanism: str, version: int) -> None:
    limit = LARGEST[mechanism]
    at = desk(mechanism, version)
    announce(at, limit + 1)
    assert refused(at, mechanism, limit + 1, limit)


@pytest.mark.parametrize("arrived", [14, 5_000, 200_000])
@pytest.mark.parametrize("mechanism", [name for name in LARGEST if name != NO_MECHANISM])
def test_the_client_is_told_as_soon_as_it_is_clear_whom_to_answer(mechanism: str, arrived: int) -> None:
    """In clear text, by what came with the length; nothing of it is kept."""
    at = desk(mechanism, 1)
    at.raw_at_client()
    sent = at.request(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=bytes(300_000))
    at.do(at.session.client_bytes(sent[:arrived]))
    assert at.session._intake._splitter.buffered == 0
    assert failures(at)[0].mechanism == mechanism
    at.do(at.session.timer_fired(Timer.DELAY))
    answer = at.at_client(ApiKey.SASL_AUTHENTICATE, 1)
    assert answer.error_code is ErrorCode.sasl_authentication_failed
    assert f"larger than the {LARGEST[mechanism]} that are allowed here" in answer.error_message
    assert at.closed == "authentication_failed"


@pytest.mark.parametrize("api_key", [ApiKey.METADATA, ApiKey.SASL_HANDSHAKE])
def test_what_is_no_token_is_not_answered(api_key: ApiKey) -> None:
    at = desk("PLAIN", 1)
    sent = at.request(api_key, 0)
    at.do(at.session.client_bytes((5_000).to_bytes(4, "big") + sent[4:].ljust(5_000, b"\0")))
    assert refused(at, "PLAIN", 5_000, 4_096)


@pytest.mark.parametrize("mechanism", LARGEST)
def test_the_longest_frame_is_read(mechanism: str) -> None:
    at = desk(mechanism)
    limit = LARGEST[mechanism]
    announce(at, limit)
    assert not failures(at)
    assert at.reading
    at.do(at.session.client_bytes(bytes(limit)))
    assert at.work or "larger" not in failures(at)[0].detail


def test_every_mechanism_has_a_limit() -> None:
    assert set(SUPPORTED_MECHANISMS) | {NO_MECHANISM} == set(LARGEST)


def test_a_handshake_and_a_long_token_in_one_piece_are_told_apart() -> None:
    """What was read together with the handshake counts as what it is."""
    at = desk(NO_MECHANISM)
    sent = at.request(ApiKey.SASL_HANDSHAKE, 0, mechanism="PLAIN")
    at.do(at.session.client_bytes(sent + (4_097).to_bytes(4, "big") + bytes(4_097)))
    assert refused(at, "PLAIN", 4_097, 4_096)


def test_the_setting_makes_the_limits_smaller_but_never_larger() -> None:
    for setting, limit in ((1_000, 1_000), (1 << 20, 4_096)):
        at = desk("PLAIN", limits=SessionLimits(unauthenticated_request_max_bytes=setting))
        announce(at, limit + 1)
        assert refused(at, "PLAIN", limit + 1, limit)


def test_who_proves_again_who_he_is_is_bounded_as_well_and_then_free_again() -> None:
    at = logged_in()
    announce(at, 5_000)
    at.do(at.session.client_bytes(at.request(ApiKey.API_VERSIONS, 0)[4:].ljust(5_000, b"\0")))
    assert at.closed is None
    assert at.raw_at_client() is not None
    handshake(at)
    prove(at)
    announce(at, 5_000)
    assert at.closed is None
    at = logged_in()
    handshake(at)
    announce(at, 4_097)
    assert refused(at, "PLAIN", 4_097, 4_096)
