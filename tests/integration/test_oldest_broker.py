"""Kafka 0.11, the oldest that is served: it is older than SaslAuthenticate, which must not reach it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.conftest import SharedKafka
from tests.integration.conftest import make_topic
from tests.integration.door import Door, eventually
from tests.integration.wire import fetch_values, produce_values, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]


@pytest.fixture(scope="module")
def oldest(shared_kafka: SharedKafka) -> KafkaCluster:
    """A single broker."""
    return shared_kafka("0.11.0.3")


@pytest.fixture(scope="module")
def door(oldest: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> Door:
    """In front of it."""
    return doors(oldest)


def test_every_version_that_is_offered_is_served(door: Door, oldest: KafkaCluster, unique_name: Name) -> None:
    topic = make_topic(oldest, unique_name("a"))
    with wire(door, "alice", "sasl_ssl") as alice, wire(door, "bob", "sasl_ssl") as bob:
        for version in alice.versions(ApiKey.METADATA):
            (told,) = alice.ask(ApiKey.METADATA, version, topics=[{"name": topic}]).topics
            assert told.error_code == ErrorCode.none
        for version in alice.versions(ApiKey.PRODUCE):
            for client, expected in ((alice, ErrorCode.none), (bob, ErrorCode.topic_authorization_failed)):
                answer = client.ask(ApiKey.PRODUCE, version, **produce_values({topic: b"x"}))
                assert answer.responses[0].partition_responses[0].error_code == expected
        for version in bob.versions(ApiKey.FETCH):
            answer = bob.ask(ApiKey.FETCH, version, **fetch_values(topic))
            assert b"x" in answer.responses[0].partitions[0].records
    door.expect_denial(principal="User:bob", api="Produce", operation="Write", resource_name=topic)


def test_4_naming_a_topic_creates_it_only_for_those_who_may(door: Door, unique_name: Name) -> None:
    """Before version 4 each Metadata creates every topic that it names."""

    def named(user: str, version: int, name: str) -> ErrorCode:
        with wire(door, user) as client:
            (told,) = client.ask(ApiKey.METADATA, version, topics=[{"name": name}]).topics
            return ErrorCode(told.error_code)

    for version in range(4):
        name = unique_name("a")
        assert named("bob", version, name) == ErrorCode.topic_authorization_failed
        with wire(door, "admin") as admin:
            assert name not in {topic.name for topic in admin.ask(ApiKey.METADATA, version, topics=None).topics}
        eventually(lambda name=name, version=version: named("alice", version, name) == ErrorCode.none)


def test_6_the_broker_saw_nothing_that_it_does_not_know(door: Door, oldest: KafkaCluster) -> None:
    with wire(door, "alice", "sasl_ssl") as client:
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers
    assert "Exception" not in oldest.broker(1).log.read_text()
