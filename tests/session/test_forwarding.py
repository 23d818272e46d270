"""Another doorkeeper speaks for its clients: who may, what becomes of it, and what becomes of everybody else."""

from __future__ import annotations

import pytest
from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey
from proxy.authentication.forwarding import ForwardedClient, header_for
from proxy.authentication.proxy_header import SIGNATURE
from proxy.session.commands import Timer
from proxy.session.events import Authenticated, AuthenticationFailed, Denied
from tests.session.support import Caller, Desk, Policy, mechanisms
from tests.session.test_serving import produce

FRONT, FAR = "User:CN=front", "User:CN=far"
CERTIFICATE = b"a certificate that was verified"
PRODUCE = int(ApiKey.PRODUCE)
POLICY = """
super_users: [User:admin]
policies:
  - {name: alice-writes, principals: [User:alice], hosts: [10.7.0.0/16], allow: [Write], topics: [orders]}
  - {name: this-machine, principals: ["*"], hosts: [127.0.0.1], allow: [All], topics: ["*"]}
"""


def told(name: str = "User:alice", host: str = "10.7.7.7", through: tuple[str, ...] = ()) -> bytes:
    return header_for(ForwardedClient(Principal.parse(name), host, tuple(map(Principal.parse, through))))


def peer(name: str = FRONT, trusted: tuple[str, ...] = (FRONT, FAR), caller: Caller | None = None) -> Desk:
    """A connection with this certificate."""
    return Desk(name, policy=Policy(POLICY), certificate=CERTIFICATE, forwarders=trusted, caller=caller)


def say(desk: Desk, data: bytes) -> None:
    if desk.closed is None:
        desk.do(desk.session.client_bytes(data))


def may_write(desk: Desk) -> bool:
    frame = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    if desk.at_broker() is not None:
        desk.answer(frame)
        return True
    answer = desk.at_client(ApiKey.PRODUCE, 9)
    assert answer.responses[0].partition_responses[0].error_code == ErrorCode.topic_authorization_failed
    return False


def failures(desk: Desk) -> list[AuthenticationFailed]:
    return [event for event in desk.events if isinstance(event, AuthenticationFailed)]


def refused(desk: Desk) -> str:
    """Why; and nothing went on."""
    assert desk.closed == "authentication_failed"
    assert desk.opened == []
    assert (desk.sent_to_broker, desk.sent_to_client) == (b"", b"")
    (failure,) = failures(desk)
    assert failure.mechanism == "FORWARDED"
    return failure.detail


def test_confluent_advisory_of_october_2020_the_name_passes_between_proxies_that_know_each_other_and_decides() -> None:
    desk = peer()
    assert [event for event in desk.events if isinstance(event, Authenticated)] == []
    say(desk, told())
    (known,) = [event for event in desk.events if isinstance(event, Authenticated)]
    assert (known.principal, known.host, known.mechanism) == ("User:alice", "10.7.7.7", "FORWARDED")
    assert (known.forwarded_by, known.forwarder_host) == ((FRONT,), "10.1.2.3")
    assert may_write(desk)
    assert not failures(desk)


def test_confluent_advisory_of_october_2020_without_a_name_it_is_the_hops_own() -> None:
    desk = peer()
    assert not may_write(desk)
    (denial,) = [event for event in desk.events if isinstance(event, Denied)]
    assert (denial.principal, denial.host, denial.forwarded_by) == (FRONT, "10.1.2.3", ())
    assert desk.closed is None


def test_a_denial_names_the_client_and_through_whom_it_came() -> None:
    desk = peer()
    say(desk, told("User:bob"))
    assert not may_write(desk)
    (denial,) = [event for event in desk.events if isinstance(event, Denied)]
    assert (denial.principal, denial.host, denial.forwarded_by) == ("User:bob", "10.7.7.7", (FRONT,))


def test_the_clients_own_address_decides() -> None:
    desk = peer()
    say(desk, told(host="10.8.0.1"))
    assert not may_write(desk)


@pytest.mark.parametrize("host", ["127.0.0.1", "0:0:0:0:0:0:0:1", "0.0.0.0", "127.8.8.8"])
def test_another_machines_loopback_is_not_ours(host: str) -> None:
    desk = peer(caller=Caller(host="10.9.0.1"))
    say(desk, told("User:bob", host=host))
    assert not may_write(desk)
    (denial,) = [event for event in desk.events if isinstance(event, Denied)]
    assert denial.host == "10.9.0.1"


@pytest.mark.parametrize("name", ["User:alice", "User:admin", FRONT])
def test_who_is_not_listed_speaks_for_nobody(name: str) -> None:
    desk = peer("User:CN=stranger")
    say(desk, told(name))
    assert "User:CN=stranger would speak for somebody else" in refused(desk)


def test_nobody_is_listed_unless_somebody_is() -> None:
    desk = peer(FRONT, trusted=())
    say(desk, told("User:admin"))
    refused(desk)


