"""Whoever asks cannot tell by what comes back, nor by what it costs, whether a user exists."""

from __future__ import annotations

from collections import Counter

import pytest

from protocol.apis import ApiKey
from proxy.authentication.credentials import ScramMechanism
from proxy.session.commands import Timer
from proxy.session.events import AuthenticationFailed
from tests.authentication.test_scram import SHA_256, prove
from tests.session.support import Desk, mechanisms

USER, STRANGER = "alice", "malic"  # names of one length, so that answers are


def fails(mechanism: str, user: str) -> tuple[object, ...]:
    """All that shows of a login with a wrong password."""
    desk = Desk(None, sasl=mechanisms("PLAIN", SHA_256))
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism=mechanism)
    desk.at_client(ApiKey.SASL_HANDSHAKE, 1)
    token = f"\0{user}\0wrong".encode()
    shown: list[object] = []
    if mechanism == SHA_256:
        first = f"n,,n={user},r=abc"
        desk.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=first.encode())
        challenge = desk.at_client(ApiKey.SASL_AUTHENTICATE, 1).auth_bytes
        fields = dict(field.split(b"=", 1) for field in challenge.split(b","))
        shown += [sorted(fields), fields[b"i"]]
        token = prove(first, challenge, "wrong")
    desk.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=token)
    shown.append(len(desk.work))
    for work in desk.work:
        desk.do(desk.session.verified(work()))
    shown += [dict(desk.timers), desk.closed]
    desk.do(desk.session.timer_fired(Timer.DELAY))
    answer = desk.at_client(ApiKey.SASL_AUTHENTICATE, 1)
    (failure,) = [event for event in desk.events if isinstance(event, AuthenticationFailed)]
    return (*shown, answer.error_code, answer.error_message, failure.detail, desk.closed)


@pytest.mark.parametrize("mechanism", ["PLAIN", SHA_256])
def test_a_stranger_gets_the_answers_and_the_delay_of_a_user_with_a_wrong_password(mechanism: str) -> None:
    assert fails(mechanism, USER) == fails(mechanism, STRANGER)


@pytest.mark.parametrize("mechanism", ["PLAIN", SHA_256])
def test_a_stranger_costs_the_same_work(mechanism: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of hashes of each kind, counted: times would tell nothing reliable."""
    counts = []
    for user in (USER, STRANGER):
        done: Counter[str] = Counter()
        with monkeypatch.context() as patch:
            for name in ("hmac", "digest", "salted_password"):
                patch.setattr(ScramMechanism, name, _counted(done, name))
            fails(mechanism, user)
        counts.append(done)
    assert counts[0] == counts[1]
    assert counts[0]["hmac"] > 0


def _counted(done: Counter[str], name: str) -> object:
    original = getattr(ScramMechanism, name)

    def counted(*args: object) -> object:
        done[name] += 1
        return original(*args)

    return counted
