"""Edited in place, a message is what encoding the edited entity gives; untouched, it is the very same bytes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from protocol.errors import MalformedFrame
from protocol.header import read_request_head, request_header
from protocol.layout import layout_of
from protocol.splice import Message, decode_response, encode_request, encode_response, with_length
from tests.protocol.entities import EVERY_MESSAGE, message_type, random_entity, seeded

every_message = pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)


def framed(api_key: ApiKey, version: int, kind: str, entity: Any) -> bytes:
    if kind == "request":
        return encode_request(api_key, version, 7, "client", entity)
    return encode_response(api_key, version, 7, entity)


def read(api_key: ApiKey, version: int, kind: str, frame: bytes) -> Message:
    if kind == "request":
        return Message.request(read_request_head(frame), frame)
    return Message.response(api_key, version, frame)


def written(message: Message) -> bytes:
    return b"".join(message.frame_pieces())


def array_fields(entity_type: type[Any]) -> list[str]:
    return [name for name, layout in layout_of(entity_type).fields.items() if layout.item_walk is not None]


def random_item(entity_type: type[Any], name: str, rng: random.Random) -> Any:
    while True:
        items = getattr(random_entity(entity_type, rng), name)
        if items:
            return items[0]


@every_message
def test_a_message_is_read_as_it_was_written_and_goes_on_as_the_same_bytes(
    api_key: ApiKey, version: int, kind: str
) -> None:
    rng = seeded(api_key, version, kind)
    for _ in range(5):
        entity = random_entity(message_type(api_key, version, kind), rng)
        frame = framed(api_key, version, kind, entity)
        found = read(api_key, version, kind, frame)
        assert found.entity == entity
        (piece,) = found.frame_pieces()
        assert isinstance(piece, memoryview)
        assert piece.obj is frame
        assert not found.edited


@every_message
def test_reading_items_edits_nothing(api_key: ApiKey, version: int, kind: str) -> None:
    entity = random_entity(message_type(api_key, version, kind), seeded(api_key, version, kind))
    frame = framed(api_key, version, kind, entity)
    found = read(api_key, version, kind, frame)
    for name in array_fields(found.entity_type):
        items = found.items(name)
        assert tuple(item.value for item in items) == (getattr(entity, name) or ())
        assert len(items) == len(getattr(entity, name) or ())
        items.keep(list(items))
        items.insert(())
        items.append(())
    assert [bytes(piece) for piece in found.frame_pieces()] == [frame]


@every_message
def test_items_cut_inserted_and_appended_give_what_encoding_gives(api_key: ApiKey, version: int, kind: str) -> None:
    rng = seeded(api_key, version, kind)
    entity_type = message_type(api_key, version, kind)
    for name in array_fields(entity_type):
        for _ in range(3):
            entity = random_entity(entity_type, rng)
            if getattr(entity, name) is None:
                continue
            added = [random_item(entity_type, name, rng) for _ in range(rng.randrange(3))]
            first = [random_item(entity_type, name, rng) for _ in range(rng.randrange(2))]
            chosen = [rng.random() < 0.5 for _ in getattr(entity, name)]
            spliced = read(api_key, version, kind, framed(api_key, version, kind, entity))
            items = spliced.items(name)
            items.keep([item for item, keep in zip(items, chosen, strict=True) if keep])
            items.append(added)
            items.insert(first)
            kept = [item for item, keep in zip(getattr(entity, name), chosen, strict=True) if keep]
            wanted = replace(entity, **{name: (*first, *kept, *added)})
            assert written(spliced) == framed(api_key, version, kind, wanted)


@every_message
def test_items_arranged_and_replaced_give_what_encoding_gives(api_key: ApiKey, version: int, kind: str) -> None:
    rng = seeded(api_key, version, kind)
    entity_type = message_type(api_key, version, kind)
    for name in array_fields(entity_type):
        entity = random_entity(entity_type, rng)
        spliced = read(api_key, version, kind, framed(api_key, version, kind, entity))
        items = spliced.items(name)
        values = list(getattr(entity, name) or ())
        for index, item in enumerate(items):
            if rng.random() < 0.5:
                values[index] = random_item(entity_type, name, rng)
                items.replace(item, values[index])
        pairs: list[tuple[Any, Any]] = list(zip(items, values, strict=True))
        new = random_item(entity_type, name, rng)
        pairs.append((new, new))
        rng.shuffle(pairs)
        items.arrange([entry for entry, _ in pairs])
        wanted = replace(entity, **{name: tuple(value for _, value in pairs)})
        assert tuple(item.value for item in items) == getattr(wanted, name)
        assert written(spliced) == framed(api_key, version, kind, wanted)


@every_message
def test_a_replaced_field_gives_what_encoding_gives(api_key: ApiKey, version: int, kind: str) -> None:
    rng = seeded(api_key, version, kind)
    entity_type = message_type(api_key, version, kind)
    for name in layout_of(entity_type).fields:
        entity, other = random_entity(entity_type, rng), random_entity(entity_type, rng)
        spliced = read(api_key, version, kind, framed(api_key, version, kind, entity))
        assert spliced.has(name)
        assert spliced.value(name) == getattr(entity, name)
        spliced.replace(name, getattr(other, name))
        wanted = replace(entity, **{name: getattr(other, name)})
        assert written(spliced) == framed(api_key, version, kind, wanted)


@every_message
def test_all_fields_replaced_at_once_give_the_other_message(api_key: ApiKey, version: int, kind: str) -> None:
    rng = seeded(api_key, version, kind)
    entity_type = message_type(api_key, version, kind)
    layout = layout_of(entity_type)
    entity, other = random_entity(entity_type, rng), random_entity(entity_type, rng)
    spliced = read(api_key, version, kind, framed(api_key, version, kind, entity))
    for name in layout.fields:
        spliced.replace(name, getattr(other, name))
    for tag, field in layout.tagged.items():
        if getattr(entity, field.field.name) != getattr(build(entity_type), field.field.name):
            assert spliced.tagged(tag) == getattr(entity, field.field.name)
        value = getattr(other, field.field.name)
        spliced.replace_tagged(tag, None if value == getattr(build(entity_type), field.field.name) else value)
    assert written(spliced) == framed(api_key, version, kind, other)


@every_message
def test_bytes_behind_the_end_are_cut_off(api_key: ApiKey, version: int, kind: str) -> None:
    """Kafka does not read them; librdkafka sends three behind a Metadata of all topics."""
    entity = random_entity(message_type(api_key, version, kind), seeded(api_key, version, kind))
    clean = framed(api_key, version, kind, entity)
    found = read(api_key, version, kind, clean + b"abc")
    assert found.edited
    assert bytes(found.frame) == written(found) == clean


METADATA = ApiKey.METADATA


def test_neighbours_that_stay_are_one_piece_of_the_original() -> None:
    topic = item_type(request_type(METADATA, 9), "topics")
    entity = build(request_type(METADATA, 9), topics=tuple(build(topic, name=str(number)) for number in range(100)))
    frame = encode_request(METADATA, 9, 7, "client", entity)
    message = Message.request(read_request_head(frame), frame)
    items = message.items("topics")
    items.keep([item for item in items if item.value.name != "50"])
    pieces = message.frame_pieces()
    assert len(pieces) < 10
    assert sum(isinstance(piece, memoryview) for piece in pieces) == 3


def test_a_null_array_has_no_items_and_stays_null() -> None:
    """In Metadata null asks for all topics and an empty array for none."""
    frame = encode_request(METADATA, 9, 7, "client", build(request_type(METADATA, 9), topics=None))
    message = Message.request(read_request_head(frame), frame)
    items = message.items("topics")
    assert list(items) == []
    items.keep([])
    assert written(message) == frame


def test_an_array_that_is_emptied_is_empty_not_null() -> None:
    topic = item_type(request_type(METADATA, 9), "topics")
    entity = build(request_type(METADATA, 9), topics=(build(topic, name="t"),))
    frame = encode_request(METADATA, 9, 7, "client", entity)
    message = Message.request(read_request_head(frame), frame)
    message.items("topics").keep([])
    assert written(message) == encode_request(METADATA, 9, 7, "client", replace(entity, topics=()))


@pytest.mark.parametrize("version", range(10, known_versions(ApiKey.PRODUCE).stop))
def test_a_tagged_field_is_read_replaced_and_taken_out(version: int) -> None:
    entity_type = response_type(ApiKey.PRODUCE, version)
    node = item_type(entity_type, "node_endpoints")
    entity = build(entity_type, node_endpoints=(build(node, node_id=1, host="a", port=1),))
    found = Message.response(ApiKey.PRODUCE, version, encode_response(ApiKey.PRODUCE, version, 7, entity))
    assert found.tagged(0) == entity.node_endpoints
    other = (build(node, node_id=1, host="other", port=2),)
    found.replace_tagged(0, other)
    replaced = replace(entity, node_endpoints=other)
    assert written(found) == encode_response(ApiKey.PRODUCE, version, 7, replaced)
    found.replace_tagged(0, None)
    assert written(found) == encode_response(ApiKey.PRODUCE, version, 7, replace(entity, node_endpoints=()))
    assert Message.response(ApiKey.PRODUCE, version, written(found)).tagged(0) is None


def test_a_message_without_tagged_fields_has_none() -> None:
    entity = build(response_type(ApiKey.PRODUCE, 3))
    assert Message.response(ApiKey.PRODUCE, 3, encode_response(ApiKey.PRODUCE, 3, 7, entity)).tagged(0) is None


def test_tagged_fields_of_a_header_are_cut_out() -> None:
    entity = build(request_type(METADATA, 9))
    clean = encode_request(METADATA, 9, 7, "client", entity)
    header = request_header(METADATA, 9, 7, "client")
    frame = b"".join(with_length([header[:-1], b"\x01\x05\x03abc", clean[4 + len(header) :]]))
    message = Message.request(read_request_head(frame), frame)
    assert message.edited
    assert bytes(message.frame) == written(message) == clean
    assert message.entity == entity


def test_a_null_client_id_stays_null_in_an_edited_request() -> None:
    frame = encode_request(METADATA, 9, 7, None, build(request_type(METADATA, 9)))
    message = Message.request(read_request_head(frame + b"x"), frame + b"x")
    assert bytes(message.frame) == frame


@pytest.mark.parametrize("length", range(14))
def test_a_response_that_ends_in_its_header_is_malformed(length: int) -> None:
    whole = encode_response(METADATA, 9, 7, build(response_type(METADATA, 9)))
    with pytest.raises(MalformedFrame):
        decode_response(METADATA, 9, whole[:length])


def test_a_response_is_decoded_with_its_correlation_id() -> None:
    entity = build(response_type(METADATA, 9), cluster_id="c")
    assert decode_response(METADATA, 9, encode_response(METADATA, 9, -5, entity)) == (-5, entity)
