"""What a session does with requests, told as transcripts."""

from __future__ import annotations

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type, response_type
from protocol.codec import build, item_type
from proxy.session.commands import Timer
from tests.session.support import Caller, Desk, mechanisms

RECORDS = bytes(8) + (49).to_bytes(4, "big") + bytes(4) + b"\2" + bytes(44)
"""The header of an empty batch."""


def produce(version: int, *topics: str, acks: int = 1) -> object:
    """A Produce of one partition for each topic."""
    request = request_type(ApiKey.PRODUCE, version)
    topic = item_type(request, "topic_data")
    partition = item_type(topic, "partition_data")
    data = tuple(
        build(topic, name=name, partition_data=(build(partition, index=0, records=RECORDS),)) for name in topics
    )
    return build(request, acks=acks, topic_data=data)


@pytest.mark.parametrize("version", range(3, 13))
def test_an_allowed_produce_reaches_the_broker_byte_for_byte(version: int) -> None:
    desk = Desk()
    frame = desk.send(ApiKey.PRODUCE, version, produce(version, "orders"))
    assert desk.sent_to_broker == frame
    raw = desk.answer(frame)
    assert desk.sent_to_client == raw


@pytest.mark.parametrize("version", range(3, 13))
def test_a_denied_produce_is_answered_without_the_broker(version: int) -> None:
    desk = Desk("User:bob")
    desk.send(ApiKey.PRODUCE, version, produce(version, "orders"))
    assert desk.sent_to_broker == b""
    answer = desk.at_client(ApiKey.PRODUCE, version)
    (topic,) = answer.responses
    assert topic.name == "orders"
    assert [partition.error_code for partition in topic.partition_responses] == [ErrorCode.topic_authorization_failed]


def test_a_request_is_counted_once_though_it_waited_for_its_broker() -> None:
    desk = Desk()
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.send(ApiKey.API_VERSIONS, 0)
    assert desk.context.requests == {ApiKey.PRODUCE.value: 1, ApiKey.API_VERSIONS.value: 1}


def test_answers_keep_the_order_of_the_requests() -> None:
    desk = Desk()
    first = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    desk.send(ApiKey.PRODUCE, 9, produce(9, "secret"))
    assert desk.sent_to_client == b""
    raw = desk.answer(first)
    assert desk.raw_at_client() == raw
    answer = desk.at_client(ApiKey.PRODUCE, 9)
    assert answer.responses[0].name == "secret"


def test_a_partly_denied_produce_without_acks_stores_the_rest_and_closes() -> None:
    desk = Desk()
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders", "secret", acks=0))
    _, entity = desk.at_broker()
    assert [topic.name for topic in entity.topic_data] == ["orders"]
    assert desk.sent_to_client == b""
    assert desk.closed == "denied_without_answer"


def test_many_produces_without_acks_leave_no_slot() -> None:
    desk = Desk()
    for _ in range(1000):
        desk.send(ApiKey.PRODUCE, 9, produce(9, "orders", acks=0))
    last = desk.send(ApiKey.PRODUCE, 9, produce(9, "orders", acks=1))
    raw = desk.answer(last)
    assert desk.sent_to_client == raw
    assert not desk.session._answers.slots


def test_the_requests_in_flight_are_bounded() -> None:
    desk = Desk()
    frames = [desk.send(ApiKey.PRODUCE, 9, produce(9, "orders")) for _ in range(200)]
    assert len(desk.session._answers.slots) == desk.context.limits.max_in_flight
    assert not desk.reading
    for frame in frames:
        desk.answer(frame)
    assert desk.reading
    assert not desk.session._answers.slots


def test_a_client_reaches_the_broker_whose_address_it_called() -> None:
    desk = Desk(caller=Caller(node_id=1))
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.opened == [("10.9.9.9", 9092)]


def test_a_broker_that_is_not_known_is_unreachable() -> None:
    desk = Desk(caller=Caller(node_id=7))
    assert desk.closed == "broker_unreachable"


def test_metadata_tells_advertised_addresses_only() -> None:
    desk = Desk()
    frame = desk.send(ApiKey.METADATA, 12, topics=())
    answer_type = response_type(ApiKey.METADATA, 12)
    broker = item_type(answer_type, "brokers")
    desk.answer(
        frame,
        brokers=(
            build(broker, node_id=1, host="10.9.9.9", port=9092),
            build(broker, node_id=2, host="10.9.9.8", port=9092),
            build(broker, node_id=77, host="10.9.9.7", port=9092),
        ),
    )
    answer = desk.at_client(ApiKey.METADATA, 12)
    assert [(b.node_id, b.host, b.port) for b in answer.brokers] == [
        (1, "kafka.example.com", 9101),
        (2, "kafka.example.com", 9102),
    ]
    assert desk.unadvertised == [77]
    assert b"10.9.9" not in desk.sent_to_client
    assert desk.topology.address_of(2) is not None


def test_nothing_goes_upstream_before_authentication() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.send(ApiKey.API_VERSIONS, 3, client_software_name="a", client_software_version="1")
    versions = desk.at_client(ApiKey.API_VERSIONS, 3)
    assert versions.error_code == ErrorCode.none
    assert all(key.api_key != 10_000 for key in versions.api_keys)
    desk.send(ApiKey.METADATA, 12, topics=())
    assert desk.opened == []
    assert desk.at_client(ApiKey.METADATA, 12) is None
    assert "DELAY" in {timer.name for timer in desk.timers}


def test_plain_over_sasl_authenticate() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN", "SCRAM-SHA-256"))
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
    assert desk.at_client(ApiKey.SASL_HANDSHAKE, 1).mechanisms == ("PLAIN", "SCRAM-SHA-256")
    desk.send(ApiKey.SASL_AUTHENTICATE, 2, auth_bytes=b"\0alice\0alice-secret")
    desk.send(ApiKey.PRODUCE, 9, produce(9, "orders"))
    assert desk.opened == []
    (work,) = desk.work
    desk.do(desk.session.verified(work()))
    assert desk.at_client(ApiKey.SASL_AUTHENTICATE, 2).error_code == ErrorCode.none
    assert desk.opened
    assert desk.at_broker() is not None


def test_a_wrong_password_gets_kafkas_error_after_a_while_and_the_connection_ends() -> None:
    desk = Desk(None, sasl=mechanisms("PLAIN"))
    desk.send(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
    desk.at_client(ApiKey.SASL_HANDSHAKE, 1)
    desk.send(ApiKey.SASL_AUTHENTICATE, 2, auth_bytes=b"\0alice\0wrong")
    desk.do(desk.session.verified(desk.work[0]()))
    assert desk.at_client(ApiKey.SASL_AUTHENTICATE, 2) is None
    desk.do(desk.session.timer_fired(Timer.DELAY))
    answer = desk.at_client(ApiKey.SASL_AUTHENTICATE, 2)
    assert answer.error_code == ErrorCode.sasl_authentication_failed
    assert answer.error_message == "Authentication failed: Invalid username or password"
    assert desk.closed == "authentication_failed"
    assert desk.opened == []
