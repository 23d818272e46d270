"""A broker that costs next to nothing: it answers what the load asks, and stores nothing.

Run as `python -m bench.stage.ideal_broker PORT`. How many topics and partitions a request names is read from its
client id, "bench/TOPICS/PARTITIONS", and from nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from struct import Struct
from typing import Any, Final, cast

import uvloop

from bench.load.frames import record_batch
from bench.load.jobs import TOPIC
from protocol.apis import ApiKey, response_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.splice import Message, encode_response

HOST: Final = "127.0.0.1"
NODE_ID: Final = 1
PARTITIONS: Final = 6

_HEAD: Final = Struct(">ihhi")
_CLIENT_ID: Final = _HEAD.size + 2
_TOLD_WITHIN: Final = _CLIENT_ID + 32
"""Bytes in which the whole client id of a request stands."""
_ANSWER_HEAD: Final = Struct(">ii")
_SERVED: Final = {
    ApiKey.PRODUCE: range(3, 10),
    ApiKey.FETCH: range(4, 13),
    ApiKey.METADATA: range(13),
    ApiKey.API_VERSIONS: range(5),
    ApiKey.DESCRIBE_CONFIGS: range(1, 5),
}


class IdealBroker(asyncio.Protocol):
    """One connection. The records of a Produce request are dropped as they come."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._rest = b""
        self._skip = 0
        self._due: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        view = memoryview(self._rest + data) if self._rest else memoryview(data)
        self._rest = b""
        if self._skip > len(view):
            self._skip -= len(view)
            return
        position = self._skip
        answers, self._due, self._skip = self._due, [], 0
        while len(view) - position >= _HEAD.size:
            length, key, version, correlation_id = _HEAD.unpack_from(view, position)
            end = position + 4 + length
            needed = min(end, position + _TOLD_WITHIN) if key == ApiKey.PRODUCE else end
            if needed > len(view):
                break
            answer = self._answer(key, version, view[position:end])
            pieces = [_ANSWER_HEAD.pack(len(answer) + 4, correlation_id), answer]
            position = end
            if end > len(view):
                self._due, self._skip = pieces, end - len(view)
                break
            answers += pieces
        self._rest = bytes(view[position:])
        if answers:
            self._transport.writelines(answers)

    def _answer(self, key: int, version: int, frame: memoryview) -> bytes:
        if key == ApiKey.PRODUCE:
            return _produced(version, *_shape(frame))
        if key == ApiKey.FETCH:
            size = Message.request(read_request_head(frame), frame).entity.max_bytes
            return _fetched(version, size, *_shape(frame))
        if key == ApiKey.METADATA:
            return _described(version, self._port, bytes(frame[_HEAD.size :]))
        return _ANSWERS[ApiKey(key)](version)


def _shape(frame: memoryview) -> tuple[int, int]:
    """How many topics a request names, and how many partitions of each."""
    end = _CLIENT_ID + int.from_bytes(frame[_HEAD.size : _CLIENT_ID], "big")
    return _shape_told_by(bytes(frame[_CLIENT_ID:end]))


@cache
def _shape_told_by(client_id: bytes) -> tuple[int, int]:
    _, topics, partitions = client_id.split(b"/")
    return int(topics), int(partitions)


@cache
def _produced(version: int, topics: int, partitions: int) -> bytes:
    topic = item_type(response_type(ApiKey.PRODUCE, version), "responses")
    partition = item_type(topic, "partition_responses")
    stored = tuple(build(partition, index=index, base_offset=7) for index in range(partitions))
    responses = tuple(build(topic, name=name, partition_responses=stored) for name in _names(topics))
    return _body(ApiKey.PRODUCE, version, responses=responses)


@cache
def _fetched(version: int, size: int, topics: int, partitions: int) -> bytes:
    topic = item_type(response_type(ApiKey.FETCH, version), "responses")
    partition = item_type(topic, "partitions")
    records = record_batch(size // (topics * partitions))
    found = tuple(
        build(partition, partition_index=index, high_watermark=10**9, preferred_read_replica=-1, records=records)
        for index in range(partitions)
    )
    responses = tuple(build(topic, topic=name, partitions=found) for name in _names(topics))
    return _body(ApiKey.FETCH, version, responses=responses)


def _names(topics: int) -> Iterator[str]:
    return (TOPIC if topics == 1 else f"{TOPIC}-{number:06}" for number in range(topics))


@lru_cache(maxsize=64)
def _described(version: int, port: int, rest: bytes) -> bytes:
    """The answer to a Metadata request of which this follows the correlation id."""
    frame = memoryview(_HEAD.pack(len(rest) + _HEAD.size - 4, ApiKey.METADATA, version, 0) + rest)
    request = Message.request(read_request_head(frame), frame).entity
    by_bench = rest[2:].startswith(b"bench/")
    partitions = _shape(frame)[1] if by_bench else PARTITIONS
    names = [each.name for each in request.topics] if request.topics is not None else [TOPIC]
    entity = response_type(ApiKey.METADATA, version)
    topic = item_type(entity, "topics")
    partition = item_type(topic, "partitions")
    known = tuple(
        build(partition, partition_index=index, leader_id=NODE_ID, replica_nodes=(NODE_ID,), isr_nodes=(NODE_ID,))
        for index in range(partitions)
    )
    return _body(
        ApiKey.METADATA,
        version,
        brokers=(build(item_type(entity, "brokers"), node_id=NODE_ID, host=HOST, port=port),),
        cluster_id="bench",
        controller_id=NODE_ID,
        topics=tuple(build(topic, name=name, partitions=known) for name in names),
    )


@cache
def _versions(version: int) -> bytes:
    entry = item_type(response_type(ApiKey.API_VERSIONS, version), "api_keys")
    keys = tuple(
        build(entry, api_key=key, min_version=served.start, max_version=served.stop - 1)
        for key, served in _SERVED.items()
    )
    return _body(ApiKey.API_VERSIONS, version, api_keys=keys)


@cache
def _configs(version: int) -> bytes:
    return _body(ApiKey.DESCRIBE_CONFIGS, version, results=())


_ANSWERS: Final[dict[ApiKey, Callable[[int], bytes]]] = {
    ApiKey.API_VERSIONS: _versions,
    ApiKey.DESCRIBE_CONFIGS: _configs,
}


def _body(key: ApiKey, version: int, **values: Any) -> bytes:
    """An answer without its length and correlation id."""
    return encode_response(key, version, 0, build(response_type(key, version), **values))[_ANSWER_HEAD.size :]


async def serve(port: int) -> None:
    """Answer until the process is told to end."""
    server = await asyncio.get_running_loop().create_server(lambda: IdealBroker(port), HOST, port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
