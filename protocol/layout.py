"""Where each field of a message begins and ends, found without decoding it.

kio's native reader trusts what it reads: it allocates as many items as a count announces before it looks at the
bytes, so that nine hostile bytes end the process, and it raises ``KeyError`` on a tagged field that its schema lacks.
Every message is therefore walked here first. A walk proves that all counts and lengths fit into the frame, tells the
spans of the top-level fields and of their items, and notes tagged fields that the schema does not know (KIP-482).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from struct import Struct
from struct import error as struct_error
from types import NoneType, UnionType
from typing import Any, Final, cast, get_args, get_origin

from protocol.errors import MalformedFrame
from protocol.memo import memo

Buffer = bytes | memoryview
Span = tuple[int, int]
Edit = tuple[int, int, bytes]
"""Replace the bytes between two positions."""
Walk = Callable[["Buffer", int, "list[Edit]"], int]
"""(buffer, position, edits) -> the position behind what was walked; ``edits`` collects how to cut foreign tags out."""

_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_NEGATIVE_ARRAY: Final = "an array has a negative length"
_PRESENT: Final = 1
_NULL: Final = 0xFF
"""What stands before an entity that may be null (KIP-893)."""
WIDTHS: Final[Mapping[str, int]] = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "error_code": 2,
    "int32": 4,
    "uint32": 4,
    "timedelta_i32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
    "timedelta_i64": 8,
    "datetime_i64": 8,
    "uuid": 16,
}


def read_uvarint(buffer: Buffer, position: int) -> tuple[int, int]:
    """An unsigned varint and the position behind it.

    :raises MalformedFrame: if it is longer than the five bytes of a 32-bit number.
    """
    byte = buffer[position]
    if byte < 0x80:
        return byte, position + 1
    value = byte & 0x7F
    for shift in (7, 14, 21, 28):
        position += 1
        byte = buffer[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > 0xFFFFFFFF:
                break
            return value, position + 1
    raise MalformedFrame("a varint does not fit into 32 bits")


def write_uvarint(value: int) -> bytes:
    """The shortest encoding of an unsigned varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _walk_string(buffer: Buffer, position: int, _edits: list[Edit]) -> int:
    length: int = _INT16.unpack_from(buffer, position)[0]
    if length < -1:
        raise MalformedFrame("a string has a negative length")
    return position + 2 + max(length, 0)


def _walk_bytes(buffer: Buffer, position: int, _edits: list[Edit]) -> int:
    length: int = _INT32.unpack_from(buffer, position)[0]
    if length < -1:
        raise MalformedFrame("a byte field has a negative length")
    return position + 4 + max(length, 0)


def _walk_compact(buffer: Buffer, position: int, _edits: list[Edit]) -> int:
    length = buffer[position]
    if length < 0x80:
        return position + (length or 1)
    length, position = read_uvarint(buffer, position)
    return position + max(length - 1, 0)


def read_count(buffer: Buffer, position: int, compact: bool) -> tuple[int, int]:
    """The number of items of an array (-1: null) and the position of the first."""
    if compact:
        count, position = read_uvarint(buffer, position)
        return count - 1, position
    count = _INT32.unpack_from(buffer, position)[0]
    if count < -1:
        raise MalformedFrame(_NEGATIVE_ARRAY)
    return count, position + 4


def write_count(count: int, compact: bool) -> bytes:
    """The length prefix of an array; -1 is null."""
    return write_uvarint(count + 1) if compact else _INT32.pack(count)


def _run_walk(width: int, item_widths: tuple[int, ...], compact: bool) -> Walk:
    """Fields of fixed widths, and behind them arrays of such: in one call, since large answers consist of them."""
    unpack_count = _INT32.unpack_from

    def walk(buffer: Buffer, position: int, _edits: list[Edit]) -> int:
        position += width
        for item_width in item_widths:
            count: int = unpack_count(buffer, position)[0]
            position += 4
            if count > 0:
                position += count * item_width
            elif count < -1:
                raise MalformedFrame(_NEGATIVE_ARRAY)
        return position

    def walk_compact(buffer: Buffer, position: int, _edits: list[Edit]) -> int:
        position += width
        for item_width in item_widths:
            count = buffer[position]
            if count < 0x80:
                position += 1
            else:
                count, position = read_uvarint(buffer, position)
            if count:
                position += (count - 1) * item_width
        return position

    return walk_compact if compact else walk


