"""kafka-python and aiokafka through the doorkeeper."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from proxy.embedded import KafkaCluster
from tests.integration.door import Door

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.errors import GroupAuthorizationFailedError
    from aiokafka.errors import TopicAuthorizationFailedError as AioTopicDenied
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.errors import TopicAuthorizationFailedError

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WAYS_IN = [("sasl_ssl", "SCRAM-SHA-256"), ("sasl_ssl", "PLAIN"), ("sasl_plaintext", "SCRAM-SHA-512"), ("ssl", "")]
TEN_S = 10_000
Name = Callable[[str], str]


def round_trip(settings: dict[str, Any], topic: str, group: str) -> list[bytes]:
    """Write two records and read them with a group, by kafka-python."""
    producer = KafkaProducer(**settings)
    try:
        for value in (b"one", b"two"):
            producer.send(topic, value).get(30)
    finally:
        producer.close()
    consumer = KafkaConsumer(topic, group_id=group, auto_offset_reset="earliest", consumer_timeout_ms=TEN_S, **settings)
    try:
        return [next(consumer).value for _ in range(2)]
    finally:
        consumer.close()


@pytest.mark.parametrize(("listener", "mechanism"), WAYS_IN)
def test_kafka_python(door: Door, topic: str, unique_name: Name, listener: str, mechanism: str) -> None:
    settings = door.python("alice", listener, mechanism)
    assert round_trip(settings, topic, unique_name("a")) == [b"one", b"two"]
    # An idempotent producer (the default) would not even get its producer id: bob may write nowhere (KIP-679).
    producer = KafkaProducer(**door.python("bob", listener, mechanism), enable_idempotence=False)
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            producer.send(topic, b"three").get(30)
    finally:
        producer.close()
    door.expect_denial(principal="User:bob", operation="Write", resource_name=topic)


def test_brokers_by_host_name(door: Door, topic: str, unique_name: Name, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every broker has a host name of its own on the one port, told apart by SNI."""
    resolve = socket.getaddrinfo
    asked: set[str] = set()

    def loopback(host: str, *more: Any, **named: Any) -> Any:
        asked.add(str(host))
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", loopback)
    assert round_trip(door.python("alice", "sni"), topic, unique_name("a")) == [b"one", b"two"]
    assert any(name.startswith("b") and name.endswith(".localhost") for name in asked)


@pytest.mark.parametrize(("listener", "mechanism"), WAYS_IN)
async def test_aiokafka(door: Door, topic: str, unique_name: Name, listener: str, mechanism: str) -> None:
    settings = door.python("alice", listener, mechanism)
    async with AIOKafkaProducer(**settings) as producer:
        await producer.send_and_wait(topic, b"one")
    consumer = AIOKafkaConsumer(topic, group_id=unique_name("a"), auto_offset_reset="earliest", **settings)
    async with consumer:
        assert (await consumer.getone()).value == b"one"
    async with AIOKafkaProducer(**door.python("bob", listener, mechanism)) as producer:
        with pytest.raises(AioTopicDenied):
            await producer.send_and_wait(topic, b"two")


def test_kafka_python_learns_no_brokers_address(door_of_three: Door, kafka_of_three: KafkaCluster) -> None:
    consumer = KafkaConsumer(**door_of_three.python("alice"))
    try:
        consumer.topics()
        told = {(broker.host, broker.port) for broker in consumer._client.cluster.brokers()}
    finally:
        consumer.close()
    assert told == {("127.0.0.1", door_of_three.ports["sasl_ssl"] + node_id) for node_id in (1, 2, 3)}
    assert not told & {("127.0.0.1", broker.port) for broker in kafka_of_three.brokers}


async def test_aiokafka_learns_no_brokers_address(door_of_three: Door) -> None:
    async with AIOKafkaProducer(**door_of_three.python("alice")) as producer:
        told = {(broker.host, broker.port) for broker in producer.client.cluster.brokers()}
    assert told == {("127.0.0.1", door_of_three.ports["sasl_ssl"] + node_id) for node_id in (1, 2, 3)}


def test_an_empty_topic_gives_nothing(door: Door, topic: str, unique_name: Name) -> None:
    settings = door.python("bob") | {"auto_offset_reset": "earliest", "consumer_timeout_ms": 2_000}
    consumer = KafkaConsumer(topic, group_id=unique_name("b"), **settings)
    try:
        assert list(consumer) == []
        (partition,) = consumer.assignment()
        assert consumer.end_offsets([partition]) == {partition: 0}
    finally:
        consumer.close()


async def test_a_group_that_may_not_be_read_is_refused(door: Door, topic: str) -> None:
    consumer = AIOKafkaConsumer(topic, group_id="foreign", **door.python("bob"))
    try:
        with pytest.raises(GroupAuthorizationFailedError):
            await consumer.start()
    finally:
        await consumer.stop()
    door.expect_denial(principal="User:bob", resource_type="Group", resource_name="foreign")
