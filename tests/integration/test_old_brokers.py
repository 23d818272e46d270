"""Brokers from before KIP-152, record batches and the flag that keeps Metadata from creating topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.conftest import SharedKafka
from tests.integration.door import Door, eventually
from tests.integration.wire import Wire, fetch_values, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]


@pytest.fixture(scope="module")
def old_kafka(shared_kafka: SharedKafka) -> KafkaCluster:
    """The last Kafka 0.10."""
    return shared_kafka("0.10.2.2")


@pytest.fixture(scope="module")
def old_door(old_kafka: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> Door:
    """In front of it."""
    return doors(old_kafka)


@pytest.fixture
def client(old_door: Door) -> Iterator[Wire]:
    """Alice."""
    with wire(old_door, "alice") as client:
        yield client


def message_set(value: bytes) -> bytes:
    builder = LegacyRecordBatchBuilder(0, 0, 1 << 16)
    builder.append(0, None, None, value)
    return bytes(builder.build())


def produce(topic: str, value: bytes) -> dict[str, Any]:
    data = [{"name": topic, "partition_data": [{"index": 0, "records": message_set(value)}]}]
    return {"acks": 1, "topic_data": data}


def led(client: Wire, topic: str) -> bool:
    (told,) = client.ask(ApiKey.METADATA, 0, topics=[{"name": topic}]).topics
    return bool(told.error_code == ErrorCode.none)


def test_3_4_what_is_offered_is_what_the_broker_has(client: Wire, old_kafka: KafkaCluster) -> None:
    with Wire(old_kafka.broker(1).port) as direct:
        theirs = direct.offered()
    assert client.offered()[ApiKey.PRODUCE] == theirs[ApiKey.PRODUCE] == range(3)
    assert client.offered()[ApiKey.METADATA] == theirs[ApiKey.METADATA] == range(3)
    assert not {ApiKey.LEADER_AND_ISR, ApiKey.UPDATE_METADATA, ApiKey.CONTROLLED_SHUTDOWN} & client.offered().keys()


def test_the_oldest_requests_are_judged_too(client: Wire, old_door: Door, unique_name: Name) -> None:
    topic = unique_name("a")
    eventually(lambda: led(client, topic))
    for version in client.versions(ApiKey.PRODUCE):
        answer = client.ask(ApiKey.PRODUCE, version, **produce(topic, b"x"))
        assert answer.responses[0].partition_responses[0].error_code == ErrorCode.none
    for version in client.versions(ApiKey.FETCH):
        answer = client.ask(ApiKey.FETCH, version, **fetch_values(topic))
        assert b"x" in answer.responses[0].partitions[0].records
    with wire(old_door, "bob") as bob:
        for version in bob.versions(ApiKey.PRODUCE):
            answer = bob.ask(ApiKey.PRODUCE, version, **produce(topic, b"x"))
            denied = answer.responses[0].partition_responses[0].error_code
            assert denied == ErrorCode.topic_authorization_failed
    old_door.expect_denial(principal="User:bob", api="Produce", operation="Write", resource_name=topic)


def test_naming_a_topic_without_the_right_to_create_it_does_not(
    old_door: Door, old_kafka: KafkaCluster, unique_name: Name
) -> None:
    """Here each Metadata creates every topic that it names."""
    name = unique_name("a")
    with wire(old_door, "bob") as bob:
        assert not led(bob, name)
    with Wire(old_kafka.broker(1).port) as direct:
        assert name not in {topic.name for topic in direct.ask(ApiKey.METADATA, 0, topics=()).topics}


def test_6_the_broker_saw_nothing_that_it_does_not_know(client: Wire, old_kafka: KafkaCluster) -> None:
    """SaslAuthenticate is newer than it."""
    assert client.ask(ApiKey.METADATA, 0, topics=()).brokers
    log = Path(old_kafka.broker(1).log).read_text()
    assert "[KafkaServer" in log or "started" in log
    assert "Exception" not in log
