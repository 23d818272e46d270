"""Brokers that cannot tell their versions, with clients of their own age and with newer ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.conftest import SharedKafka
from tests.integration.door import ENOUGH_S, Door, eventually
from tests.integration.wire import fetch_values, produce_values, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
OF_GROUPS = {ApiKey.JOIN_GROUP, ApiKey.LIST_GROUPS, ApiKey.SYNC_GROUP}


@pytest.fixture(scope="module", params=["0.8.2.2", "0.9.0.1"])
def old(request: pytest.FixtureRequest, shared_kafka: SharedKafka) -> KafkaCluster:
    """A single broker."""
    return shared_kafka(request.param)


@pytest.fixture(scope="module")
def old_door(old: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> Door:
    """In front of it."""
    return doors(old)


def named(door: Door, user: str, name: str) -> int:
    """Name a topic, which creates it for those who may; gives its error code."""
    with wire(door, user) as client:
        (topic,) = client.ask(ApiKey.METADATA, 0, topics=[{"name": name}]).topics
        return int(topic.error_code)


def make(door: Door, name: str) -> str:
    eventually(lambda: named(door, "alice", name) == 0)
    return name


def test_it_is_offered_for_what_it_is(old_door: Door, old: KafkaCluster) -> None:
    with wire(old_door, "alice") as client:
        offered = client.offered()
        assert offered[ApiKey.PRODUCE] == range(1 if old.version.startswith("0.8") else 2)
        assert offered[ApiKey.METADATA] == range(1)
        assert (offered.keys() & OF_GROUPS == OF_GROUPS) is not old.version.startswith("0.8")


def test_every_version_is_judged_and_served(old_door: Door, unique_name: Name) -> None:
    topic = make(old_door, unique_name("a"))
    with wire(old_door, "alice") as alice, wire(old_door, "bob") as bob:
        message = bytes(8) + (14 + 1).to_bytes(4, "big")
        for version in alice.versions(ApiKey.PRODUCE):
            for client, expected in ((bob, 29), (alice, None)):
                values = produce_values({topic: b"x"})
                values["topic_data"][0]["partition_data"][0]["records"] = message + _legacy_message()
                answer = client.ask(ApiKey.PRODUCE, version, **values)
                error = answer.responses[0].partition_responses[0].error_code
                assert (error == 29) is (expected == 29)
        for version in bob.versions(ApiKey.FETCH):
            answer = bob.ask(ApiKey.FETCH, version, **fetch_values(topic))
            assert answer.responses[0].partitions[0].error_code == 0
    old_door.expect_denial(principal="User:bob", api="Produce", operation="Write", resource_name=topic)


def _legacy_message() -> bytes:
    """A message of magic 0 with one byte as its value; its checksum is wrong on purpose."""
    return bytes(4) + b"\0\0" + b"\xff" * 4 + b"\0\0\0\1x"


def test_naming_a_topic_creates_it_only_for_those_who_may(old_door: Door, unique_name: Name) -> None:
    name = unique_name("a")
    assert named(old_door, "bob", name) == 29
    with wire(old_door, "admin") as admin:
        assert name not in {topic.name for topic in admin.ask(ApiKey.METADATA, 0, topics=[]).topics}
    make(old_door, name)


def test_librdkafka_writes_and_reads(old_door: Door, old: KafkaCluster, unique_name: Name) -> None:
    topic = make(old_door, unique_name("a"))
    producer = Producer(old_door.librdkafka("alice"))
    errors: list[object] = []
    producer.produce(topic, b"hello", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(ENOUGH_S) == 0
    assert errors == [None]
    if old.version.startswith("0.8"):
        return
    # 0.9 allows no session timeout above 30 seconds.
    own = {"group.id": unique_name("b"), "auto.offset.reset": "earliest", "session.timeout.ms": 10_000}
    consumer = Consumer(old_door.librdkafka("bob") | own)
    consumer.subscribe([topic])
    found = eventually(lambda: consumer.poll(1.0))
    assert found.value() == b"hello"
    consumer.close()


def test_the_tools_of_its_own_age_come_in_by_certificate(old_door: Door, old: KafkaCluster, unique_name: Name) -> None:
    """Those of 0.8 can do nothing of the kind."""
    if old.version.startswith("0.8"):
        assert old.tools.producer_servers_option == "--broker-list"
        return
    topic = make(old_door, unique_name("a"))
    servers = old_door.bootstrap("ssl")

    def write(user: str, text: str) -> str:
        done = old.tools.run(
            "ConsoleProducer",
            *("--broker-list", servers, "--topic", topic, "--producer.config", old_door.java(user, "ssl")),
            # Its default is 0, and what is sent so just before closing 0.9 may lose without any doorkeeper.
            *("--request-required-acks", "1"),
            stdin=text,
        )
        return done.stderr + done.stdout

    write("alice", "first\nsecond\n")
    reader = old_door.directory / "reader-of-0.9.properties"
    reader.write_text(f"{Path(old_door.java('bob', 'ssl')).read_text()}group.id={unique_name('b')}\n")
    read = old.tools.run(
        "ConsoleConsumer",
        *("--new-consumer", "--bootstrap-server", servers, "--topic", topic, "--from-beginning", "--max-messages", "2"),
        *("--consumer.config", str(reader)),
    )
    assert read.stdout == "first\nsecond\n", read.stderr
    write("bob", "third\n")
    old_door.expect_denial(principal="User:bob", operation="Write", resource_name=topic)
