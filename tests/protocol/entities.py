"""Random entities of any of kio's message types, and an encoder that can write what no honest peer would."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, get_args, get_origin
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, encode_entity, field_writer
from protocol.layout import FieldLayout, layout_of, read_uvarint, write_count, write_uvarint

EVERY_MESSAGE = [
    (api_key, version, kind)
    for api_key in ApiKey
    for version in known_versions(api_key)
    for kind in ("request", "response")
]
HUGE = 0x7FFFFFFF


def message_type(api_key: ApiKey, version: int, kind: str) -> type[Any]:
    """The type of a request or response."""
    return request_type(api_key, version) if kind == "request" else response_type(api_key, version)


def flexible_messages() -> list[tuple[ApiKey, int, str]]:
    """Those that end in tagged fields."""
    return [which for which in EVERY_MESSAGE if message_type(*which).__flexible__]


def seeded(*parts: object) -> random.Random:
    """A generator that gives the same in every run."""
    return random.Random("/".join(map(str, parts)))


def random_entity(entity_type: type[Any], rng: random.Random, longest: int = 130) -> Any:
    """An entity with every field set at random; strings are at most ``longest`` long."""
    return build(entity_type, **{field.name: _value(field.type, field, rng, longest) for field in fields(entity_type)})


def _value(annotation: Any, field: Any, rng: random.Random, longest: int) -> Any:
    if get_origin(annotation) is UnionType:
        # A tagged field that is null is left out, which reads as its default.
        never_null = "tag" in field.metadata and field.default not in (None, MISSING)
        if rng.random() < 0.3 and not never_null:
            return None
        inner = next(argument for argument in get_args(annotation) if argument is not type(None))
        return _value(inner, field, rng, longest)
    if get_origin(annotation) is tuple:
        return tuple(_value(get_args(annotation)[0], field, rng, longest) for _ in range(rng.randrange(4)))
    if is_dataclass(annotation):
        return random_entity(annotation, rng, longest)  # type: ignore[arg-type]
    return _PRIMITIVES[field.metadata["kafka_type"]](rng, longest)


Make = Callable[[random.Random, int], Any]


def _integer(bits: int, *, signed: bool = True) -> Make:
    low = -(2 ** (bits - 1)) if signed else 0
    high = low + 2**bits - 1
    return lambda rng, _: rng.choice((low, high, 0, rng.randint(low, high)))


def _length(rng: random.Random, longest: int) -> int:
    return rng.choice((0, 1, min(5, longest), longest))


_PRIMITIVES: dict[str, Make] = {
    **{f"int{bits}": _integer(bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": _integer(bits, signed=False) for bits in (8, 16, 32, 64)},
    "bool": lambda rng, _: rng.random() < 0.5,
    "string": lambda rng, longest: "".join(rng.choices("aé漢-.", k=_length(rng, longest))),
    "bytes": lambda rng, longest: rng.randbytes(_length(rng, longest)),
    "records": lambda rng, longest: rng.randbytes(rng.choice((0, 1, min(61, longest), 2 * longest))),
    "float64": lambda rng, _: rng.choice((0.0, -1.5, float("inf"), rng.random())),
    "uuid": lambda rng, _: UUID(int=rng.randrange(1, 2**128)),
    "error_code": lambda rng, _: rng.choice(list(ErrorCode)),
    "timedelta_i32": lambda rng, _: timedelta(milliseconds=rng.choice((-(2**31), -1, 0, 2**31 - 1))),
    "timedelta_i64": lambda rng, _: timedelta(milliseconds=rng.choice((-1, 0, 2**40))),
    "datetime_i64": lambda rng, _: datetime.fromtimestamp(rng.randrange(2**31), UTC),
}


class HandEncoder:
    """Writes an entity as kio does, but for what it was told to do wrong.

    ``foreign``: put tagged fields that no schema knows into every entity. ``huge_array``: announce too many items in
    the array of this number. ``wrong_tag``: add this to the size of every known tagged field.
    """

    def __init__(self, foreign: random.Random | None = None, huge_array: int | None = None, wrong_tag: int = 0) -> None:
        self._foreign = foreign
        self._huge_array = huge_array
        self._wrong_tag = wrong_tag
        self.arrays = 0
        self.known_tags = 0
        self.foreign_tags = 0

    def encode(self, entity: Any) -> bytes:
        """The bytes of an entity."""
        layout = layout_of(type(entity))
        out = b"".join(
            self._field(field, getattr(entity, name), layout.flexible) for name, field in layout.fields.items()
        )
        if not layout.flexible:
            return out
        tags = {
            tag: self._field(layout.tagged[tag], getattr(entity, layout.tagged[tag].field.name), True)
            for tag in _present_tags(entity)
        }
        self.known_tags += len(tags)
        written = [_tag(tag, raw, len(raw) + self._wrong_tag) for tag, raw in tags.items()]
        return out + self._with_foreign(written, list(tags), set(layout.tagged))

    def _with_foreign(self, written: list[bytes], tags: list[int], known: set[int]) -> bytes:
        if self._foreign is not None:
            numbers = sorted(self._foreign.sample(sorted({*range(6), 130, 70000} - known), k=2))
            self.foreign_tags += len(numbers)
            raw = {number: self._foreign.randbytes(self._foreign.choice((0, 3, 200))) for number in numbers}
            every = dict(zip(tags, written, strict=True)) | {
                number: _tag(number, value, len(value)) for number, value in raw.items()
            }
            written = [every[number] for number in sorted(every)]
        return write_uvarint(len(written)) + b"".join(written)

    def _field(self, layout: FieldLayout, value: Any, flexible: bool) -> bytes:
        tagged = "tag" in layout.field.metadata
        if layout.item_walk is not None:
            return self._array(layout, value, flexible)
        if layout.entity is None:
            return field_writer(layout.field, flexible)(value)
        if tagged or get_origin(layout.field.type) is not UnionType:
            return self.encode(value)
        return b"\xff" if value is None else b"\x01" + self.encode(value)

    def _array(self, layout: FieldLayout, value: Any, flexible: bool) -> bytes:
        number, self.arrays = self.arrays, self.arrays + 1
        count = -1 if value is None else len(value)
        if layout.entity is not None:
            raw = write_count(count, flexible) + b"".join(self.encode(item) for item in value or ())
        else:
            raw = field_writer(layout.field, flexible)(value)
        if number == self._huge_array:
            raw = write_count(HUGE - 1, flexible) + raw[len(write_count(count, flexible)) :]
        return raw


def _tag(number: int, raw: bytes, size: int) -> bytes:
    return write_uvarint(number) + write_uvarint(size) + raw


def _present_tags(entity: Any) -> list[int]:
    layout = layout_of(type(entity))
    raw = encode_entity(entity)
    position = 0
    for field in layout.fields.values():
        position = field.walk(raw, position, [])
    count, position = read_uvarint(raw, position)
    tags = []
    for _ in range(count):
        tag, position = read_uvarint(raw, position)
        size, position = read_uvarint(raw, position)
        tags.append(tag)
        position += size
    return tags