def _array_walk(walk_item: Walk, compact: bool) -> Walk:
    def walk(buffer: Buffer, position: int, edits: list[Edit]) -> int:
        count, position = read_count(buffer, position, compact)
        if count > len(buffer) - position:
            raise MalformedFrame("an array announces more items than the frame has bytes")
        for _ in range(count):
            position = walk_item(buffer, position, edits)
        return position

    return walk


def _nullable_walk(walk_entity: Walk) -> Walk:
    def walk(buffer: Buffer, position: int, edits: list[Edit]) -> int:
        marker = buffer[position]
        if marker == _PRESENT:
            return walk_entity(buffer, position + 1, edits)
        if marker != _NULL:
            # Kafka takes any negative byte for null, kio only -1: see protocol.canonical.
            raise MalformedFrame("a nullable entity is neither null nor there")
        return position + 1

    return walk


def _tags_walk(known: Mapping[int, Walk]) -> Walk:
    def walk(buffer: Buffer, position: int, edits: list[Edit]) -> int:
        if buffer[position] == 0:
            return position + 1
        begin = position
        count, position = read_uvarint(buffer, position)
        behind_count = position
        foreign = 0
        last = -1
        for _ in range(count):
            field_begin = position
            tag, position = read_uvarint(buffer, position)
            if tag <= last:
                # A tag that stands there twice has two values, and readers differ in which one counts.
                raise MalformedFrame("tagged fields do not ascend")
            last = tag
            size_begin = position
            size, position = read_uvarint(buffer, position)
            walk_value = known.get(tag)
            if walk_value is None:
                foreign += 1
                _cut(field_begin, position + size, edits)
            else:
                _walk_known_tag(walk_value, buffer, (size_begin, position, size), edits)
            position += size
        if foreign:
            edits.append((begin, behind_count, write_uvarint(count - foreign)))
        return position

    return walk


def _cut(begin: int, end: int, edits: list[Edit]) -> None:
    if edits and edits[-1][1] == begin and not edits[-1][2]:
        begin = edits.pop()[0]
    edits.append((begin, end, b""))


def _walk_known_tag(walk_value: Walk, buffer: Buffer, sized: tuple[int, int, int], edits: list[Edit]) -> None:
    size_begin, position, size = sized
    before = len(edits)
    if walk_value(buffer, position, edits) != position + size:
        raise MalformedFrame("a tagged field is not as long as it says")
    if len(edits) > before:
        shrunk = sum(len(new) - (end - begin) for begin, end, new in edits[before:])
        edits.append((size_begin, position, write_uvarint(size + shrunk)))


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """One field and how to walk it."""

    field: Field[Any]
    walk: Walk
    width: int | None
    """Its size in bytes if that is always the same."""
    entity: EntityLayout | None
    """The layout of the entity, or of each item, if it holds entities."""
    item_walk: Walk | None
    """How to walk one item if it is an array."""
    item_width: int | None = None
    """The size of its items in bytes if it is an array and that is always the same."""


class Spans:
    """Where the parts of one entity are: its fields, the items of its arrays of entities, its tagged fields."""

    __slots__ = ("end", "fields", "items", "tags")

    def __init__(self) -> None:
        self.fields: dict[str, Span] = {}
        self.items: dict[str, list[int]] = {}
        """For each array the position of every item, and that behind the last."""
        self.tags = 0
        self.end = 0

    def items_of(self, name: str, walk: Walk, compact: bool, buffer: Buffer, position: int, edits: list[Edit]) -> int:
        """Walk an array of entities and note its items; gives the position behind it."""
        count, position = read_count(buffer, position, compact)
        if count > len(buffer) - position:
            raise MalformedFrame("an array announces more items than the frame has bytes")
        bounds = self.items[name] = [position]
        for _ in range(count):
            position = walk(buffer, position, edits)
            bounds.append(position)
        return position


