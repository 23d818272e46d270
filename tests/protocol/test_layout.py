"""The walk over every message that kio knows: exact, whole, and never trusting a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.apis import ApiKey, request_type, response_type
from protocol.codec import build, encode_entity, item_type
from protocol.errors import MalformedFrame
from protocol.layout import layout_of, read_uvarint, write_uvarint
from protocol.splice import Message
from tests.protocol.entities import (
    EVERY_MESSAGE,
    HandEncoder,
    flexible_messages,
    message_type,
    random_entity,
    seeded,
)

every_message = pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
every_flexible_message = pytest.mark.parametrize(("api_key", "version", "kind"), flexible_messages())


def body(entity_type: type[Any], raw: bytes) -> Message:
    """A message whose frame is nothing but a length and a body."""
    return Message(entity_type, len(raw).to_bytes(4, "big") + raw, 4, b"")


@every_message
def test_the_walk_ends_where_the_message_ends(api_key: ApiKey, version: int, kind: str) -> None:
    rng = seeded(api_key, version, kind)
    entity_type = message_type(api_key, version, kind)
    for _ in range(5):
        raw = encode_entity(random_entity(entity_type, rng))
        edits: list[Any] = []
        assert layout_of(entity_type).spans(b"xyz" + raw + b"behind", 3, edits).end == 3 + len(raw)
        assert not edits


@every_message
def test_a_message_cut_short_anywhere_is_malformed(api_key: ApiKey, version: int, kind: str) -> None:
    entity_type = message_type(api_key, version, kind)
    raw = encode_entity(random_entity(entity_type, seeded(api_key, version, kind), longest=3))
    for end in range(len(raw)):
        with pytest.raises(MalformedFrame):
            body(entity_type, raw[:end])


@every_message
def test_an_array_that_announces_too_much_is_malformed(api_key: ApiKey, version: int, kind: str) -> None:
    """At any depth: kio's reader would end the process with it."""
    entity_type = message_type(api_key, version, kind)
    entity = random_entity(entity_type, seeded(api_key, version, kind), longest=3)
    honest = HandEncoder()
    assert honest.encode(entity) == encode_entity(entity)
    for number in range(honest.arrays):
        with pytest.raises(MalformedFrame):
            body(entity_type, HandEncoder(huge_array=number).encode(entity))


@every_flexible_message
def test_tagged_fields_that_nobody_knows_are_cut_out_at_any_depth(api_key: ApiKey, version: int, kind: str) -> None:
    """KIP-482 says skip them; the broker then reads what was judged."""
    rng = seeded(api_key, version, kind)
    entity_type = message_type(api_key, version, kind)
    for _ in range(5):
        entity = random_entity(entity_type, rng)
        encoder = HandEncoder(foreign=rng)
        found = body(entity_type, encoder.encode(entity))
        assert encoder.foreign_tags
        assert found.edited
        assert found.entity == entity
        assert bytes(found.frame[found.body :]) == encode_entity(entity)
        assert int.from_bytes(found.frame[:4], "big") == len(found.frame) - 4


@every_flexible_message
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_tagged_field_of_the_wrong_size_is_malformed(api_key: ApiKey, version: int, kind: str, wrong: int) -> None:
    entity_type = message_type(api_key, version, kind)
    rng = seeded(api_key, version, kind)
    for _ in range(3):
        encoder = HandEncoder(wrong_tag=wrong)
        raw = encoder.encode(random_entity(entity_type, rng, longest=3))
        if encoder.known_tags:
            with pytest.raises(MalformedFrame):
                body(entity_type, raw)


FETCH = request_type(ApiKey.FETCH, 13)
FETCH_BEFORE_ITS_TAGS = encode_entity(build(FETCH))[:-1]


def fetch_with_tags(*tags: tuple[int, bytes]) -> bytes:
    raw = b"".join(write_uvarint(tag) + write_uvarint(len(value)) + value for tag, value in tags)
    return FETCH_BEFORE_ITS_TAGS + write_uvarint(len(tags)) + raw


def test_a_known_tagged_field_is_read_and_stays() -> None:
    found = body(FETCH, fetch_with_tags((0, b"\x03ab")))
    assert found.entity == build(FETCH, cluster_id="ab")
    assert not found.edited


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(((0, b"\x02a"), (0, b"\x02b")), id="a known one twice"),
        pytest.param(((7, b""), (7, b"x")), id="a foreign one twice"),
        pytest.param(((7, b""), (0, b"\x02a")), id="not in order"),
    ],
)
def test_tagged_fields_that_do_not_ascend_are_malformed(tags: tuple[tuple[int, bytes], ...]) -> None:
    """Of a field that stands there twice the first or the last may count: we could judge another than the broker."""
    with pytest.raises(MalformedFrame):
        body(FETCH, fetch_with_tags(*tags))


