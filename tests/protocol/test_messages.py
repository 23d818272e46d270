"""Every message that kio knows: walked, cut, joined and refused without a surprise."""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, convert, encode_entity, item_type
from protocol.errors import MalformedFrame, ProtocolError
from protocol.header import read_request_head, request_header, response_header
from protocol.layout import layout_of, read_uvarint, write_uvarint
from protocol.splice import Message, encode_request, encode_response
from tests.protocol.entities import EVERY_MESSAGE, message_type, random_entity


def message(api_key: ApiKey, version: int, kind: str, entity: Any) -> Message:
    """The message of an entity, by its bytes."""
    if kind == "request":
        frame = encode_request(api_key, version, 7, "client", entity)
        return Message.request(read_request_head(frame), frame)
    return Message.response(api_key, version, encode_response(api_key, version, 7, entity))


def array_fields(entity_type: type[Any]) -> list[str]:
    """The top-level arrays of entities."""
    layouts = layout_of(entity_type).fields.values()
    return [layout.field.name for layout in layouts if layout.item_walk is not None and layout.entity is not None]


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_a_message_is_read_as_it_was_written(api_key: ApiKey, version: int, kind: str) -> None:
    rng = random.Random(f"{api_key}{version}{kind}")
    for _ in range(10):
        entity = random_entity(message_type(api_key, version, kind), rng)
        found = message(api_key, version, kind, entity)
        assert found.entity == entity
        assert found.frame_pieces() == [found.frame]
        assert not found.edited


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_a_message_that_is_cut_short_is_malformed(api_key: ApiKey, version: int, kind: str) -> None:
    rng = random.Random(f"{api_key}{version}{kind}")
    entity_type = message_type(api_key, version, kind)
    raw = encode_entity(random_entity(entity_type, rng))
    for end in {*rng.sample(range(len(raw)), min(len(raw), 20)), *range(max(len(raw) - 3, 0), len(raw))}:
        with pytest.raises(MalformedFrame):
            Message(entity_type, raw[:end], 0, b"")


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_bytes_behind_the_end_are_cut_off(api_key: ApiKey, version: int, kind: str) -> None:
    """Kafka does not read them; librdkafka sends three behind a Metadata of all topics."""
    entity = random_entity(message_type(api_key, version, kind), random.Random(1))
    clean = message(api_key, version, kind, entity)
    longer = bytes(clean.frame) + b"abc"
    found = Message(clean.entity_type, longer, clean.body, clean.header)
    assert bytes(found.frame) == bytes(clean.frame)
    assert b"".join(found.frame_pieces()) == bytes(clean.frame)


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_every_field_has_a_default(api_key: ApiKey, version: int, kind: str) -> None:
    entity = build(message_type(api_key, version, kind))
    assert message(api_key, version, kind, entity).entity == entity


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_cutting_and_adding_items_gives_what_encoding_gives(api_key: ApiKey, version: int, kind: str) -> None:
    rng = random.Random(f"{api_key}{version}{kind}")
    entity_type = message_type(api_key, version, kind)
    for name in array_fields(entity_type):
        for _ in range(10):
            entity = random_entity(entity_type, rng)
            if getattr(entity, name) is None:
                continue
            added = [random_entity(item_type(entity_type, name), rng) for _ in range(rng.randrange(3))]
            first = [random_entity(item_type(entity_type, name), rng) for _ in range(rng.randrange(2))]
            chosen = [rng.random() < 0.5 for _ in getattr(entity, name)]
            spliced = message(api_key, version, kind, entity)
            items = spliced.items(name)
            items.keep([item for item, keep in zip(items, chosen, strict=True) if keep])
            items.append(added)
            items.insert(first)
            kept = [item for item, keep in zip(getattr(entity, name), chosen, strict=True) if keep]
            wanted = replace(entity, **{name: (*first, *kept, *added)})
            assert b"".join(spliced.frame_pieces()) == bytes(message(api_key, version, kind, wanted).frame)


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_a_replaced_field_gives_what_encoding_gives(api_key: ApiKey, version: int, kind: str) -> None:
    rng = random.Random(f"{api_key}{version}{kind}")
    entity_type = message_type(api_key, version, kind)
    for name in layout_of(entity_type).fields:
        entity, other = random_entity(entity_type, rng), random_entity(entity_type, rng)
        spliced = message(api_key, version, kind, entity)
        assert spliced.value(name) == getattr(entity, name)
        spliced.replace(name, getattr(other, name))
        wanted = replace(entity, **{name: getattr(other, name)})
        assert b"".join(spliced.frame_pieces()) == bytes(message(api_key, version, kind, wanted).frame)


@pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)
def test_an_array_that_announces_too_much_is_malformed(api_key: ApiKey, version: int, kind: str) -> None:
    """kio's reader would end the process with it."""
    entity_type = message_type(api_key, version, kind)
    layout = layout_of(entity_type)
    raw = encode_entity(build(entity_type))
    position = 0
    for field in layout.fields.values():
        end = field.walk(raw, position, [])
        if field.item_walk is not None:
            count = b"\xff\xff\xff\xff\x0f" if layout.flexible else b"\x7f\xff\xff\xff"
            with pytest.raises(MalformedFrame):
                Message(entity_type, raw[:position] + count + raw[end:], 0, b"")
        position = end


FLEXIBLE = [each for each in EVERY_MESSAGE if message_type(*each).__flexible__]


@pytest.mark.parametrize(("api_key", "version", "kind"), FLEXIBLE)
def test_tagged_fields_that_nobody_knows_are_cut_out(api_key: ApiKey, version: int, kind: str) -> None:
    """KIP-482 says skip them; the broker then reads what was judged."""
    rng = random.Random(f"{api_key}{version}{kind}")
    entity_type = message_type(api_key, version, kind)
    header = (request_header if kind == "request" else response_header)(  # type: ignore[call-arg]
        *((api_key, version, 7, "client") if kind == "request" else (api_key, version, 7))
    )
    for _ in range(5):
        entity = random_entity(entity_type, rng)
        clean = encode_entity(entity)
        foreign = _with_foreign_tags(entity)
        frame = (len(header) + len(foreign)).to_bytes(4, "big") + header + foreign
        found = Message(entity_type, frame, 4 + len(header), header)
        assert found.edited
        assert found.entity == entity
        assert bytes(found.frame[found.body :]) == clean


def _with_foreign_tags(entity: Any) -> bytes:
    """Encode by hand, with the tagged field 4711 in every entity that is not itself in a tagged field."""
    entity_type = type(entity)
    layout = layout_of(entity_type)
    raw = encode_entity(entity)
    out, position = b"", 0
    for name, field in layout.fields.items():
        end = field.walk(raw, position, [])
        value = getattr(entity, name)
        if field.item_walk is not None and field.entity is not None and value:
            out += write_uvarint(len(value) + 1) + b"".join(_with_foreign_tags(item) for item in value)
        else:
            out += raw[position:end]
        position = end
    count, position = read_uvarint(raw, position)
    return out + write_uvarint(count + 1) + raw[position:] + write_uvarint(4711) + b"\x03abc"


@given(
    which=st.sampled_from(EVERY_MESSAGE),
    seed=st.integers(0, 2**32),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    noise=st.binary(max_size=40),
)
def test_hostile_bytes_are_a_protocol_error_or_a_message(
    which: tuple[ApiKey, int, str], seed: int, changes: list[tuple[int, int]], noise: bytes
) -> None:
    """Never another exception, and never the end of the process."""
    api_key, version, _ = which
    entity = random_entity(request_type(api_key, version), random.Random(seed))
    frame = bytearray(encode_request(api_key, version, 7, "client", entity))
    for position, value in changes:
        frame[8 + position % (len(frame) - 8)] = value
    for hostile in (bytes(frame), bytes(frame[: len(frame) // 2]) + noise, bytes(frame[:12]) + noise):
        try:
            head = read_request_head(hostile)
            decoded = Message.request(head, hostile)
            repr(decoded.entity)
        except ProtocolError:
            continue
        assert is_dataclass(decoded.entity)


def test_an_answer_is_carried_over_to_an_older_version() -> None:
    new, old = response_type(ApiKey.METADATA, 8), response_type(ApiKey.METADATA, 0)
    topic = item_type(new, "topics")
    broker = item_type(new, "brokers")
    entity = build(
        new, brokers=(build(broker, node_id=1, host="h", port=2, rack="r"),), topics=(build(topic, name="t"),)
    )
    carried = convert(entity, old)
    assert [(b.node_id, b.host, b.port) for b in carried.brokers] == [(1, "h", 2)]
    assert [t.name for t in carried.topics] == ["t"]
    assert {field.name for field in fields(carried)} == {"brokers", "topics"}


def test_tagged_fields_of_an_answer_are_replaced_and_taken_out() -> None:
    for version in range(10, known_versions(ApiKey.PRODUCE).stop):
        entity_type = response_type(ApiKey.PRODUCE, version)
        node = item_type(entity_type, "node_endpoints")
        entity = build(entity_type, node_endpoints=(build(node, node_id=1, host="a", port=1),))
        found = message(ApiKey.PRODUCE, version, "response", entity)
        assert found.tagged(0) == entity.node_endpoints
        found.replace_tagged(0, (build(node, node_id=1, host="other", port=2),))
        again = Message.response(ApiKey.PRODUCE, version, b"".join(found.frame_pieces()))
        assert [(n.host, n.port) for n in again.entity.node_endpoints] == [("other", 2)]
        again.replace_tagged(0, None)
        last = Message.response(ApiKey.PRODUCE, version, b"".join(again.frame_pieces()))
        assert last.entity.node_endpoints == ()
