"""confluent-kafka (librdkafka) through the doorkeeper, in front of Kafka 1.1.1 and 4.1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, Door

pytestmark = pytest.mark.kafka

WAYS_IN = [
    ("sasl_ssl", "SCRAM-SHA-256"),
    ("sasl_ssl", "SCRAM-SHA-512"),
    ("sasl_ssl", "PLAIN"),
    ("sasl_plaintext", "PLAIN"),
    ("sasl_plaintext", "SCRAM-SHA-256"),
    ("ssl", ""),
]
Name = Callable[[str], str]


def produce(settings: dict[str, Any], topic: str, values: Sequence[bytes]) -> list[KafkaError]:
    errors: list[KafkaError] = []
    producer = Producer(settings)
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error) if error else None)
    assert producer.flush(ENOUGH_S) == 0
    return errors


def consume(settings: dict[str, Any], topic: str, group: str, count: int) -> list[bytes]:
    consumer = Consumer({**settings, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values: list[bytes] = []
    try:
        while len(values) < count:
            messages = consumer.consume(1, ENOUGH_S)
            assert messages, f"only {values} came"
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                values.append(message.value())
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    return values


def code(failure: pytest.ExceptionInfo[KafkaException]) -> int:
    found: int = failure.value.args[0].code()
    return found


@pytest.mark.parametrize(("listener", "mechanism"), WAYS_IN)
def test_what_alice_writes_bob_reads(door: Door, topic: str, unique_name: Name, listener: str, mechanism: str) -> None:
    alice = door.librdkafka("alice", listener, mechanism)
    bob = door.librdkafka("bob", listener, mechanism)
    assert produce(alice, topic, [b"one", b"two"]) == []
    assert consume(bob, topic, unique_name("b"), 2) == [b"one", b"two"]
    (error,) = produce(bob, topic, [b"three"])
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    told = door.expect_denial(principal="User:bob", operation="Write", resource_name=topic)
    assert told["api"] == "Produce"
    assert consume(alice, topic, unique_name("a"), 2) == [b"one", b"two"]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_pass_untouched(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Name, codec: str
) -> None:
    if codec == "zstd" and kafka.version.startswith("1."):
        codec = "lz4"  # zstd came with Kafka 2.1 (KIP-110)
    values = [bytes([65 + n]) * 5_000 for n in range(20)]
    settings = door.librdkafka("alice", **{"compression.type": codec, "linger.ms": 50})
    assert produce(settings, topic, values) == []
    assert consume(door.librdkafka("alice"), topic, unique_name("a"), 20) == values


def test_large_records_come_back_whole(door: Door, topic: str, unique_name: Name) -> None:
    values = [bytes([n]) * 900_000 for n in range(5)]
    assert produce(door.librdkafka("alice"), topic, values) == []
    assert consume(door.librdkafka("alice"), topic, unique_name("a"), 5) == values


def test_a_group_that_may_not_be_read_is_refused(door: Door, topic: str) -> None:
    consumer = Consumer({**door.librdkafka("bob"), "group.id": "foreign"})
    try:
        consumer.subscribe([topic])
        error = next(m.error() for m in iter(lambda: consumer.poll(ENOUGH_S), None) if m.error())
        assert error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        consumer.close()
    door.expect_denial(principal="User:bob", resource_type="Group", resource_name="foreign")


def test_a_topic_that_may_not_be_read_is_refused(door: Door, kafka: KafkaCluster, unique_name: Name) -> None:
    secret = unique_name("secret")
    make_topic(kafka, secret)
    with pytest.raises(KafkaException) as failure:
        consume(door.librdkafka("alice"), secret, unique_name("a"), 1)
    assert code(failure) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    topics = AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S).topics
    assert secret not in topics
    assert secret in AdminClient(door.librdkafka("admin")).list_topics(timeout=ENOUGH_S).topics


def test_naming_a_topic_does_not_create_it(door: Door, kafka: KafkaCluster, unique_name: Name) -> None:
    wanted = unique_name("a")
    (error,) = produce(door.librdkafka("bob", **{"message.timeout.ms": 4000}), wanted, [b"x"])
    assert error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._UNKNOWN_TOPIC, KafkaError._MSG_TIMED_OUT)
    topics = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=ENOUGH_S).topics
    assert wanted not in topics


def test_transactions_commit_and_abort(door: Door, topic: str, unique_name: Name) -> None:
    producer = Producer(door.librdkafka("alice", **{"transactional.id": unique_name("a")}))
    producer.init_transactions(ENOUGH_S)
    for value, commit in ((b"aborted", False), (b"committed", True)):
        producer.begin_transaction()
        producer.produce(topic, value)
        if commit:
            producer.send_offsets_to_transaction(
                [TopicPartition(topic, 0, 1)], _metadata(door, unique_name("a")), ENOUGH_S
            )
            producer.commit_transaction(ENOUGH_S)
        else:
            producer.flush(ENOUGH_S)
            producer.abort_transaction(ENOUGH_S)
    settings = door.librdkafka("bob", **{"isolation.level": "read_committed"})
    assert consume(settings, topic, unique_name("b"), 1) == [b"committed"]


def _metadata(door: Door, group: str) -> Any:
    consumer = Consumer({**door.librdkafka("alice"), "group.id": group})
    try:
        return consumer.consumer_group_metadata()
    finally:
        consumer.close()


def test_a_transactional_id_that_may_not_be_used_is_refused(door: Door) -> None:
    producer = Producer(door.librdkafka("bob", **{"transactional.id": "foreign"}))
    with pytest.raises(KafkaException) as failure:
        producer.init_transactions(ENOUGH_S)
    assert code(failure) == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    door.expect_denial(principal="User:bob", resource_type="TransactionalId", resource_name="foreign")


def test_topics_are_administered_as_far_as_the_policy_goes(door: Door, unique_name: Name) -> None:
    mine, foreign = unique_name("a"), unique_name("foreign")
    alice = AdminClient(door.librdkafka("alice"))
    made = alice.create_topics([NewTopic(mine, 1, 1), NewTopic(foreign, 1, 1)])
    made[mine].result(ENOUGH_S)
    with pytest.raises(KafkaException) as failure:
        made[foreign].result(ENOUGH_S)
    assert code(failure) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    resource = ConfigResource(ConfigResource.Type.TOPIC, mine)
    assert "retention.ms" in alice.describe_configs([resource])[resource].result(ENOUGH_S)
    bob = AdminClient(door.librdkafka("bob"))
    with pytest.raises(KafkaException) as failure:
        bob.delete_topics([mine])[mine].result(ENOUGH_S)
    assert code(failure) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    alice.delete_topics([mine])[mine].result(ENOUGH_S)


def test_groups_are_listed_and_described_as_far_as_the_policy_goes(door: Door, topic: str, unique_name: Name) -> None:
    group = unique_name("a")
    produce(door.librdkafka("alice"), topic, [b"x"])
    consume(door.librdkafka("alice"), topic, group, 1)

    alice, bob = AdminClient(door.librdkafka("alice")), AdminClient(door.librdkafka("bob"))

    def listed(client: AdminClient) -> set[str]:
        result = client.list_consumer_groups().result(ENOUGH_S)
        return {found.group_id for found in result.valid}

    assert group in listed(alice)
    assert group not in listed(bob)
    assert alice.describe_consumer_groups([group])[group].result(ENOUGH_S).group_id == group
    with pytest.raises(KafkaException) as failure:
        bob.describe_consumer_groups([group])[group].result(ENOUGH_S)
    assert code(failure) == KafkaError.GROUP_AUTHORIZATION_FAILED
    alice.delete_consumer_groups([group])[group].result(ENOUGH_S)


def test_no_client_learns_a_brokers_address(door: Door, kafka: KafkaCluster) -> None:
    brokers = AdminClient(door.librdkafka("alice")).list_topics(timeout=ENOUGH_S).brokers
    told = {(broker.host, broker.port) for broker in brokers.values()}
    assert told == {("127.0.0.1", door.ports["sasl_ssl"] + node) for node in brokers}
    assert not told & {("127.0.0.1", broker.port) for broker in kafka.brokers}


def test_an_empty_topic_has_an_end_and_nothing_before(door: Door, topic: str, unique_name: Name) -> None:
    more = {"group.id": unique_name("b"), "auto.offset.reset": "earliest", "enable.partition.eof": True}
    consumer = Consumer(door.librdkafka("bob") | more)
    try:
        assert consumer.get_watermark_offsets(TopicPartition(topic, 0), ENOUGH_S) == (0, 0)
        consumer.subscribe([topic])
        assert consumer.poll(ENOUGH_S).error().code() == KafkaError._PARTITION_EOF
    finally:
        consumer.close()


def test_the_new_group_protocol(
    kafka_4_1: KafkaCluster, doors: Callable[[KafkaCluster], Door], unique_name: Name
) -> None:
    """KIP-848: consumer group heartbeats instead of joining and syncing."""
    door = doors(kafka_4_1)
    name, group = unique_name("a"), unique_name("a")
    alice = AdminClient(door.librdkafka("alice"))
    alice.create_topics([NewTopic(name, 1, 1)])[name].result(ENOUGH_S)
    assert produce(door.librdkafka("alice"), name, [b"x"]) == []
    settings = door.librdkafka("alice", **{"group.protocol": "consumer"})
    assert consume(settings, name, group, 1) == [b"x"]
    described = alice.describe_consumer_groups([group])[group].result(ENOUGH_S)
    assert described.group_id == group
    refused = door.librdkafka("bob", **{"group.protocol": "consumer"})
    with pytest.raises(KafkaException) as failure:
        consume(refused, name, group, 1)
    assert code(failure) == KafkaError.GROUP_AUTHORIZATION_FAILED