def test_a_foreign_tagged_field_that_leaves_the_frame_is_malformed() -> None:
    for size in (b"\x04", b"\xff\xff\xff\xff\x0f"):
        with pytest.raises(MalformedFrame):
            body(FETCH, FETCH_BEFORE_ITS_TAGS + b"\x01\x64" + size + b"abc")


def test_many_foreign_tagged_fields_in_a_row_are_one_cut() -> None:
    edits: list[Any] = []
    raw = fetch_with_tags(*((tag, b"") for tag in range(100, 1100)))
    layout_of(FETCH).spans(raw, 0, edits)
    assert len(edits) == 2


PARTITIONS = request_type(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0)


@pytest.mark.parametrize("there", [True, False])
def test_an_entity_that_may_be_null_is_read_either_way(there: bool) -> None:
    cursor = build(item_type(PARTITIONS, "cursor"), topic_name="t", partition_index=3) if there else None
    entity = replace(build(PARTITIONS), cursor=cursor)
    found = body(PARTITIONS, encode_entity(entity))
    assert found.entity == entity
    assert found.value("cursor") == cursor


@pytest.mark.parametrize("marker", [0, 2, 0x7F, 0x80, 0xFE])
@pytest.mark.parametrize("rest", [b"\x02t\0\0\0\3\0\0", b"\0"])
def test_a_marker_that_is_neither_null_nor_there_is_malformed(marker: int, rest: bytes) -> None:
    """Kafka takes any negative one for null, kio takes it for an entity."""
    raw = encode_entity(build(PARTITIONS))
    with pytest.raises(MalformedFrame):
        body(PARTITIONS, raw[:-2] + bytes([marker]) + rest)


@pytest.mark.parametrize("port", [0, 9092, 0x8000, 0xFFFF])
def test_a_port_is_an_unsigned_number(port: int) -> None:
    quorum = response_type(ApiKey.DESCRIBE_QUORUM, 2)
    node = item_type(quorum, "nodes")
    listener = build(item_type(node, "listeners"), name="CONTROLLER", host="h", port=port)
    entity = build(quorum, nodes=(build(node, node_id=1, listeners=(listener,)),))
    assert body(quorum, encode_entity(entity)).entity == entity


@pytest.mark.parametrize("version", [8, 9])
@pytest.mark.parametrize("size", [None, 0, 1, 126, 127, 128, 20000])
def test_records_are_walked_in_both_forms(version: int, size: int | None) -> None:
    produce = request_type(ApiKey.PRODUCE, version)
    topic = item_type(produce, "topic_data")
    partition = build(item_type(topic, "partition_data"), index=1, records=None if size is None else bytes(size))
    entity = build(produce, topic_data=(build(topic, name="t", partition_data=(partition,)),))
    assert body(produce, encode_entity(entity)).entity == entity


@pytest.mark.parametrize("length", [b"\xff\xfe", b"\x80\x00"])
def test_a_string_of_a_negative_length_is_malformed(length: bytes) -> None:
    with pytest.raises(MalformedFrame):
        body(request_type(ApiKey.HEARTBEAT, 0), length + bytes(100))


def test_an_array_of_a_negative_length_is_malformed() -> None:
    with pytest.raises(MalformedFrame):
        body(request_type(ApiKey.METADATA, 1), b"\xff\xff\xff\xfe" + bytes(100))


def test_bytes_of_a_negative_length_are_malformed() -> None:
    with pytest.raises(MalformedFrame):
        body(request_type(ApiKey.SASL_AUTHENTICATE, 0), b"\xff\xff\xff\xfe" + bytes(100))


@given(value=st.integers(0, 0xFFFFFFFF), before=st.binary(max_size=3), behind=st.binary(max_size=3))
def test_a_varint_is_read_as_it_was_written(value: int, before: bytes, behind: bytes) -> None:
    raw = write_uvarint(value)
    assert read_uvarint(before + raw + behind, len(before)) == (value, len(before) + len(raw))


@pytest.mark.parametrize("raw", [b"\xff\xff\xff\xff\x10", b"\x80\x80\x80\x80\x80\x00", b"\xff" * 10])
def test_a_varint_beyond_32_bits_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedFrame):
        read_uvarint(raw, 0)
