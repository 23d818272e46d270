"""Decoding and encoding through kio; the one place that knows its readers, writers and exceptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import UnionType
from typing import Any, Final, get_args, get_origin

from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer
from kio.serial._parse import get_field_reader, get_reader
from kio.serial._serialize import get_field_writer, get_writer
from kio.serial.errors import SerialError

from protocol.errors import MalformedFrame
from protocol.layout import Buffer
from protocol.memo import memo

Read = Callable[[Buffer, int], tuple[Any, int]]
Write = Callable[[Any], bytes]

_FOREIGN: Final = (SerialError, ValueError, KeyError, OverflowError, IndexError, TypeError)
"""What kio's readers raise on bytes that mean nothing in Kafka's protocol."""


def read(reader: Read, buffer: Buffer, position: int) -> Any:
    """Apply one of kio's readers to bytes that a walk of their layout has proven to be whole.

    :raises MalformedFrame: if the bytes still mean nothing, e.g. text that is not UTF-8.
    """
    try:
        return reader(buffer, position)[0]
    except _FOREIGN as fault:
        raise MalformedFrame(f"unreadable field: {fault}") from fault


def decode_entity(entity_type: type[Any], buffer: Buffer, position: int) -> Any:
    """Decode one entity at a position that a walk has proven to hold one.

    :raises MalformedFrame: if its bytes mean nothing.
    """
    return read(entity_reader(entity_type), buffer, position)


def encode_entity(entity: Any) -> bytes:
    """The bytes of one entity, nested or whole body."""
    buffer = BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


@memo
def field_reader(entity_type: type[Any], field: Field[Any]) -> Read:
    """kio's reader of one field."""
    reader: Read = get_field_reader(entity_type, field, False, "tag" in field.metadata)
    return reader


@memo
def field_writer(field: Field[Any], flexible: bool) -> Write:
    """A function from the value of a field to its bytes (for a tagged field: the value alone)."""
    writer = get_field_writer(field, flexible=flexible, is_request_header=False, is_tag="tag" in field.metadata)
    return _to_bytes(writer)


@memo
def primitive_item(kafka_type: str, flexible: bool) -> tuple[Read, Write]:
    """Reader and writer of one item of an array of primitives."""
    writer = get_writer(kafka_type=kafka_type, flexible=flexible, optional=False)
    return get_reader(kafka_type, flexible, False), _to_bytes(writer)


def _to_bytes(writer: Callable[[BytesIO, Any], None]) -> Write:
    def write(value: Any) -> bytes:
        buffer = BytesIO()
        writer(buffer, value)
        return buffer.getvalue()

    return write


def build(entity_type: type[Any], /, **values: Any) -> Any:
    """Make an entity of any version from one set of values.

    Values for fields that this version does not have are left out; fields without a value get the schema's default,
    else the zero of their type (0, "", (), null where it may be null, the error NONE). So does a null for a field that
    cannot be null in this version.
    """
    chosen = {}
    for name, (default, nullable) in _defaults(entity_type).items():
        value = values.get(name)
        chosen[name] = value if value is not None or (nullable and name in values) else default()
    return entity_type(**chosen)


def convert(entity: Any, target: type[Any]) -> Any:
    """The same message in another version of its type: fields are carried over by name, the rest gets its default."""
    values: dict[str, Any] = {}
    for field in fields(target):
        if not hasattr(entity, field.name):
            continue
        value = getattr(entity, field.name)
        inner = _innermost(field.type)
        if isinstance(value, tuple) and is_dataclass(inner):
            value = tuple(convert(item, inner) for item in value)
        elif is_dataclass(value) and is_dataclass(inner):
            value = convert(value, inner)
        values[field.name] = value
    return build(target, **values)


def has_field(entity_type: type[Any], name: str) -> bool:
    """Whether a version of an entity has a field."""
    return name in _defaults(entity_type)


@memo
def item_type(entity_type: type[Any], name: str) -> type[Any]:
    """The entity type of a field, or of its items."""
    annotation = next(field.type for field in fields(entity_type) if field.name == name)
    return _innermost(annotation)


def _innermost(annotation: Any) -> type[Any]:
    while get_origin(annotation) is not None:
        annotation = next(argument for argument in get_args(annotation) if argument not in (type(None), ...))
    found: type[Any] = annotation
    return found


@memo
def _defaults(entity_type: type[Any]) -> dict[str, tuple[Callable[[], Any], bool]]:
    return {field.name: (_default_of(field), _is_nullable(field.type)) for field in fields(entity_type)}


def _is_nullable(annotation: Any) -> bool:
    return get_origin(annotation) is UnionType and type(None) in get_args(annotation)


def _default_of(field: Field[Any]) -> Callable[[], Any]:
    if field.default is not MISSING:
        return lambda: field.default
    annotation = field.type
    if _is_nullable(annotation):
        return lambda: None
    if get_origin(annotation) is tuple:
        return tuple
    if "kafka_type" in field.metadata:
        zero = _ZEROS[field.metadata["kafka_type"]]
        return lambda: zero
    return lambda: build(_innermost(annotation))


_ZEROS: Final[dict[str, Any]] = {
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), 0),
    "bool": False,
    "string": "",
    "bytes": b"",
    "records": b"",
    "float64": 0.0,
    "uuid": None,
    "error_code": ErrorCode.none,
    "timedelta_i32": timedelta(0),
    "timedelta_i64": timedelta(0),
    "datetime_i64": datetime.fromtimestamp(0, UTC),
}
