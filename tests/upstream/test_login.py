"""Our own login, byte for byte, against what a broker says."""

import re

import pytest

from protocol.apis import ApiKey, response_type
from protocol.codec import build
from protocol.splice import encode_response
from proxy.upstream.login import Login, LoginFailed
from proxy.upstream.mechanisms import BearerClient, ClientMechanism
from tests.upstream.support import BEFORE_1_0, RANGES, Desk, plain_client, scram_client


def log_in(mechanism: ClientMechanism, desk: Desk, *, cut: int | None = None) -> Login:
    """Let the two talk; answers come in pieces of `cut` bytes."""
    login = Login(mechanism)
    frame: bytes = login.begin()
    while frame:
        answer = desk.answer(frame)
        if answer is None:
            raise login.closed()
        step = cut or len(answer)
        frame = b"".join(login.take(answer[i : i + step]) for i in range(0, len(answer), step))
    return login


def failure(mechanism: ClientMechanism, desk: Desk) -> LoginFailed:
    with pytest.raises(LoginFailed) as caught:
        log_in(mechanism, desk)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("mechanism", [plain_client, scram_client])
@pytest.mark.parametrize("ranges", [RANGES, BEFORE_1_0], ids=["now", "before 1.0"])
def test_the_right_password_lets_us_in(mechanism, ranges, cut):
    desk = Desk(ranges)
    login = log_in(mechanism(), desk, cut=cut)
    assert login.done
    assert desk.logged_in
    assert login.lifetime_s == 0


@pytest.mark.parametrize(("authenticate", "asked"), [(range(3), 2), (range(2), 1), (range(1), 0)], ids=["2", "1", "0"])
def test_the_newest_version_that_both_have_is_used(authenticate, asked):
    desk = Desk({**RANGES, ApiKey.SASL_AUTHENTICATE: authenticate})
    assert log_in(plain_client(), desk).done
    assert desk.asked == [("ApiVersions", 0), ("SaslHandshake", 1), ("SaslAuthenticate", asked)]


def test_before_1_0_bare_tokens_follow_the_handshake():
    desk = Desk(BEFORE_1_0)
    log_in(scram_client(), desk)
    assert desk.asked == [("ApiVersions", 0), ("SaslHandshake", 0)]


def test_how_long_we_are_known_is_told():
    assert log_in(plain_client(), Desk(life_s=30)).lifetime_s == 30


def test_we_authenticate_again_without_asking_for_versions_and_from_another_number_on():
    desk = Desk()
    again = Login(plain_client(), versions=dict(RANGES), first_id=-5_000)
    frame = again.begin()
    assert again.awaited == -4_999
    while frame:
        frame = again.take(desk.answer(frame) or b"")
    assert again.done
    assert desk.asked == [("SaslHandshake", 1), ("SaslAuthenticate", 2)]


@pytest.mark.parametrize("mechanism", [plain_client, scram_client])
def test_a_wrong_password_is_told_in_the_brokers_words(mechanism):
    found = failure(mechanism("wrong"), Desk())
    assert re.search("the broker refuses us: Authentication failed", str(found))
    assert "cluster.sasl" in found.remedy


@pytest.mark.parametrize("mechanism", [plain_client, scram_client])
def test_before_1_0_a_wrong_password_is_a_closed_connection(mechanism):
    found = failure(mechanism("wrong"), Desk(BEFORE_1_0))
    assert str(found) == "the broker closed the connection instead of an answer"
    assert "cluster.sasl" in found.remedy


def test_a_mechanism_that_is_not_offered_is_told_with_those_that_are():
    found = failure(scram_client(), Desk(mechanisms=("GSSAPI", "PLAIN")))
    assert str(found) == "the broker does not take SCRAM-SHA-256, but GSSAPI, PLAIN"
    assert "cluster.sasl.mechanism" in found.remedy


def test_a_broker_without_sasl_is_told():
    found = failure(plain_client(), Desk({ApiKey.API_VERSIONS: range(3)}))
    assert str(found) == "the broker knows no SASL"
    assert "cluster.security_protocol" in found.remedy


def test_a_refused_token_is_acknowledged_and_told():
    """RFC 7628: the broker's reason first, then our acknowledgement, then the end."""
    mechanism = BearerClient("token")
    assert mechanism.first() == b"n,,\x01auth=Bearer token\x01\x01"
    assert mechanism.respond(b'{"status":"invalid_token"}') == b"\x01"
    assert BearerClient("token").respond(b"") is None


def answer_to_versions(correlation_id: int) -> bytes:
    entity = build(response_type(ApiKey.API_VERSIONS, 0))
    return encode_response(ApiKey.API_VERSIONS, 0, correlation_id, entity)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x00\x00\x00\x02\x00\x00",
        b"\xff\xff\xff\xff",
        answer_to_versions(7),
        answer_to_versions(1)[:-1].replace(b"\x00\x00\x00\x0a", b"\x00\x00\x00\x09", 1),
    ],
    ids=["HTTP", "TLS alert", "short", "negative length", "another's answer", "cut"],
)
def test_who_is_no_broker_is_found_out(answer):
    login = Login(plain_client())
    login.begin()
    with pytest.raises(LoginFailed) as caught:
        login.take(answer)
    assert "security_protocol" in caught.value.remedy


def test_a_broker_that_says_more_than_asked_is_none():
    desk, login = Desk(), Login(plain_client())
    frame = login.begin()
    frame = login.take(desk.answer(frame) or b"")
    frame = login.take(desk.answer(frame) or b"")
    with pytest.raises(LoginFailed, match="more than it was asked for"):
        login.take((desk.answer(frame) or b"") + b"\0")


@pytest.mark.parametrize("mechanism", [plain_client, scram_client])
def test_no_failure_tells_the_password(mechanism):
    for desk in (Desk(), Desk(BEFORE_1_0), Desk(mechanisms=("GSSAPI",))):
        found = failure(mechanism("a-wrong-secret"), desk)
        assert "a-wrong-secret" not in f"{found} {found.remedy}"
