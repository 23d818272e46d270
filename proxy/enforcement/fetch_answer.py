"""The answer to a Fetch on its way to the client: followed, never held, changed only where it must be.

Three things may have to happen to it: the id of a new fetch session is noted, entries of denied partitions are added
behind those of the broker, and node endpoints (KIP-951, a tagged field behind all records) get addresses that the
client may know. Small answers are edited as a whole. Large ones are walked as they come, and since their length stands
first, node endpoints at their end are blanked there by an unknown tagged field of the same length: they are a hint, and
a client without it asks for Metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, has_flexible_response_header, response_type
from protocol.codec import encode_entity
from protocol.errors import MalformedFrame
from protocol.layout import Walk, layout_of, read_count, write_count, write_uvarint
from protocol.splice import Message, Piece

WHOLE: Final = 64 * 1024
"""Answers up to this many bytes are edited as a whole."""

_INT32: Final = Struct(">i")
_ERROR_AND_SESSION: Final = Struct(">hi")
_CORRELATION_END: Final = 8
_THROTTLE: Final = 4
_FIRST_WITH_THROTTLE: Final = 1
_SESSIONS: Final = 7
_ENDPOINTS_TAG: Final = 0
_FILLER_TAG: Final = 10_000
"""A tag that no version of Kafka uses; clients skip it (KIP-482)."""

OnSession = Callable[[int], None]
Endpoints = Callable[[Sequence[Any]], tuple[Any, ...]]


class FetchAnswer:
    """One Fetch answer, fed as it comes.

    ``entries`` are items of the answer to add; ``on_session`` is told the id of the session that the broker opened;
    ``endpoints`` maps node endpoints, None for versions that have none.
    """

    def __init__(
        self, version: int, entries: Sequence[Any], on_session: OnSession | None, endpoints: Endpoints | None
    ) -> None:
        self._version = version
        self._entries = entries
        self._on_session = on_session
        self._endpoints = endpoints
        self._held = b""
        self._walker: _Walker | None = None

    def feed(self, chunk: memoryview) -> list[Piece]:
        """Take the next bytes of the answer; give those that go on to the client now.

        :raises MalformedFrame: if the bytes are not a Fetch answer.
        """
        if self._walker is not None:
            return self._walker.feed(chunk)
        data = memoryview(self._held + bytes(chunk)) if self._held else chunk
        length = 4 + _INT32.unpack_from(data)[0] if len(data) >= 4 else WHOLE
        if length <= WHOLE:
            if len(data) < length:
                self._held = bytes(data)
                return []
            return self._edit_whole(data)
        if len(data) < _Walker.HEAD:
            self._held = bytes(data)
            return []
        self._held = b""
        entries = [encode_entity(entry) for entry in self._entries]
        self._walker = _Walker(self._version, entries, self._on_session, self._endpoints is not None)
        return self._walker.feed(data)

    def _edit_whole(self, frame: memoryview) -> list[Piece]:
        message = Message.response(ApiKey.FETCH, self._version, frame)
        if self._version < _SESSIONS or message.value("error_code") == ErrorCode.none:
            message.items("responses").append(self._entries)
            if self._on_session is not None and (session_id := message.value("session_id")):
                self._on_session(session_id)
        if self._endpoints is not None:
            found = message.tagged(_ENDPOINTS_TAG)
            if found:
                message.replace_tagged(_ENDPOINTS_TAG, self._endpoints(found))
        return message.frame_pieces()


class _Walker:
    """Walks a large answer unit by unit and holds no more of it than one unit: never records."""

    HEAD: Final = 32
    """Bytes that surely hold everything up to the first topic."""

    def __init__(self, version: int, entries: list[bytes], on_session: OnSession | None, has_endpoints: bool) -> None:
        self._version = version
        self._entries = entries
        self._on_session = on_session
        self._has_endpoints = has_endpoints
        layout = layout_of(response_type(ApiKey.FETCH, version))
        topic = layout.fields["responses"].entity
        partition = topic.fields["partitions"].entity if topic is not None else None
        if topic is None or partition is None:
            raise AssertionError("a Fetch answer has topics with partitions")
        self._compact = layout.flexible
        self._topic_name: Walk = next(iter(topic.fields.values())).walk
        self._before_records = [field.walk for name, field in partition.fields.items() if name != "records"]
        self._walk_tags = {"partition": partition.walk_tags, "topic": topic.walk_tags}
        self._data = memoryview(b"")
        self._position = 0
        self._out: list[Piece] = []
        self._left = self.HEAD
        self._answer = self._walk_answer()

    def feed(self, chunk: memoryview) -> list[Piece]:
        """Take the next bytes; give those that go on."""
        rest = self._data[self._position :]
        self._data = memoryview(b"".join((rest, chunk))) if rest else chunk
        self._position = 0
        next(self._answer, None)
        out, self._out = self._out, []
        return out

    def _walk_answer(self) -> Generator[None, None, None]:
        count = yield from self._unit(self._read_head)
        for _ in range(count):
            partitions = yield from self._unit(self._read_topic)
            for _ in range(partitions):
                size = yield from self._unit(self._read_partition)
                yield from self._pass_on(size)
                yield from self._tags("partition")
            yield from self._tags("topic")
        self._out.extend(self._entries)
        if self._has_endpoints:
            yield from self._blank_endpoints()
        yield from self._pass_on(self._left)

    def _unit(self, read: Callable[[], tuple[int, int]]) -> Generator[None, None, int]:
        """Read one unit as soon as all of it is there, hand it on, and give what it says."""
        while True:
            try:
                end, said = read()
            except (IndexError, struct_error):
                end, said = len(self._data) + 1, 0
            if end <= len(self._data):
                break
            yield
        self._hand_on(end)
        return said

    def _pass_on(self, size: int) -> Generator[None, None, None]:
        """Hand on bytes that are of no interest, as they come."""
        while size:
            available = min(size, len(self._data) - self._position)
            if available:
                self._hand_on(self._position + available)
                size -= available
            if size:
                yield

    def _hand_on(self, end: int) -> None:
        self._out.append(self._data[self._position : end])
        self._left -= end - self._position
        self._position = end

    def _tags(self, owner: str) -> Generator[None, None, None]:
        if self._compact:
            walk = self._walk_tags[owner]
            yield from self._unit(lambda: (walk(self._data, self._position, []), 0))

    def _read_head(self) -> tuple[int, int]:
        data = self._data
        length = _INT32.unpack_from(data)[0]
        position = _CORRELATION_END + has_flexible_response_header(ApiKey.FETCH, self._version)
        if self._version >= _FIRST_WITH_THROTTLE:
            position += _THROTTLE
        fine = True
        if self._version >= _SESSIONS:
            error, session_id = _ERROR_AND_SESSION.unpack_from(data, position)
            position += _ERROR_AND_SESSION.size
            fine = error == ErrorCode.none
            if fine and session_id and self._on_session is not None:
                self._on_session(session_id)
        count, end = read_count(data, position, self._compact)
        if not fine:
            self._entries = []
        new_count = write_count(count + len(self._entries), self._compact)
        added = sum(map(len, self._entries)) + len(new_count) - (end - position)
        self._out += [_INT32.pack(length + added), data[4:position], new_count]
        self._left = 4 + length - end
        self._position = end
        return end, count

    def _read_topic(self) -> tuple[int, int]:
        position = self._topic_name(self._data, self._position, [])
        count, position = read_count(self._data, position, self._compact)
        return position, count

    def _read_partition(self) -> tuple[int, int]:
        position = self._position
        for walk in self._before_records:
            position = walk(self._data, position, [])
        size, position = read_count(self._data, position, self._compact)
        return position, max(size, 0)

    def _blank_endpoints(self) -> Generator[None, None, None]:
        """Put a filler of the same length in the place of the tagged fields at the very end, if there are any."""
        size = self._left
        while len(self._data) - self._position < size:
            yield
        tags = self._data[self._position : self._position + size]
        self._position += size
        self._left = 0
        self._out.append(tags if tags[0] == 0 else _filler(size))


def _filler(size: int) -> bytes:
    """A section of tagged fields of exactly ``size`` bytes that says nothing.

    :raises MalformedFrame: if so short a section could not hold a node endpoint.
    """
    head = write_uvarint(1) + write_uvarint(_FILLER_TAG)
    for width in range(1, 6):
        room = size - len(head) - width
        if room >= 0 and len(write_uvarint(room)) == width:
            return head + write_uvarint(room) + bytes(room)
    if size > len(head) + 1:
        # No room has exactly this width: two fields, the first of them empty.
        second = _filler(size - len(write_uvarint(_FILLER_TAG)) - 1)
        return write_uvarint(2) + write_uvarint(_FILLER_TAG - 1) + write_uvarint(0) + second[1:]
    raise MalformedFrame("the tagged fields of a Fetch answer are too short for a node endpoint")
