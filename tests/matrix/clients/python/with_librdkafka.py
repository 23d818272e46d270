"""librdkafka, through confluent-kafka."""

from __future__ import annotations

import os
import time

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from steps import (
    BOOTSTRAP,
    BROKER_VERSION,
    CA,
    CERTIFICATE,
    DENIED_GROUP,
    DENIED_TOPIC,
    GROUP,
    KEY,
    MECHANISM,
    PASSWORD,
    SECURITY,
    TOPIC,
    USERNAME,
    VALUES,
    WAIT_S,
    expect,
    expect_denial,
    shown,
)


def settings() -> dict[str, object]:
    found: dict[str, object] = {"bootstrap.servers": BOOTSTRAP, "security.protocol": SECURITY, "log_level": 0}
    if SECURITY != "PLAINTEXT":
        found["ssl.ca.location"] = CA
    if SECURITY == "SSL":
        found |= {"ssl.certificate.location": CERTIFICATE, "ssl.key.location": KEY}
    if SECURITY.startswith("SASL"):
        found |= {"sasl.mechanism": MECHANISM, "sasl.username": USERNAME, "sasl.password": PASSWORD}
    if BROKER_VERSION < (0, 10) and SECURITY == "PLAINTEXT":
        # A broker that cannot tell its versions: librdkafka wants to be told.
        found |= {"api.version.request": False, "broker.version.fallback": os.environ["BROKER_VERSION"]}
    return found


def list_topics() -> list[str]:
    topics = list(AdminClient(settings()).list_topics(timeout=WAIT_S).topics)
    shown(f"listed {topics}", TOPIC in topics)
    return topics


def produce(topic: str) -> None:
    failed: list[object] = []
    told: list[Message] = []

    def delivered(error: object, message: Message) -> None:
        told.append(message)
        if error is not None:
            failed.append(error)

    producer = Producer(settings() | {"message.timeout.ms": WAIT_S * 1000 - 1000})
    for value in VALUES:
        producer.produce(topic, value, partition=0, on_delivery=delivered)
    producer.flush(WAIT_S)
    if failed:
        raise KafkaException(failed[0])
    shown(f"{len(told)} were delivered", len(told) == len(VALUES))


def consume(group: str) -> None:
    wanted = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    # Brokers before 0.10.1 allow no more than 30 s, and its default is 45.
    consumer = Consumer(settings() | wanted | {"session.timeout.ms": 10_000})
    try:
        consumer.subscribe([TOPIC])
        values: list[bytes | None] = []
        end = time.monotonic() + WAIT_S
        while len(values) < len(VALUES) and time.monotonic() < end:
            message = consumer.poll(0.5)
            if message is not None:
                if message.error():
                    raise KafkaException(message.error())
                values.append(message.value())
        shown(f"received {values}", values == VALUES)
        consumer.commit(asynchronous=False)
        (committed,) = consumer.committed([TopicPartition(TOPIC, 0)], timeout=WAIT_S)
        shown(f"committed {committed.offset}", committed.offset == len(VALUES))
    finally:
        consumer.close()


expect("list", list_topics)
expect("produce", lambda: produce(TOPIC))
expect("consume", lambda: consume(GROUP))
if DENIED_TOPIC:
    expect_denial("denied write", "TOPIC_AUTHORIZATION_FAILED", lambda: produce(DENIED_TOPIC))
    expect_denial("denied group", "GROUP_AUTHORIZATION_FAILED", lambda: consume(DENIED_GROUP))
