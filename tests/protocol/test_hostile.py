"""Whatever comes, it is a message or a ProtocolError: never another exception, never the end of the process."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.errors import ProtocolError
from protocol.framing import FrameSplitter
from protocol.header import peek_api, read_request_head
from protocol.produce import summarize
from protocol.splice import Message, decode_response, encode_request, encode_response
from tests.protocol.entities import EVERY_MESSAGE, HandEncoder, message_type, random_entity, seeded

BOUNDARIES = (b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x0f", b"\xff" * 4)


def read_whole(message: Message) -> None:
    """Read every field in every way there is."""
    for name, layout in message.layout.fields.items():
        message.value(name)
        if layout.item_walk is not None:
            for item in message.items(name):
                repr(item.value)
    for tag in message.layout.tagged:
        message.tagged(tag)
    repr(message.entity)
    b"".join(message.frame_pieces())


def take_request(frame: bytes) -> None:
    try:
        peek_api(frame)
        head = read_request_head(frame)
        if head.api_key == ApiKey.PRODUCE:
            summarize(head.api_version, frame, head.body)
        read_whole(Message.request(head, frame))
    except ProtocolError:
        pass


def take_response(api_key: int, version: int, frame: bytes) -> None:
    try:
        decode_response(api_key, version, frame)
        read_whole(Message.response(api_key, version, frame))
    except ProtocolError:
        pass


def mutated(frame: bytes, rng: random.Random) -> bytes:
    """The frame with a few bytes changed, cut out, doubled or put in, behind its length, key and version."""
    changed = bytearray(frame)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        position = rng.randrange(8, len(changed) + 1)
        match rng.randrange(5):
            case 0:
                changed[position : position + 1] = rng.randbytes(1)
            case 1:
                boundary = rng.choice(BOUNDARIES)
                changed[position : position + len(boundary)] = boundary
            case 2:
                del changed[position : position + rng.randrange(1, 9)]
            case 3:
                changed[position:position] = changed[position : position + rng.randrange(1, 9)]
            case _:
                changed[position:position] = rng.choice(BOUNDARIES)
    return bytes(changed)


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_mutations_of_a_valid_frame(api_key: ApiKey, version: int, kind: str) -> None:
    rng = seeded("hostile", api_key, version, kind)
    for _ in range(10):
        entity = random_entity(message_type(api_key, version, kind), rng, longest=9)
        if kind == "request":
            frame = encode_request(api_key, version, 7, "client", entity)
            for _ in range(5):
                take_request(mutated(frame, rng))
        else:
            frame = encode_response(api_key, version, 7, entity)
            for _ in range(5):
                take_response(api_key, version, mutated(frame, rng))


@given(
    which=st.sampled_from([(key, version) for key in ApiKey for version in known_versions(key)]),
    seed=st.integers(0, 2**32),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    noise=st.binary(max_size=40),
)
def test_changed_cut_and_random_bytes(
    which: tuple[ApiKey, int], seed: int, changes: list[tuple[int, int]], noise: bytes
) -> None:
    api_key, version = which
    rng = random.Random(seed)
    request = bytearray(
        encode_request(api_key, version, 7, "client", random_entity(request_type(api_key, version), rng))
    )
    response = encode_response(api_key, version, 7, random_entity(response_type(api_key, version), rng))
    for position, value in changes:
        request[8 + position % (len(request) - 8)] = value
    for hostile in (bytes(request), bytes(request[: len(request) // 2]) + noise, bytes(request[:14]) + noise):
        take_request(hostile)
    for hostile in (response[: len(response) // 2] + noise, response[:8] + noise, noise):
        take_response(api_key, version, hostile)


@given(noise=st.binary(max_size=60))
def test_random_bytes_alone(noise: bytes) -> None:
    take_request(noise)


@given(chunks=st.lists(st.binary(max_size=20)))
def test_a_random_stream(chunks: list[bytes]) -> None:
    splitter = FrameSplitter(64)
    try:
        for chunk in chunks:
            splitter.feed(chunk)
            for frame in splitter.frames():
                take_request(bytes(frame))
    except ProtocolError:
        pass


def nested_foreign(entity: Any, seed: int) -> bytes:
    return HandEncoder(foreign=random.Random(seed)).encode(entity)


@given(seed=st.integers(0, 2**32), api_key=st.sampled_from([ApiKey.FETCH, ApiKey.PRODUCE, ApiKey.API_VERSIONS]))
def test_foreign_tagged_fields_that_were_damaged(seed: int, api_key: ApiKey) -> None:
    rng = random.Random(seed)
    version = known_versions(api_key)[-1]
    entity = random_entity(response_type(api_key, version), rng, longest=9)
    frame = encode_response(api_key, version, 7, entity)
    body = nested_foreign(entity, seed)
    header = frame[: len(frame) - len(HandEncoder().encode(entity))]
    take_response(api_key, version, mutated(header + body, rng))
