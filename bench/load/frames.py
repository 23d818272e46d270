"""The requests that the load is made of, and what their answers say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from kio.schema.types import BrokerId

from bench.load.jobs import Request
from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from protocol.splice import decode_response, encode_request

# The newest versions that name topics by name. librdkafka speaks these or their neighbours.
PRODUCE_VERSION: Final = 9
FETCH_VERSION: Final = 12
METADATA_VERSION: Final = 9
API_VERSIONS_VERSION: Final = 3

_NO_REPLICA: Final = BrokerId(-1)
_WAIT: Final = timedelta(milliseconds=500)


@cache
def record_batch(size: int) -> bytes:
    """One record batch (KIP-98, magic 2) with one record of `size` bytes of noise, which nobody can compress."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, size + 1_000)
    builder.append(0, timestamp=1_700_000_000_000, key=None, value=os.urandom(size), headers=[])
    return bytes(builder.build())


def frames_of(request: Request, connection: int, window: int) -> list[bytes]:
    """The requests of one connection, all of one length, to be sent in turn: at least as many as are in flight."""
    return [_frame(request, connection, number) for number in range(max(window, request.turns))]


def api_versions() -> bytes:
    """The first request of every client."""
    entity = request_type(ApiKey.API_VERSIONS, API_VERSIONS_VERSION)
    body = build(entity, client_software_name="bench", client_software_version="1")
    return encode_request(ApiKey.API_VERSIONS, API_VERSIONS_VERSION, 0, "bench", body)


def errors_of(request: Request, frame: bytes) -> tuple[int, ...]:
    """The error codes of the partitions in an answer to one of these requests, smallest first, each once."""
    _, answer = decode_response(request.api, request.version, frame)
    return tuple(sorted({each.error_code.value for each in _partitions(request.api, answer)}))


def _partitions(api: ApiKey, answer: Any) -> Iterator[Any]:
    if api is ApiKey.METADATA:
        yield from (partition for topic in answer.topics for partition in topic.partitions)
    elif api is ApiKey.PRODUCE:
        yield from (partition for topic in answer.responses for partition in topic.partition_responses)
    else:
        yield from (partition for topic in answer.responses for partition in topic.partitions)


def _frame(request: Request, connection: int, number: int) -> bytes:
    topics = request.topics
    if request.turns > 1:
        topics = (f"{topics[0]}-{number % request.turns:06}",)
    indices = range(request.partitions)
    if request.partitions == 1:
        indices = range(connection % request.spread, connection % request.spread + 1)
    body = _BODIES[request.api](request, topics, indices)
    # The ideal broker is told by the client id what it has to answer: it reads as little as it can.
    client_id = f"bench/{len(topics)}/{request.partitions}"
    return encode_request(request.api, request.version, number, client_id, body)


def _produce(request: Request, topics: tuple[str, ...], indices: range) -> Any:
    entity = request_type(ApiKey.PRODUCE, request.version)
    topic = item_type(entity, "topic_data")
    partition = item_type(topic, "partition_data")
    records = record_batch(request.size // (len(topics) * len(indices)))
    data = tuple(
        build(topic, name=name, partition_data=tuple(build(partition, index=each, records=records) for each in indices))
        for name in topics
    )
    return build(entity, acks=1, timeout=_WAIT, topic_data=data)


def _fetch(request: Request, topics: tuple[str, ...], indices: range) -> Any:
    entity = request_type(ApiKey.FETCH, request.version)
    topic = item_type(entity, "topics")
    partition = item_type(topic, "partitions")
    size = request.size // (len(topics) * len(indices))
    wanted = tuple(
        build(
            topic,
            topic=name,
            partitions=tuple(build(partition, partition=each, partition_max_bytes=size) for each in indices),
        )
        for name in topics
    )
    return build(
        entity,
        replica_id=_NO_REPLICA,
        max_bytes=request.size,
        min_bytes=1,
        max_wait=_WAIT,
        session_epoch=-1,
        topics=wanted,
    )


def _metadata(request: Request, topics: tuple[str, ...], _: range) -> Any:
    entity = request_type(ApiKey.METADATA, request.version)
    topic = item_type(entity, "topics")
    return build(
        entity,
        topics=tuple(build(topic, name=name) for name in topics),
        allow_auto_topic_creation=True,
    )


_BODIES: Final = {ApiKey.PRODUCE: _produce, ApiKey.FETCH: _fetch, ApiKey.METADATA: _metadata}
