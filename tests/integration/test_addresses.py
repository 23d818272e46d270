"""No client learns the address of a broker: every answer that carries one, in every version, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import NODE_IDS, Door, eventually
from tests.integration.wire import Wire, fetch_values, produce_values, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
BROKER_CONFIGS = 4
LISTENER = "sasl_plaintext"
# What a broker without a replica answers, the second one before Kafka 2.
ELSEWHERE = (ErrorCode.not_leader_or_follower, ErrorCode.unknown_topic_or_partition)


def assert_hides(kafka: KafkaCluster, client: Wire) -> None:
    """The real ports occur nowhere in the last answer, neither as a number nor as text."""
    for broker in kafka.brokers:
        assert struct.pack(">i", broker.port) not in client.answer_bytes
        assert f":{broker.port}".encode() not in client.answer_bytes


def assert_ours(door: Door, told: Any) -> None:
    """A broker is where the doorkeeper listens for it."""
    assert (told.host, told.port) == ("127.0.0.1", door.ports[LISTENER] + told.node_id)


@pytest.fixture
def client(door_of_three: Door) -> Iterator[Wire]:
    """Alice, connected to any broker."""
    with wire(door_of_three, "alice", LISTENER) as client:
        yield client


def test_metadata(door_of_three: Door, kafka_of_three: KafkaCluster, client: Wire) -> None:
    for version in client.versions(ApiKey.METADATA):
        brokers = client.ask(ApiKey.METADATA, version, topics=None).brokers
        assert {broker.node_id for broker in brokers} == {1, 2, 3}
        for broker in brokers:
            assert_ours(door_of_three, broker)
        assert_hides(kafka_of_three, client)


@pytest.mark.parametrize("key_type", [0, 1], ids=["group", "transaction"])
def test_coordinators_are_on_all_brokers(
    door_of_three: Door, kafka_of_three: KafkaCluster, client: Wire, unique_name: Name, key_type: int
) -> None:
    names = [unique_name("a") for _ in range(12)]
    found: set[int] = set()
    for version in client.versions(ApiKey.FIND_COORDINATOR):
        if version == 0 and key_type == 1:
            continue

        def ask(name: str, version: int = version) -> Any:
            answer = client.ask(
                *(ApiKey.FIND_COORDINATOR, version), key=name, key_type=key_type, coordinator_keys=[name]
            )
            assert_hides(kafka_of_three, client)
            told = answer.coordinators[0] if version >= 4 else answer
            return told if told.error_code == ErrorCode.none else None

        for name in names:
            told = eventually(lambda name=name: ask(name))
            assert_ours(door_of_three, told)
            found.add(told.node_id)
    assert found == {1, 2, 3}


def test_describe_cluster(door_of_three: Door, kafka_of_three: KafkaCluster, client: Wire) -> None:
    """Case 13. Before Kafka 2.8 there is no such request, and none is offered."""
    versions = client.versions(ApiKey.DESCRIBE_CLUSTER)
    assert bool(versions) == kafka_of_three.version.startswith("4.")
    for version in versions:
        brokers = client.ask(ApiKey.DESCRIBE_CLUSTER, version, endpoint_type=1).brokers
        told = {broker.broker_id: (broker.host, broker.port) for broker in brokers}
        assert told == {node_id: ("127.0.0.1", door_of_three.ports[LISTENER] + node_id) for node_id in (1, 2, 3)}
        assert_hides(kafka_of_three, client)


def test_a_broker_that_does_not_lead_tells_who_does(
    door_of_three: Door, kafka_of_three: KafkaCluster, client: Wire, unique_name: Name
) -> None:
    """Case 12 (KIP-951): Produce 10+ and Fetch 16+ bring the leader's address along."""
    topic = make_topic(kafka_of_three, unique_name("a"))
    led = eventually(lambda: _led(client, topic))
    leader = led.partitions[0].leader_id
    with wire(door_of_three, "alice", LISTENER, node_id=leader % 3 + 1) as follower:
        eventually(lambda: _led(follower, topic))
        told_where = 0
        for version in follower.versions(ApiKey.PRODUCE):
            if version > follower.newest(ApiKey.PRODUCE):
                continue
            answer = follower.ask(ApiKey.PRODUCE, version, **produce_values({topic: b"x"}))
            assert answer.responses[0].partition_responses[0].error_code in ELSEWHERE
            told_where += endpoints(door_of_three, answer)
            assert_hides(kafka_of_three, follower)
        for version in follower.versions(ApiKey.FETCH):
            key = topic if version < 13 else led.topic_id
            answer = follower.ask(ApiKey.FETCH, version, **fetch_values(key))
            assert answer.responses[0].partitions[0].error_code in ELSEWHERE
            told_where += endpoints(door_of_three, answer)
            assert_hides(kafka_of_three, follower)
    assert bool(told_where) == kafka_of_three.version.startswith("4.")


def _led(client: Wire, topic: str) -> Any:
    """What this broker tells about a topic, None as long as it knows no leader."""
    (told,) = client.ask(ApiKey.METADATA, client.versions(ApiKey.METADATA)[-1], topics=[{"name": topic}]).topics
    return told if told.error_code == ErrorCode.none else None


def endpoints(door: Door, answer: Any) -> int:
    """How many leaders' addresses an answer has, all of them ours."""
    found = getattr(answer, "node_endpoints", ())
    for endpoint in found:
        assert_ours(door, endpoint)
    return len(found)


def test_the_settings_of_a_broker_do_not_tell_either(door_of_three: Door, kafka_of_three: KafkaCluster) -> None:
    with wire(door_of_three, "admin", LISTENER, node_id=1) as client:
        for version in client.versions(ApiKey.DESCRIBE_CONFIGS):
            asked = {"resource_type": BROKER_CONFIGS, "resource_name": "1", "configuration_keys": None}
            values = {"include_synonyms": True, "include_documentation": True}
            (told,) = client.ask(ApiKey.DESCRIBE_CONFIGS, version, resources=[asked], **values).results
            assert told.error_code == ErrorCode.none
            assert "advertised.listeners" in {config.name for config in told.configs}
            assert_hides(kafka_of_three, client)


def test_a_port_leads_to_its_own_broker(door_of_three: Door) -> None:
    """The broker's own settings say which one it is; the id of a broker that does not exist leads nowhere."""
    for node_id in (1, 2, 3):
        with wire(door_of_three, "admin", LISTENER, node_id=node_id) as client:
            asked = {"resource_type": BROKER_CONFIGS, "resource_name": str(node_id), "configuration_keys": None}
            (told,) = client.ask(ApiKey.DESCRIBE_CONFIGS, 1, resources=[asked]).results
            assert {c.name: c.value for c in told.configs}["log.dirs"].endswith(f"broker-{node_id}")
    with wire(door_of_three, None, LISTENER, node_id=NODE_IDS) as nobody, pytest.raises(ConnectionError):
        nobody.log_in("alice", "alice-password")
