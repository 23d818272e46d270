"""What an operator does and what goes wrong: reload, drain, brokers that die, three brokers."""

from __future__ import annotations

import http
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, POLICY, Door, eventually
from tests.integration.wire import Wire, produce_values, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
REFUSED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


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
            error = message.error() if message else None
            return error is not None and error.code() in REFUSED

        eventually(refused)
    finally:
        consumer.close()
    assert door.denials(principal="User:bob")


def test_19_a_right_never_shows_without_the_prohibition_that_came_with_it(
    running_door: Door, kafka_1_1_1: KafkaCluster, unique_name: Name
) -> None:
    """ "Allow all" and "deny the one" come and go together, under load."""
    shown, secret = make_topic(kafka_1_1_1, unique_name("z")), make_topic(kafka_1_1_1, unique_name("z"))
    wide = f"""{POLICY}
  - {{name: everything, principals: [User:bob], allow: [All], topics: ["*"]}}
  - {{name: but-one, principals: [User:bob], deny: [All], topics: [{secret}]}}
"""
    with wire(running_door, "bob") as client:

        def sees(name: str) -> bool:
            topics = client.ask(ApiKey.METADATA, 1, topics=[{"name": shown}, {"name": secret}]).topics
            told = {topic.name: topic.error_code for topic in topics}
            assert told[secret] == ErrorCode.topic_authorization_failed
            return bool(told[name] == ErrorCode.none)

        for policy in (wide, POLICY, wide):
            running_door.write_policy(policy)
            running_door.process.signal(signal.SIGHUP)
            deadline = time.monotonic() + ENOUGH_S
            while sees(shown) != (policy is wide):
                assert time.monotonic() < deadline


def test_a_faulty_policy_is_told_and_the_old_one_stays(running_door: Door) -> None:
    door = running_door
    door.write_policy("policies: [{name: broken, alow: [Read]}]\n")
    door.process.signal(signal.SIGHUP)
    eventually(lambda: "did you mean" in door.log())
    assert 'doorkeeper_policy_reloads_total{result="failure"}' in door.get("/metrics")[1]
    assert AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S).brokers


def test_it_drains_and_ends_with_success(running_door: Door, kafka_1_1_1: KafkaCluster, unique_name: Name) -> None:
    """What is on its way to a broker is answered, whoever comes now is sent away, and then the end."""
    door, broker, topic = running_door, kafka_1_1_1.broker(1), make_topic(kafka_1_1_1, unique_name("a"))
    with wire(door, "alice") as client:
        version = client.newest(ApiKey.PRODUCE)
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers
        broker.pause()
        try:
            client.send(ApiKey.PRODUCE, version, **produce_values({topic: b"x"}))
            eventually(lambda: door.counter("doorkeeper_requests_total", api="Produce") == 1)
            door.process.signal(signal.SIGTERM)
            eventually(lambda: door.get("/readyz")[0] == http.HTTPStatus.SERVICE_UNAVAILABLE)
            with pytest.raises(ConnectionError), wire(door, "alice"):
                pytest.fail("it was let in")
        finally:
            broker.resume()
        _, answer = client.receive(ApiKey.PRODUCE, version)
        assert answer.responses[0].partition_responses[0].error_code == ErrorCode.none
        assert client.is_closed()
    eventually(lambda: not door.process.running)
    assert door.process.exit_code == 0
    assert "draining" in door.log()


def test_health_and_metrics(door: Door) -> None:
    assert door.get("/livez")[0] == 200
    assert door.get("/readyz")[0] == 200
    AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S)
    eventually(lambda: 'doorkeeper_requests_total{api="Metadata"}' in door.get("/metrics")[1])
    status, page = door.get("/")
    assert status == 200
    assert "Brokers" in page


PLAINTEXT_KAFKA = bytes.fromhex("0000000e 0012 0000 00000001 0004") + b"wire"


@pytest.mark.parametrize(
    ("listener", "first", "named"),
    [
        ("sasl_plaintext", b"\x16\x03\x01\x02\x00\x01\x00", "TLS"),
        ("sasl_ssl", b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        ("sasl_ssl", PLAINTEXT_KAFKA, "Kafka without TLS"),
        ("ssl", PLAINTEXT_KAFKA, "Kafka without TLS"),
    ],
)
def test_14_15_what_the_port_does_not_expect_is_named_in_the_log(
    door: Door, listener: str, first: bytes, named: str
) -> None:
    """And not a byte goes back that a client could read as a length."""
    with Wire(door.ports[listener]) as client:
        client.send_bytes(first)
        assert client.is_closed()
    eventually(lambda: any(named in line and "remedy" in line for line in door.log().splitlines()))


def test_three_brokers_and_one_that_dies(door_of_three: Door, kafka_of_three: KafkaCluster, unique_name: Name) -> None:
    """Leaders and coordinators on all of them, each at its own port; one dies, and comes back."""
    door, cluster = door_of_three, kafka_of_three
    topic = make_topic(cluster, unique_name("a"), partitions=6, replicas=3)
    brokers = AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S).brokers
    assert {broker.port for broker in brokers.values()} == {door.ports["sasl_ssl"] + node for node in (1, 2, 3)}
    producer = Producer(door.librdkafka("alice"))
    write_to_six(producer, topic, b"before")
    groups = groups_on_all_brokers(door, unique_name)
    for group in groups:
        assert read_six(door, topic, group) == [b"before"] * 6
    with wire(door, "alice", node_id=1) as first, wire(door, "alice", node_id=2) as second:
        assert second.ask(ApiKey.METADATA, 1, topics=None).brokers
        cluster.broker(2).kill()
        try:
            assert second.is_closed()
            assert first.ask(ApiKey.METADATA, 1, topics=None).brokers
            write_to_six(producer, topic, b"after")
            eventually(lambda: {b.node_id for b in first.ask(ApiKey.METADATA, 1, topics=None).brokers} == {1, 3})
            assert not answers(door, 2)
        finally:
            cluster.broker(2).start()
    eventually(lambda: answers(door, 2))
    for group in groups:
        assert read_six(door, topic, group) == [b"after"] * 6


def write_to_six(producer: Producer, topic: str, value: bytes) -> None:
    """Write a record to each of six partitions."""
    failed: list[object] = []
    for partition in range(6):
        producer.produce(topic, value, partition=partition, on_delivery=lambda e, _: failed.append(e) if e else None)
    assert producer.flush(60) == 0
    assert failed == []


def answers(door: Door, node_id: int) -> bool:
    """Whether the port of a broker leads to one."""
    try:
        with wire(door, "alice", node_id=node_id) as client:
            return bool(client.ask(ApiKey.METADATA, 1, topics=None).brokers)
    except ConnectionError:
        return False


def groups_on_all_brokers(door: Door, unique_name: Name) -> list[str]:
    """Groups that bob may use, one coordinated by each of the three brokers."""
    found: dict[int, str] = {}
    with wire(door, "bob") as client:

        def ask() -> bool:
            name = unique_name("b")
            told = client.ask(ApiKey.FIND_COORDINATOR, 1, key=name)
            if told.error_code == ErrorCode.none:
                found[told.node_id] = name
            return found.keys() == {1, 2, 3}

        eventually(ask)
    return list(found.values())


def read_six(door: Door, topic: str, group: str) -> list[bytes]:
    """The next records that bob's group reads."""
    consumer = Consumer({**door.librdkafka("bob"), "group.id": group, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        return [eventually(lambda: consumer.poll(1)).value() for _ in range(6)]
    finally:
        consumer.close()
