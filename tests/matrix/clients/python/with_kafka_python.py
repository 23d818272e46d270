"""kafka-python."""

from __future__ import annotations

import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from steps import (
    DENIED_GROUP,
    DENIED_TOPIC,
    GROUP,
    TOPIC,
    VALUES,
    WAIT_S,
    expect,
    expect_denial,
    python_settings,
    shown,
)


def settings() -> dict[str, object]:
    return python_settings()


def list_topics() -> set[str]:
    consumer = KafkaConsumer(**settings())
    topics = consumer.topics()
    consumer.close()
    shown(f"listed {topics}", TOPIC in topics)
    return topics


def produce(topic: str) -> None:
    producer = KafkaProducer(**settings(), acks="all", enable_idempotence=False, max_block_ms=WAIT_S * 1000)
    try:
        for future in [producer.send(topic, value) for value in VALUES]:
            future.get(WAIT_S)
    finally:
        producer.close(timeout=1)


def consume(group: str) -> None:
    consumer = KafkaConsumer(
        TOPIC, **settings(), group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    values: list[bytes] = []
    end = time.monotonic() + WAIT_S
    while len(values) < len(VALUES) and time.monotonic() < end:
        for records in consumer.poll(500).values():
            values += [record.value for record in records]
    shown(f"received {values}", values == VALUES)
    consumer.commit()
    committed = consumer.committed(TopicPartition(TOPIC, 0))
    shown(f"committed {committed}", committed == len(VALUES))
    consumer.close()


expect("list", list_topics)
expect("produce", lambda: produce(TOPIC))
expect("consume", lambda: consume(GROUP))
if DENIED_TOPIC:
    expect_denial("denied write", "TopicAuthorizationFailedError", lambda: produce(DENIED_TOPIC))
    expect_denial("denied group", "GroupAuthorizationFailedError", lambda: consume(DENIED_GROUP))
