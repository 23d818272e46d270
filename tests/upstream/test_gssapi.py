"""GSSAPI as a client, with a security context that is a fake: what is chosen, and what is refused."""

import pytest

from proxy.upstream.gssapi import GssapiClient
from proxy.upstream.login import Login, LoginFailed
from proxy.upstream.mechanisms import MechanismFailed
from tests.upstream.kerberized import OFFER, Context, GssapiDesk
from tests.upstream.support import BEFORE_1_0, RANGES


def established(last: bytes = b"") -> GssapiClient:
    client = GssapiClient(Context(last))
    assert client.first() == b"ticket"
    assert client.respond(b"proof") == last
    return client


@pytest.mark.parametrize("last", [b"", b"more"])
def test_both_know_each_other_then_no_protection_is_chosen(last):
    client = established(last)
    assert not client.complete
    assert client.respond(b"wrapped:" + OFFER) == b"wrapped:\x01\0\0\0"
    assert client.complete
    assert client.respond(b"") is None


@pytest.mark.parametrize("offer", [b"\x07\xff\xff\xff", b"\x03\0\x10\0", b"\x05\0\0\0"])
def test_of_several_protections_none_is_chosen(offer):
    assert established().respond(b"wrapped:" + offer) == b"wrapped:\x01\0\0\0"


@pytest.mark.parametrize("offer", [b"\x02\0\x10\0", b"\x04\0\x10\0", b"\x06\xff\xff\xff", b"\0\0\0\0"])
def test_a_broker_that_insists_on_protection_is_refused(offer):
    client = established()
    with pytest.raises(MechanismFailed, match="insists on protecting every message"):
        client.respond(b"wrapped:" + offer)
    assert not client.complete


@pytest.mark.parametrize("offer", [b"", b"\x01", b"\x01\0\0", b"\x01\0\0\0x"])
def test_an_offer_that_is_none_is_refused(offer):
    with pytest.raises(MechanismFailed, match="expected an offer of 4 bytes"):
        established().respond(b"wrapped:" + offer)


def test_an_offer_that_the_broker_did_not_protect_is_refused():
    with pytest.raises(MechanismFailed, match="Integrity"):
        established().respond(OFFER)


def test_a_token_that_leads_nowhere_is_refused():
    client = GssapiClient(Context())
    client.first()
    client._context.step = lambda _token: b""  # type: ignore[method-assign]
    with pytest.raises(MechanismFailed, match="leads nowhere"):
        client.respond(b"proof")


def test_more_than_the_end_is_refused():
    client = established()
    client.respond(b"wrapped:" + OFFER)
    with pytest.raises(MechanismFailed, match="empty answer, found 4 bytes"):
        client.respond(b"more")


@pytest.mark.parametrize("ranges", [RANGES, BEFORE_1_0], ids=["now", "before 1.0"])
def test_the_login_ends_where_the_broker_says_its_last_word(ranges):
    desk, login = GssapiDesk(ranges), Login(GssapiClient(Context()))
    frame: bytes = login.begin()
    while not login.done:
        assert not desk.logged_in or ranges is RANGES
        frame = login.take(desk.answer(frame) or b"")
    if ranges is BEFORE_1_0:
        assert frame == len(b"wrapped:" + OFFER).to_bytes(4, "big") + b"wrapped:" + OFFER
        desk.answer(frame)
    assert desk.logged_in


def test_a_broker_before_1_0_that_speaks_after_the_last_token_is_none():
    desk, login = GssapiDesk(BEFORE_1_0), Login(GssapiClient(Context()))
    frame: bytes = login.begin()
    while not login.done:
        frame = login.take(desk.answer(frame) or b"")
    with pytest.raises(LoginFailed, match="more than it was asked for"):
        login.take(b"\0\0\0\0")