class EntityLayout:
    """The layout of one kio entity type. Use :func:`layout_of`."""

    def __init__(self, entity_type: type[Any]) -> None:
        self.entity_type = entity_type
        self.flexible: bool = entity_type.__flexible__
        everything = [(field, _field_layout(field, self.flexible)) for field in fields(entity_type)]
        self.fields: dict[str, FieldLayout] = {f.name: layout for f, layout in everything if "tag" not in f.metadata}
        self.tagged: dict[int, FieldLayout] = {
            f.metadata["tag"]: layout for f, layout in everything if "tag" in f.metadata
        }
        self.walk_tags = _tags_walk({tag: layout.walk for tag, layout in self.tagged.items()})
        steps = self._merge_runs(self.fields)
        self._steps = (*steps, self.walk_tags) if self.flexible else steps
        self._steps_to: dict[str, tuple[Walk | int, ...]] = {}

    def _merge_runs(self, names: Iterable[str]) -> tuple[Walk | int, ...]:
        steps: list[Walk | int] = []
        width, item_widths = 0, tuple[int, ...]()

        def end_run() -> None:
            if item_widths:
                steps.append(_run_walk(width, item_widths, self.flexible))
            elif width:
                steps.append(width)

        for layout in map(self.fields.__getitem__, names):
            if layout.item_width is not None:
                item_widths += (layout.item_width,)
            elif layout.width is not None and not item_widths:
                width += layout.width
            else:
                end_run()
                width, item_widths = layout.width or 0, ()
                if layout.width is None:
                    steps.append(layout.walk)
        end_run()
        return tuple(steps)

    def walk(self, buffer: Buffer, position: int, edits: list[Edit]) -> int:
        """The position behind one entity; raises what a buffer raises when read past its end."""
        for step in self._steps:
            position = position + step if isinstance(step, int) else step(buffer, position, edits)
        return position

    def walk_to(self, name: str, buffer: Buffer, position: int) -> int:
        """The position of one field of an entity that is whole."""
        steps = self._steps_to.get(name)
        if steps is None:
            names = list(self.fields)
            steps = self._steps_to[name] = self._merge_runs(names[: names.index(name)])
        for step in steps:
            position = position + step if isinstance(step, int) else step(buffer, position, [])
        return position

    def spans(self, buffer: Buffer, position: int, edits: list[Edit]) -> Spans:
        """Where the parts of one entity are that begins at ``position``.

        :raises MalformedFrame: if it does not lie whole within the buffer.
        """
        found = Spans()
        try:
            for name, layout in self.fields.items():
                begin = position
                if layout.item_walk is not None and layout.entity is not None:
                    position = found.items_of(name, layout.item_walk, self.flexible, buffer, position, edits)
                else:
                    position = layout.walk(buffer, position, edits)
                found.fields[name] = begin, position
            found.tags = position
            if self.flexible:
                position = self.walk_tags(buffer, position, edits)
        except (IndexError, struct_error) as fault:
            raise MalformedFrame(f"{self.entity_type.__name__} is cut short") from fault
        if position > len(buffer):
            raise MalformedFrame(f"{self.entity_type.__name__} is cut short")
        found.end = position
        return found


@memo
def layout_of(entity_type: type[Any]) -> EntityLayout:
    """The compiled layout of a kio entity type."""
    return EntityLayout(entity_type)


def _field_layout(field: Field[Any], flexible: bool) -> FieldLayout:
    nullable, is_array, inner = classify(field.type)
    width: int | None = None
    entity: EntityLayout | None = None
    walk: Walk
    if is_dataclass(inner):
        entity = layout_of(cast("type[Any]", inner))
        walk = entity.walk
    else:
        kafka_type: str = field.metadata["kafka_type"]
        width = WIDTHS.get(kafka_type)
        walk = _fixed_walk(width) if width is not None else _variable_walk(kafka_type, flexible)
    if is_array:
        walk_all = _array_walk(walk, flexible) if width is None else _run_walk(0, (width,), flexible)
        return FieldLayout(field, walk_all, None, entity, walk, width)
    if entity is not None and nullable and "tag" not in field.metadata:
        walk = _nullable_walk(walk)
    return FieldLayout(field, walk, width, entity, None)


def _fixed_walk(width: int) -> Walk:
    return lambda _buffer, position, _edits: position + width


def _variable_walk(kafka_type: str, flexible: bool) -> Walk:
    if flexible:
        return _walk_compact
    return _walk_string if kafka_type == "string" else _walk_bytes


def classify(annotation: Any) -> tuple[bool, bool, Any]:
    """(may the field be null, is it an array, the type of the value or of one item)."""
    nullable, inner = _without_none(annotation)
    if get_origin(inner) is not tuple:
        return nullable, False, inner
    return nullable, True, _without_none(get_args(inner)[0])[1]


def _without_none(annotation: Any) -> tuple[bool, Any]:
    if get_origin(annotation) is not UnionType:
        return False, annotation
    rest = [argument for argument in get_args(annotation) if argument is not NoneType]
    return True, rest[0]
