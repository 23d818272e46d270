"""A message as spans of its own bytes: read what is asked for, cut, replace and append, and leave the rest as it came.

>>> message = Message.request(head, frame)          # walked and proven whole, nothing decoded yet
>>> topics = message.items("topics")
>>> topics.keep([item for item in topics if allowed(item.value.name)])
>>> message.frame_pieces()                          # the same bytes, without the spans that were cut
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar, cast

from protocol.apis import request_type, response_type
from protocol.codec import decode_entity, encode_entity, field_reader, field_writer, primitive_item, read
from protocol.header import LENGTH_PREFIX, RequestHead, request_header, response_body, response_header
from protocol.layout import (
    Buffer,
    Edit,
    EntityLayout,
    FieldLayout,
    Span,
    Walk,
    layout_of,
    read_count,
    read_uvarint,
    write_count,
    write_uvarint,
)

Piece = bytes | memoryview
T = TypeVar("T")


class Item:
    """One item of an array: a span of the original, or a value that takes the place of one or was added."""

    __slots__ = ("_items", "_value", "raw", "span")

    def __init__(self, items: Items, span: Span, value: Any = None, raw: bytes | None = None) -> None:
        self._items = items
        self._value = value
        self.span = span
        self.raw = raw

    @property
    def value(self) -> Any:
        """The decoded item."""
        if self._value is None and self.raw is None:
            self._value = self._items.decode(self.span[0])
        return self._value

    def get(self, name: str) -> Any:
        """One field of the item, decoded alone: cheap if it stands near the beginning."""
        if self._value is None and self.raw is None:
            return self._items.field(self.span[0], name)
        return getattr(self._value, name)

    def become(self, value: Any, raw: bytes) -> None:
        """Take a new value and its bytes."""
        self._value = value
        self.raw = raw


class Items:
    """An array field of a message. Iterating gives its items as they are now; a ``null`` array has none."""

    def __init__(self, buffer: memoryview, bounds: Sequence[int], layout: FieldLayout, flexible: bool) -> None:
        self._buffer = buffer
        self._layout = layout
        self._flexible = flexible
        self.edited = False
        self._items = [Item(self, span) for span in pairwise(bounds)]

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def field(self, position: int, name: str) -> Any:
        """Decode one field of the item at a position."""
        entity = self._layout.entity
        if entity is None:
            raise TypeError("bare values have no fields")
        reader = field_reader(entity.entity_type, entity.fields[name].field)
        return read(reader, self._buffer, entity.walk_to(name, self._buffer, position))

    def decode(self, position: int) -> Any:
        """Decode the item at a position."""
        entity = self._layout.entity
        if entity is not None:
            return decode_entity(entity.entity_type, self._buffer, position)
        reader, _ = primitive_item(self._layout.field.metadata["kafka_type"], self._flexible)
        return read(reader, self._buffer, position)

    def keep(self, kept: Sequence[Item]) -> None:
        """Cut every item that is not in ``kept``; an array of which nothing is cut stays as it came, null too."""
        self.edited = self.edited or len(kept) < len(self._items)
        self._items = list(kept)

    def replace(self, item: Item, value: Any) -> None:
        """Put a new value in the place of an item."""
        item.become(value, self._encode(value))
        self.edited = True

    def arrange(self, order: Sequence[Any]) -> None:
        """Make the array of these, in this order: items that are there, and new values."""
        self._items = [entry if isinstance(entry, Item) else self._made(entry) for entry in order]
        self.edited = True

    def insert(self, values: Sequence[Any]) -> None:
        """Put values before all items."""
        self._items[:0] = [self._made(value) for value in values]
        self.edited = self.edited or bool(values)

    def append(self, values: Sequence[Any]) -> None:
        """Put values behind all items."""
        self._items.extend(self._made(value) for value in values)
        self.edited = self.edited or bool(values)

    def _made(self, value: Any) -> Item:
        return Item(self, (0, 0), value, self._encode(value))

    def _encode(self, value: Any) -> bytes:
        if self._layout.entity is not None:
            return encode_entity(value)
        _, write = primitive_item(self._layout.field.metadata["kafka_type"], self._flexible)
        return write(value)

    def pieces(self) -> list[Piece]:
        """The whole array; neighbouring spans of the original stay one piece."""
        pieces: list[Piece] = [write_count(len(self), self._flexible)]
        begin = end = 0
        for item in self._items:
            if item.raw is None and item.span[0] == end:
                end = item.span[1]
                continue
            if end > begin:
                pieces.append(self._buffer[begin:end])
            begin, end = (0, 0) if item.raw is not None else item.span
            if item.raw is not None:
                pieces.append(item.raw)
        if end > begin:
            pieces.append(self._buffer[begin:end])
        return pieces


class Message:
    """One request or response, walked but not decoded.

    ``frame`` is what may be forwarded: if the original held tagged fields that its schema does not know they are cut
    out of it (KIP-482 lets a reader skip them), and so are those of its header and bytes behind its end, so that the
    broker reads just what was judged.

    :raises MalformedFrame: if the bytes are not one whole message of this type.
    """

    def __init__(self, entity_type: type[Any], frame: Buffer, body: int, header: bytes) -> None:
        self.entity_type = entity_type
        self.header = header
        self.layout: EntityLayout = layout_of(entity_type)
        edits: list[Edit] = []
        self._spans = self.layout.spans(frame, body, edits)
        if self._spans.end < len(frame):
            # Kafka reads no further, and some clients do send more (librdkafka, in its Metadata of all topics).
            edits.append((self._spans.end, len(frame), b""))
        plain_body = LENGTH_PREFIX + len(header)
        self.edited = bool(edits) or body != plain_body
        if self.edited:
            frame = _framed([header, *_apply(edits, frame, body)])
            body = plain_body
            self._spans = self.layout.spans(frame, body, [])
        self.frame = memoryview(frame)
        self.body = body
        self._entity: Any = None
        self._items: dict[str, Items] = {}
        self._new: dict[str, bytes] = {}
        self._new_tags: dict[int, bytes | None] = {}

    @classmethod
    def request(cls, head: RequestHead, frame: Buffer) -> Message:
        """The message of a request frame."""
        header = request_header(head.api_key, head.api_version, head.correlation_id, head.client_id)
        return cls(request_type(head.api_key, head.api_version), frame, head.body, header)

    @classmethod
    def response(cls, api_key: int, version: int, frame: Buffer) -> Message:
        """The message of a response frame."""
        correlation_id = int.from_bytes(frame[4:8], "big", signed=True)
        header = response_header(api_key, version, correlation_id)
        return cls(response_type(api_key, version), frame, response_body(api_key, version, frame), header)

    @property
    def entity(self) -> Any:
        """The whole original message, decoded once."""
        if self._entity is None:
            self._entity = decode_entity(self.entity_type, self.frame, self.body)
        return self._entity

    def has(self, name: str) -> bool:
        """Whether this version has a field that is not tagged."""
        return name in self.layout.fields

    def value(self, name: str) -> Any:
        """One field of the original, decoded alone."""
        begin, _ = self._spans.fields[name]
        return read(field_reader(self.entity_type, self.layout.fields[name].field), self.frame, begin)

    def items(self, name: str) -> Items:
        """An array field, to be read and edited in place."""
        found = self._items.get(name)
        if found is None:
            layout = self.layout.fields[name]
            bounds = self._spans.items.get(name) or self._bounds(name, layout)
            found = self._items[name] = Items(self.frame, bounds, layout, self.layout.flexible)
        return found

    def _bounds(self, name: str, layout: FieldLayout) -> list[int]:
        """The bounds of bare values, which are not noted in the first walk: there may be very many."""
        count, position = read_count(self.frame, self._spans.fields[name][0], self.layout.flexible)
        walk = cast("Walk", layout.item_walk)
        bounds, edits = [position], list[Edit]()
        for _ in range(count):
            bounds.append(walk(self.frame, bounds[-1], edits))
        return bounds

    def replace(self, name: str, value: Any) -> None:
        """Give a field (not a tagged one) another value."""
        self._new[name] = field_writer(self.layout.fields[name].field, self.layout.flexible)(value)

    def tagged(self, tag: int) -> Any:
        """The value of a tagged field of the original, or None if it is absent."""
        for found, begin, _ in self._tag_spans():
            if found == tag:
                return read(field_reader(self.entity_type, self.layout.tagged[tag].field), self.frame, begin)
        return None

    def replace_tagged(self, tag: int, value: Any) -> None:
        """Give a tagged field another value; ``None`` takes it out."""
        self._new_tags[tag] = None if value is None else field_writer(self.layout.tagged[tag].field, True)(value)

    def frame_pieces(self) -> list[Piece]:
        """The frame as pieces to write; one piece, the very same bytes, if nothing was edited."""
        changed: dict[str, list[Piece]] = {name: [new] for name, new in self._new.items()}
        changed |= {name: items.pieces() for name, items in self._items.items() if items.edited}
        if not changed and not self._new_tags:
            return [self.frame]
        pieces: list[Piece] = [self.header]
        begin = self.body
        for name, (start, end) in self._spans.fields.items():
            if name in changed:
                if start > begin:
                    pieces.append(self.frame[begin:start])
                pieces.extend(changed[name])
                begin = end
        if self._new_tags:
            pieces += [self.frame[begin : self._spans.tags], self._edited_tags()]
        else:
            pieces.append(self.frame[begin:])
        return with_length(pieces)

    def _edited_tags(self) -> bytes:
        tags: dict[int, Buffer | None] = {tag: self.frame[begin:end] for tag, begin, end in self._tag_spans()}
        tags |= self._new_tags
        kept = [(tag, raw) for tag, raw in sorted(tags.items()) if raw is not None]
        fields = b"".join(write_uvarint(tag) + write_uvarint(len(raw)) + raw for tag, raw in kept)
        return write_uvarint(len(kept)) + fields

    def _tag_spans(self) -> Iterator[tuple[int, int, int]]:
        if not self.layout.flexible:
            return
        count, position = read_uvarint(self.frame, self._spans.tags)
        for _ in range(count):
            tag, position = read_uvarint(self.frame, position)
            size, position = read_uvarint(self.frame, position)
            yield tag, position, position + size
            position += size


def with_length(pieces: list[Piece]) -> list[Piece]:
    """Put the length prefix of a frame before its pieces."""
    length = sum(len(piece) for piece in pieces)
    return [length.to_bytes(LENGTH_PREFIX, "big"), *pieces]


def _framed(pieces: list[Piece]) -> bytes:
    return b"".join(with_length(pieces))


def encode_request(api_key: int, version: int, correlation_id: int, client_id: str | None, entity: Any) -> bytes:
    """A whole request frame."""
    return _framed([request_header(api_key, version, correlation_id, client_id), encode_entity(entity)])


def encode_response(api_key: int, version: int, correlation_id: int, entity: Any) -> bytes:
    """A whole response frame."""
    return _framed([response_header(api_key, version, correlation_id), encode_entity(entity)])


def decode_response(api_key: int, version: int, frame: Buffer) -> tuple[int, Any]:
    """(correlation id, entity) of a whole response frame.

    :raises MalformedFrame: if it is not one.
    """
    correlation_id = int.from_bytes(frame[4:8], "big", signed=True)
    return correlation_id, Message.response(api_key, version, frame).entity


def _apply(edits: list[Edit], frame: Buffer, body: int) -> list[Piece]:
    pieces: list[Piece] = []
    position = body
    for begin, end, new in sorted(edits):
        pieces += [frame[position:begin], new]
        position = end
    pieces.append(frame[position:])
    return pieces
