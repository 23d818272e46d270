"""What Kafka reads although it is badly written, written well, so that everybody reads the same.

Kafka's readers forgive some things that ours do not: text that is not UTF-8 has its bad bytes replaced, any byte but 0
is true, any negative length is null, a nullable entity is there unless its marker is negative, a tagged field may stand
twice and the last one counts, whatever length it claims. Such a request is neither refused nor passed on as it came: it
is written anew as Kafka would read it, judged, and sent on in that form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from struct import error as struct_error
from typing import Any, Final, cast

from protocol.apis import request_type
from protocol.errors import MalformedFrame
from protocol.header import RequestHead, request_header
from protocol.layout import WIDTHS, Buffer, classify, read_uvarint, write_count, write_uvarint
from protocol.memo import memo

Rewrite = Callable[[Buffer, int], tuple[bytes, int]]
"""(buffer, position) -> (the value, written well; the position behind it)."""

_LENGTH: Final = 4


def canonical_request(head: RequestHead, frame: Buffer) -> bytes:
    """A request frame as Kafka reads it.

    :raises MalformedFrame: if Kafka cannot read it either.
    """
    try:
        body, _ = _entity(request_type(head.api_key, head.api_version))(frame, head.body)
    except (IndexError, struct_error) as fault:
        raise MalformedFrame("a request is cut short") from fault
    content = request_header(head.api_key, head.api_version, head.correlation_id, head.client_id) + body
    return len(content).to_bytes(_LENGTH, "big") + content


@memo
def _entity(entity_type: type[Any]) -> Rewrite:
    flexible: bool = entity_type.__flexible__
    plain = [_field(each, flexible) for each in fields(entity_type) if "tag" not in each.metadata]
    tagged = {each.metadata["tag"]: _field(each, flexible) for each in fields(entity_type) if "tag" in each.metadata}

    def rewrite(buffer: Buffer, position: int) -> tuple[bytes, int]:
        written = []
        for field in plain:
            value, position = field(buffer, position)
            written.append(value)
        if flexible:
            value, position = _tags(tagged, buffer, position)
            written.append(value)
        return b"".join(written), position

    return rewrite


def _tags(known: dict[int, Rewrite], buffer: Buffer, position: int) -> tuple[bytes, int]:
    count, position = read_uvarint(buffer, position)
    found: dict[int, bytes] = {}
    for _ in range(count):
        tag, position = read_uvarint(buffer, position)
        size, position = read_uvarint(buffer, position)
        if tag in known:
            found[tag], position = known[tag](buffer, position)
        else:
            _, position = _taken(buffer, position, size)
    written = [write_uvarint(tag) + write_uvarint(len(value)) + value for tag, value in sorted(found.items())]
    return write_uvarint(len(written)) + b"".join(written), position


def _field(field: Field[Any], flexible: bool) -> Rewrite:
    nullable, is_array, inner = classify(field.type)
    if not is_dataclass(inner):
        kafka_type: str = field.metadata["kafka_type"]
        return (
            _array(_value(kafka_type, False, flexible), nullable, flexible)
            if is_array
            else (_value(kafka_type, nullable, flexible))
        )
    entity = _entity(cast("type[Any]", inner))
    if is_array:
        return _array(entity, nullable, flexible)
    return _nullable(entity) if nullable and "tag" not in field.metadata else entity


def _nullable(entity: Rewrite) -> Rewrite:
    def rewrite(buffer: Buffer, position: int) -> tuple[bytes, int]:
        if buffer[position] > 0x7F:
            return b"\xff", position + 1
        value, position = entity(buffer, position + 1)
        return b"\x01" + value, position

    return rewrite


def _array(item: Rewrite, nullable: bool, flexible: bool) -> Rewrite:
    def rewrite(buffer: Buffer, position: int) -> tuple[bytes, int]:
        count, position = _length(buffer, position, flexible, _LENGTH)
        if count < 0:
            return _null(nullable, flexible, _LENGTH), position
        if count > len(buffer) - position:
            raise MalformedFrame("an array announces more items than the frame has bytes")
        written = [write_count(count, flexible)]
        for _ in range(count):
            value, position = item(buffer, position)
            written.append(value)
        return b"".join(written), position

    return rewrite


@memo
def _value(kafka_type: str, nullable: bool, flexible: bool) -> Rewrite:
    if kafka_type == "bool":
        return lambda buffer, position: (b"\x01" if buffer[position] else b"\x00", position + 1)
    width = WIDTHS.get(kafka_type)
    if width is not None:
        return lambda buffer, position: _taken(buffer, position, width)
    is_text = kafka_type == "string"
    size = 2 if is_text else _LENGTH

    def rewrite(buffer: Buffer, position: int) -> tuple[bytes, int]:
        length, position = _length(buffer, position, flexible, size)
        if length < 0:
            return _null(nullable or kafka_type == "records", flexible, size), position
        value, position = _taken(buffer, position, length)
        if is_text:
            value = value.decode("utf-8", "replace").encode()
        return _written_length(len(value), flexible, size) + value, position

    return rewrite


def _length(buffer: Buffer, position: int, flexible: bool, size: int) -> tuple[int, int]:
    if flexible:
        length, position = read_uvarint(buffer, position)
        return length - 1, position
    value, position = _taken(buffer, position, size)
    return int.from_bytes(value, "big", signed=True), position


def _written_length(length: int, flexible: bool, size: int) -> bytes:
    if flexible:
        return write_uvarint(length + 1)
    if length >= 1 << (8 * size - 1):
        raise MalformedFrame("a text is too long when its bad bytes are replaced")
    return length.to_bytes(size, "big", signed=True)


def _null(nullable: bool, flexible: bool, size: int) -> bytes:
    if not nullable:
        raise MalformedFrame("a field is null that must not be")
    return _written_length(-1, flexible, size)


def _taken(buffer: Buffer, position: int, size: int) -> tuple[bytes, int]:
    end = position + size
    if end > len(buffer):
        raise MalformedFrame("a request is cut short")
    return bytes(buffer[position:end]), end
