"""Requests that repeat one that was let go on are sent on without being judged again, and nobody can tell."""

from __future__ import annotations

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, response_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.splice import encode_response
from proxy.enforcement.engine import judge
from tests.session.support import POLICY, Desk, Policy
from tests.session.test_serving import produce

TAF = ErrorCode.topic_authorization_failed
VERSIONS = range(3, 13)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The API keys of the requests that were judged."""
    seen: list[int] = []

    def watching(call):  # type: ignore[no-untyped-def]
        seen.append(call.head.api_key)
        return judge(call)

    monkeypatch.setattr("proxy.session.service.judge", watching)
    return seen


@pytest.mark.parametrize("version", VERSIONS)
def test_one_judgement_serves_them_all(version: int, judged: list[int]) -> None:
    desk = Desk()
    frames = [desk.send(ApiKey.PRODUCE, version, produce(version, "orders")) for _ in range(10)]
    assert desk.sent_to_broker == b"".join(frames)
    answers = [desk.answer(frame) for frame in frames]
    assert desk.sent_to_client == b"".join(answers)
    assert judged == [ApiKey.PRODUCE]
    assert desk.context.requests == {ApiKey.PRODUCE.value: 10}


def test_those_of_one_read_go_on_in_one_piece(judged: list[int]) -> None:
    desk = Desk()
    desk.answer(desk.send(ApiKey.PRODUCE, 9, produce(9, "orders")))
    frames = [desk.request(ApiKey.PRODUCE, 9, produce(9, "orders")) for _ in range(10)]
    (command,) = desk.session.client_bytes(b"".join(frames))
    assert b"".join(command.pieces) == b"".join(frames)
    assert len(command.pieces) == 1
    assert judged == [ApiKey.PRODUCE]


def test_a_policy_change_reaches_the_very_next_request() -> None:
    policy = Policy()
    desk = Desk(policy=policy)
    for _ in range(3):
        desk.answer(desk.send(ApiKey.PRODUCE, 9, produce(9, "orders")))
        desk.at_client(ApiKey.PRODUCE, 9)
    sent = desk.sent_to_broker
    policy.change(POLICY.replace("[Read, Write, Create]", "[Read]"))
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.sent_to_broker == sent
    (topic,) = desk.at_client(ApiKey.PRODUCE, 9).responses
    assert topic.partition_responses[0].error_code == TAF


def test_a_right_that_comes_back_is_seen_too() -> None:
    policy = Policy()
    desk = Desk(policy=policy)
    for text, expected in ((POLICY, 1), (POLICY.replace("Write", "Describe"), 1), (POLICY, 2)):
        policy.change(text)
        desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
        assert desk.sent_to_broker.count(b"orders") == expected


def test_what_another_policy_let_go_on_is_no_repeat_of_what_this_one_did() -> None:
    """Not even if the first request after the change came in pieces, so that nobody looked for repeats in it."""
    policy = Policy(text=POLICY.replace("[orders]", "[orders, returns]"))
    desk = Desk(policy=policy)
    first = desk.send(ApiKey.PRODUCE, 9, produce(9, "returns"))
    one, other = (desk.request(ApiKey.PRODUCE, 9, produce(9, topic)) for topic in ("orders", "returns"))
    desk.do(desk.session.client_bytes(one[:20]))
    policy.change(POLICY)
    desk.do(desk.session.client_bytes(one[20:]))
    desk.do(desk.session.client_bytes(other))
    assert desk.sent_to_broker == first + one


def test_a_denied_one_in_between_keeps_its_place() -> None:
    desk = Desk()
    first = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    one, denied, two = (desk.request(ApiKey.PRODUCE, 9, produce(9, topic)) for topic in ("orders", "secret", "orders"))
    desk.do(desk.session.client_bytes(one + denied + two))
    assert desk.sent_to_broker == first + one + two
    assert desk.sent_to_client == b""
    raw = [desk.answer(frame) for frame in (first, one)]
    assert [desk.raw_at_client(), desk.raw_at_client()] == raw
    (topic,) = desk.at_client(ApiKey.PRODUCE, 9).responses
    assert (topic.name, topic.partition_responses[0].error_code) == ("secret", TAF)
    assert desk.answer(two) == desk.raw_at_client()


def test_no_more_are_in_flight_than_may_be() -> None:
    desk = Desk()
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    most = desk.context.limits.max_in_flight
    frames = [desk.request(ApiKey.PRODUCE, 9, produce(9, "orders")) for _ in range(2 * most)]
    desk.do(desk.session.client_bytes(b"".join(frames)))
    assert len(desk.session._answers.slots) == most
    assert desk.sent_to_broker.count(b"orders") == most
    assert not desk.reading
    while (found := desk.at_broker()) is not None:
        desk.answer(found[0])
    assert desk.sent_to_broker.count(b"orders") == 2 * most + 1
    assert desk.reading


def test_without_acknowledgement_they_leave_no_slot(judged: list[int]) -> None:
    desk = Desk()
    for _ in range(1000):
        desk.send(ApiKey.PRODUCE, 9, produce(9, "orders", acks=0))
    assert not desk.session._answers.slots
    assert desk.sent_to_broker.count(b"orders") == 1000
    assert judged == [ApiKey.PRODUCE]


def test_an_audit_trail_of_grants_has_each(judged: list[int]) -> None:
    desk = Desk(grants=True)
    for _ in range(3):
        desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert judged == [ApiKey.PRODUCE] * 3


def test_what_is_denied_in_part_is_judged_each_time(judged: list[int]) -> None:
    desk = Desk()
    for _ in range(3):
        desk.send(ApiKey.PRODUCE, 9, produce(9, "orders", "secret"))
    assert judged == [ApiKey.PRODUCE] * 3


@pytest.mark.parametrize("version", range(10, 13))
@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_an_address_in_the_answer_of_any_of_them_is_rewritten(version: int, pieces: int) -> None:
    """KIP-951: a broker that is not the leader says who is, and where."""
    desk = Desk()
    frames = [desk.send(ApiKey.PRODUCE, version, produce(version, "orders")) for _ in range(3)]
    answer = response_type(ApiKey.PRODUCE, version)
    node = build(item_type(answer, "node_endpoints"), node_id=1, host="10.9.9.9", port=9092)
    plain = build(answer, responses=())
    for frame, entity in zip(frames, (plain, build(answer, node_endpoints=(node,)), plain), strict=True):
        correlation_id = read_request_head(frame).correlation_id
        raw = encode_response(ApiKey.PRODUCE, version, correlation_id, entity)
        size = -(-len(raw) // pieces)
        for begin in range(0, len(raw), size):
            desk.do(desk.session.broker_bytes(raw[begin : begin + size]))
    told = [desk.at_client(ApiKey.PRODUCE, version).node_endpoints for _ in range(3)]
    assert told[::2] == [(), ()]
    assert [(node.host, node.port) for node in told[1]] == [("kafka.example.com", 9101)]
    assert b"10.9.9.9" not in desk.sent_to_client


def test_nothing_is_taken_while_it_drains() -> None:
    desk = Desk()
    first = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.do(desk.session.drain())
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.sent_to_broker == first
    desk.answer(first)
    assert desk.closed == "drained"