def test_a_listed_name_is_worth_nothing_without_a_certificate() -> None:
    desk = Desk(FRONT, policy=Policy(POLICY), forwarders=(FRONT,))
    say(desk, told("User:admin"))
    refused(desk)


def test_nor_before_a_login() -> None:
    desk = Desk(FRONT, sasl=mechanisms("PLAIN"), certificate=CERTIFICATE, forwarders=(FRONT,))
    say(desk, told("User:admin"))
    assert "somebody who is not known" in refused(desk)


def test_super_users_come_through_those_who_are_listed() -> None:
    desk = peer()
    say(desk, told("User:admin"))
    assert may_write(desk)


@pytest.mark.parametrize(
    "header",
    [
        told()[:-6] + b"\xff" * 6,
        told().replace(b"alice", b"ali\ne"),
        told().replace(b"User:alice", b"User:*\0\0\0\0"),
        told()[:14] + b"\x01\x00" + told()[16:],
        SIGNATURE + b"\x20\x00\x00\x00",
        SIGNATURE + b"\x21\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
    ids=["not UTF-8", "newline", "wildcard", "cut", "LOCAL", "no name", "too long"],
)
def test_what_is_malformed_is_refused_and_not_taken_for_the_hops_own(header: bytes) -> None:
    desk = peer()
    say(desk, header + desk.request(ApiKey.PRODUCE, 9, produce(9, "orders")) + bytes(256))
    assert f"{FRONT} would speak for somebody else" in refused(desk)


def test_the_bytes_may_come_one_by_one() -> None:
    desk = peer()
    frame = desk.request(ApiKey.PRODUCE, 9, produce(9, "orders"))
    for byte in told() + frame:
        say(desk, bytes([byte]))
    assert desk.sent_to_broker == frame


def test_a_request_of_its_own_may_come_one_by_one_too() -> None:
    desk = peer()
    for byte in desk.request(ApiKey.API_VERSIONS, 0):
        say(desk, bytes([byte]))
    assert desk.at_client(ApiKey.API_VERSIONS, 0).api_keys
    assert desk.closed is None


@pytest.mark.parametrize("first", [b"", told()], ids=["itself", "alice"])
def test_nobody_changes_who_it_is_later(first: bytes) -> None:
    desk = peer()
    say(desk, first + desk.request(ApiKey.API_VERSIONS, 0) + told("User:admin"))
    assert desk.closed == "authentication_failed"
    assert [failure.mechanism for failure in failures(desk)] == ["FORWARDED"]
    assert desk.opened == []


def test_who_says_nothing_is_not_waited_for_for_ever() -> None:
    desk = peer()
    say(desk, told()[:20])
    assert desk.timers[Timer.AUTHENTICATION] == desk.context.limits.authentication_timeout_s
    desk.do(desk.session.timer_fired(Timer.AUTHENTICATION))
    assert desk.closed == "authentication_timeout"


@pytest.mark.parametrize("first", [b"", told()], ids=["itself", "alice"])
def test_once_known_it_may_take_its_time(first: bytes) -> None:
    desk = peer()
    say(desk, first + desk.request(ApiKey.API_VERSIONS, 0))
    assert Timer.AUTHENTICATION not in desk.timers


def test_the_hops_certificate_has_to_hold() -> None:
    desk = peer()
    say(desk, told())
    assert may_write(desk)
    desk.stands = False
    desk.do(desk.session.reconsider())
    assert desk.closed == "identity_revoked"


# Chains of more than two


def test_through_a_chain_of_those_who_are_listed() -> None:
    desk = peer()
    say(desk, told(through=(FAR,)))
    assert may_write(desk)
    (known,) = [event for event in desk.events if isinstance(event, Authenticated)]
    assert known.forwarded_by == (FAR, FRONT)


@pytest.mark.parametrize("through", [("User:CN=stranger",), (FAR, "User:CN=stranger"), ("User:CN=stranger", FAR)])
def test_one_in_the_chain_who_is_not_listed_spoils_it(through: tuple[str, ...]) -> None:
    desk = peer()
    say(desk, told(through=through))
    assert "User:CN=stranger, which is no trusted forwarder" in refused(desk)


def test_a_client_that_was_told_of_is_told_of_further_on_with_its_whole_way() -> None:
    desk = peer()
    say(desk, told(through=(FAR,)))
    may_write(desk)
    through = Principal.parse(FAR), Principal.parse(FRONT)
    assert desk.opened_for == [ForwardedClient(Principal("User", "alice"), "10.7.7.7", through)]


@pytest.mark.parametrize(
    ("desk", "name"),
    [
        (lambda: Desk("User:alice"), "alice"),
        (lambda: Desk(None), "ANONYMOUS"),
        (lambda: Desk("User:alice", certificate=CERTIFICATE), "alice"),
    ],
    ids=["by its listener", "nobody", "by certificate"],
)
def test_a_broker_is_opened_for_who_the_client_is(desk, name: str) -> None:
    made: Desk = desk()
    made.send(ApiKey.METADATA, 12, topics=())
    assert made.opened_for == [ForwardedClient(Principal("User", name), "10.1.2.3")]
