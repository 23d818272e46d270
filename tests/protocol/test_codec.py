"""Entities of any version from one set of values, and carried from one version to another."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import (
    build,
    convert,
    decode_entity,
    encode_entity,
    has_field,
    item_type,
    primitive_item,
    read,
)
from protocol.errors import MalformedFrame
from tests.protocol.entities import EVERY_MESSAGE, message_type, random_entity, seeded

every_message = pytest.mark.parametrize(("api_key", "version", "kind"), EVERY_MESSAGE)


def round_trip(entity: Any) -> Any:
    return decode_entity(type(entity), encode_entity(entity), 0)


@every_message
def test_every_field_has_a_default(api_key: ApiKey, version: int, kind: str) -> None:
    entity = build(message_type(api_key, version, kind))
    assert round_trip(entity) == entity


@every_message
def test_nulls_where_none_may_be_are_the_default(api_key: ApiKey, version: int, kind: str) -> None:
    entity_type = message_type(api_key, version, kind)
    entity = build(entity_type, **{field.name: None for field in fields(entity_type) if "tag" not in field.metadata})
    assert round_trip(entity) == entity


@every_message
def test_a_message_converted_to_its_own_version_is_the_same(api_key: ApiKey, version: int, kind: str) -> None:
    entity = random_entity(message_type(api_key, version, kind), seeded(api_key, version, kind))
    assert convert(entity, type(entity)) == entity


@pytest.mark.parametrize(("api_key", "kind"), sorted({(api_key, kind) for api_key, _, kind in EVERY_MESSAGE}))
def test_a_message_can_be_carried_to_every_other_version(api_key: ApiKey, kind: str) -> None:
    versions = known_versions(api_key)
    for there in versions:
        entity = random_entity(message_type(api_key, there, kind), seeded(api_key, there, kind))
        for here in versions:
            carried = convert(entity, message_type(api_key, here, kind))
            assert round_trip(carried) == carried


def test_an_answer_is_carried_over_to_an_older_version() -> None:
    new, old = response_type(ApiKey.METADATA, 8), response_type(ApiKey.METADATA, 0)
    topic, broker = item_type(new, "topics"), item_type(new, "brokers")
    entity = build(
        new, brokers=(build(broker, node_id=1, host="h", port=2, rack="r"),), topics=(build(topic, name="t"),)
    )
    carried = convert(entity, old)
    assert [(b.node_id, b.host, b.port) for b in carried.brokers] == [(1, "h", 2)]
    assert [t.name for t in carried.topics] == ["t"]
    assert {field.name for field in fields(carried)} == {"brokers", "topics"}


def test_values_for_fields_of_other_versions_are_left_out() -> None:
    heartbeat = build(request_type(ApiKey.HEARTBEAT, 0), group_id="g", group_instance_id="i", nonsense=1)
    assert heartbeat.group_id == "g"
    assert not hasattr(heartbeat, "group_instance_id")


def test_a_default_is_the_schemas_or_the_zero_of_its_type() -> None:
    assert build(request_type(ApiKey.METADATA, 9)).topics is None
    assert build(response_type(ApiKey.METADATA, 9)).controller_id == -1
    heartbeat = build(response_type(ApiKey.HEARTBEAT, 4))
    assert (heartbeat.error_code, heartbeat.throttle_time) == (ErrorCode.none, timedelta(0))


def test_an_empty_value_is_not_a_missing_one() -> None:
    assert build(request_type(ApiKey.METADATA, 9), topics=()).topics == ()
    assert build(request_type(ApiKey.HEARTBEAT, 4), group_instance_id="").group_instance_id == ""


def test_a_field_is_known_by_version() -> None:
    assert has_field(response_type(ApiKey.OFFSET_FETCH, 7), "error_code")
    assert not has_field(response_type(ApiKey.OFFSET_FETCH, 8), "error_code")


@pytest.mark.parametrize("name", ["topics", "brokers"])
def test_the_type_of_items_is_found_in_nullable_arrays_too(name: str) -> None:
    entity_type = response_type(ApiKey.METADATA, 9)
    assert hasattr(item_type(entity_type, name), "__flexible__")
    assert item_type(request_type(ApiKey.METADATA, 9), "topics").__name__ == "MetadataRequestTopic"


@pytest.mark.parametrize("flexible", [True, False])
def test_an_item_of_a_primitive_array_is_read_as_it_was_written(flexible: bool) -> None:
    reader, write = primitive_item("string", flexible)
    assert read(reader, write("é"), 0) == "é"


def test_text_that_is_not_utf8_is_malformed() -> None:
    raw = encode_entity(build(request_type(ApiKey.HEARTBEAT, 4), group_id="ab")).replace(b"ab", b"\xff\xfe")
    with pytest.raises(MalformedFrame):
        decode_entity(request_type(ApiKey.HEARTBEAT, 4), raw, 0)


@pytest.mark.parametrize("value", [2, 0x7F, 0xFF])
def test_a_truth_that_is_neither_0_nor_1_is_malformed(value: int) -> None:
    """Kafka takes all of them for true: to read another truth than the broker would be worse than to refuse."""
    raw = encode_entity(build(request_type(ApiKey.METADATA, 8)))
    with pytest.raises(MalformedFrame):
        decode_entity(request_type(ApiKey.METADATA, 8), raw[:-1] + bytes([value]), 0)


def test_a_null_where_none_may_be_is_malformed() -> None:
    with pytest.raises(MalformedFrame):
        decode_entity(request_type(ApiKey.HEARTBEAT, 0), b"\xff\xff" + bytes(20), 0)
