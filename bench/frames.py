"""The requests that the load is made of, and what their answers say."""

from __future__ import annotations

import os
from struct import Struct
from typing import Any, Final

from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from protocol.splice import decode_response, encode_request

TOPIC: Final = "bench-orders"
DENIED_TOPIC: Final = "secret-orders"
CLIENT_ID: Final = "bench"

# The newest versions that name topics by name. librdkafka speaks these or their neighbours.
PRODUCE_VERSION: Final = 9
FETCH_VERSION: Final = 12
API_VERSIONS_VERSION: Final = 3

_BATCH_HEADER: Final = Struct(">qiibIhiqqqhii")
_BEFORE_LENGTH_COUNTS: Final = 12


def record_batch(size: int) -> bytes:
    """One record batch (KIP-98, magic 2) with `size` bytes of noise for its records and no checksum.

    Neither a proxy nor the ideal broker looks into records, and noise keeps anybody from compressing them.
    """
    length = _BATCH_HEADER.size - _BEFORE_LENGTH_COUNTS + size
    return _BATCH_HEADER.pack(0, length, -1, 2, 0, 0, 0, 0, 0, -1, -1, -1, 1) + os.urandom(size)


def produce(size: int, topics: tuple[str, ...] = (TOPIC,), *, correlation_id: int = 0) -> bytes:
    """A Produce request (acks=all) with one batch of `size` bytes for partition 0 of each topic."""
    entity = request_type(ApiKey.PRODUCE, PRODUCE_VERSION)
    topic = item_type(entity, "topic_data")
    partition = item_type(topic, "partition_data")
    data = tuple(
        build(topic, name=name, partition_data=(build(partition, index=0, records=record_batch(size)),))
        for name in topics
    )
    return _request(ApiKey.PRODUCE, PRODUCE_VERSION, correlation_id, build(entity, acks=-1, topic_data=data))


def fetch(size: int, *, correlation_id: int = 0) -> bytes:
    """A Fetch request without a fetch session that wants up to `size` bytes of partition 0."""
    entity = request_type(ApiKey.FETCH, FETCH_VERSION)
    topic = item_type(entity, "topics")
    partition = build(item_type(topic, "partitions"), partition=0, partition_max_bytes=size)
    topics = (build(topic, topic=TOPIC, partitions=(partition,)),)
    body = build(entity, replica_id=-1, max_bytes=size, min_bytes=1, session_epoch=-1, topics=topics)
    return _request(ApiKey.FETCH, FETCH_VERSION, correlation_id, body)


def api_versions() -> bytes:
    """The first request of every client."""
    entity = request_type(ApiKey.API_VERSIONS, API_VERSIONS_VERSION)
    body = build(entity, client_software_name="bench", client_software_version="1")
    return _request(ApiKey.API_VERSIONS, API_VERSIONS_VERSION, 0, body)


def errors_of(api: ApiKey, frame: bytes) -> tuple[int, ...]:
    """The error codes of the partitions in an answer to one of these requests, smallest first, each once."""
    produced = api == ApiKey.PRODUCE
    _, answer = decode_response(api, PRODUCE_VERSION if produced else FETCH_VERSION, frame)
    partitions = "partition_responses" if produced else "partitions"
    return tuple(sorted({each.error_code.value for topic in answer.responses for each in getattr(topic, partitions)}))


def _request(api_key: int, version: int, correlation_id: int, entity: Any) -> bytes:
    return encode_request(api_key, version, correlation_id, CLIENT_ID, entity)
