"""aiokafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
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


async def list_topics() -> set[str]:
    async with AIOKafkaConsumer(**python_settings()) as consumer:
        topics: set[str] = await consumer.topics()
    shown(f"listed {topics}", TOPIC in topics)
    return topics


async def produce(topic: str) -> None:
    async with AIOKafkaProducer(**python_settings(), acks="all") as producer:
        for value in VALUES:
            await producer.send_and_wait(topic, value)


async def consume(group: str) -> None:
    settings = {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    async with AIOKafkaConsumer(TOPIC, **python_settings(), **settings) as consumer:
        values = [(await consumer.getone()).value for _ in VALUES]
        shown(f"received {values}", values == VALUES)
        await consumer.commit()
        committed = await consumer.committed(TopicPartition(TOPIC, 0))
        shown(f"committed {committed}", committed == len(VALUES))


def in_time(step: Callable[..., Coroutine[Any, Any, Any]], *arguments: str) -> Callable[[], Any]:
    """Old or new brokers are waited for without end."""
    return lambda: asyncio.run(asyncio.wait_for(step(*arguments), WAIT_S))


expect("list", in_time(list_topics))
expect("produce", in_time(produce, TOPIC))
expect("consume", in_time(consume, GROUP))
if DENIED_TOPIC:
    expect_denial("denied write", "TopicAuthorizationFailedError", in_time(produce, DENIED_TOPIC))
    expect_denial("denied group", "GroupAuthorizationFailedError", in_time(consume, DENIED_GROUP))
