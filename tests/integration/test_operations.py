"""What an operator does and what goes wrong: reload, drain, brokers that die, three brokers."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.splice import encode_request
from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, POLICY, Door, eventually

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]


@pytest.fixture
def running_door(kafka_1_1_1: KafkaCluster, tmp_path: Path) -> Iterator[Door]:
    """A doorkeeper that a test may change and end."""
    door = Door(tmp_path / "door", kafka_1_1_1.bootstrap_servers)
    try:
        yield door.start()
    finally:
        door.stop()


def test_a_right_that_is_taken_away_ends_with_the_next_request(
    running_door: Door, kafka_1_1_1: KafkaCluster, unique_name: Name
) -> None:
    """On an open connection, in the middle of a fetch session."""
    door, topic = running_door, make_topic(kafka_1_1_1, unique_name("a"))
    consumer = Consumer({**door.librdkafka("bob"), "group.id": unique_name("b"), "auto.offset.reset": "earliest"})
    producer = Producer(door.librdkafka("alice"))
    try:
        consumer.subscribe([topic])
        producer.produce(topic, b"before")
        producer.flush(ENOUGH_S)
        assert eventually(lambda: consumer.poll(1)).value() == b"before"
        door.write_policy(
            POLICY.replace("name: bob-reads-a\n    principals: [User:bob]", "name: x\n    principals: [User:x]")
        )

        def refused() -> bool:
            message = consumer.poll(1)
            return (
                message is not None
                and message.error() is not None
                and message.error().code()
                in (
                    KafkaError.TOPIC_AUTHORIZATION_FAILED,
                    KafkaError.GROUP_AUTHORIZATION_FAILED,
                )
            )

        eventually(refused)
    finally:
        consumer.close()


def test_a_faulty_policy_is_told_and_the_old_one_stays(running_door: Door) -> None:
    door = running_door
    door.write_policy("policies: [{name: broken, alow: [Read]}]\n")
    door.signal(signal.SIGHUP)
    eventually(lambda: "did you mean" in door.log())
    assert 'doorkeeper_policy_reloads_total{result="failure"}' in door.get("/metrics")[1]
    assert AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S).brokers


def test_it_drains_and_ends_with_success(running_door: Door, kafka_1_1_1: KafkaCluster, unique_name: Name) -> None:
    door, topic = running_door, make_topic(kafka_1_1_1, unique_name("a"))
    producer = Producer(door.librdkafka("alice"))
    delivered: list[object] = []
    producer.produce(topic, b"x", on_delivery=lambda error, _: delivered.append(error))
    producer.flush(ENOUGH_S)
    door.signal(signal.SIGTERM)
    eventually(lambda: not door.process.running)
    assert delivered == [None]
    assert "draining" in door.log()


def test_health_and_metrics(door: Door) -> None:
    assert door.get("/livez")[0] == 200
    assert door.get("/readyz")[0] == 200
    AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S)
    eventually(lambda: 'doorkeeper_requests_total{api="Metadata"}' in door.get("/metrics")[1])
    status, page = door.get("/")
    assert status == 200
    assert "Brokers" in page


def test_without_sasl_nothing_is_answered(door: Door) -> None:
    """An anonymous client on a SASL port: its connection is closed, and the log says what to do."""
    context = ssl.create_default_context(cafile=str(door.directory / "ca.pem"))
    frame = encode_request(ApiKey.METADATA, 1, 1, "stranger", build(request_type(ApiKey.METADATA, 1), topics=None))
    with (
        socket.create_connection(("127.0.0.1", door.ports["sasl_ssl"]), 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(frame)
        assert client.recv(1) == b""
    eventually(lambda: "Unexpected Kafka request of type METADATA during SASL handshake" in door.log())


def test_without_a_certificate_the_handshake_fails(door: Door) -> None:
    context = ssl.create_default_context(cafile=str(door.directory / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", door.ports["ssl"]), 10) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
        context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.recv(1)


@pytest.mark.parametrize(
    ("listener", "first"),
    [("sasl_plaintext", b"\x16\x03\x01\x02\x00\x01\x00"), ("sasl_ssl", b"GET / HTTP/1.1\r\n\r\n")],
)
def test_what_the_port_does_not_expect_is_named_in_the_log(door: Door, listener: str, first: bytes) -> None:
    """Case 14 and 15: and not a byte goes back that a client could read as a length."""
    with socket.create_connection(("127.0.0.1", door.ports[listener]), 10) as client:
        client.sendall(first)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    expected = "TLS" if listener == "sasl_plaintext" else "HTTP"
    eventually(lambda: any(expected in line and "remedy" in line for line in door.log().splitlines()))


def test_acks_0_then_fin_reaches_the_broker(door: Door, kafka: KafkaCluster, topic: str) -> None:
    """Case 11."""
    producer = Producer(door.librdkafka("alice", acks=0))
    producer.produce(topic, b"last words")
    producer.flush(ENOUGH_S)
    del producer
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe([topic])
        assert eventually(lambda: consumer.poll(1)).value() == b"last words"
    finally:
        consumer.close()


def test_three_brokers_and_one_that_dies(door_of_three: Door, kafka_of_three: KafkaCluster, unique_name: Name) -> None:
    """Leaders and coordinators on all of them, each at its own port; one dies, and comes back."""
    door, cluster = door_of_three, kafka_of_three
    topic = make_topic(cluster, unique_name("a"), partitions=6, replicas=3)
    brokers = AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S).brokers
    assert {broker.port for broker in brokers.values()} == {door.ports["sasl_ssl"] + node for node in (1, 2, 3)}
    producer = Producer(door.librdkafka("alice"))
    failed: list[object] = []

    def write(values: list[bytes]) -> None:
        for partition, value in enumerate(values):
            producer.produce(
                topic, value, partition=partition, on_delivery=lambda e, _: failed.append(e) if e else None
            )
        assert producer.flush(60) == 0

    write([b"before"] * 6)
    cluster.broker(2).kill()
    try:
        write([b"after"] * 6)
    finally:
        cluster.broker(2).start()
    assert failed == []
    consumer = Consumer({**door.librdkafka("bob"), "group.id": unique_name("b"), "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        values = [eventually(lambda: consumer.poll(1)).value() for _ in range(12)]
        assert sorted(values) == [b"after"] * 6 + [b"before"] * 6
    finally:
        consumer.close()
