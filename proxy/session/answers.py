"""The broker's bytes on their way back: cut into answers, tied to the slots, edited where a slot says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final

from protocol.apis import ApiKey
from protocol.errors import FrameTooLarge, MalformedFrame
from protocol.produce_answer import is_plain
from protocol.splice import Message, Piece
from proxy.session.events import CloseReason
from proxy.session.slots import Answered, Edit, Ending, Glance, Held, Internal, Pass, Slot, Stream

_HEAD: Final = Struct(">ii")
_LENGTH: Final = 4
_SHORTEST: Final = 4
"""The least that an answer's length may be: its correlation id."""
_MAX_HELD: Final = 256 * 1024 * 1024
"""The largest answer in bytes that is held whole to be edited; a Metadata answer of a million partitions is 60 MB."""


class Answers:
    """The answers of one broker connection and the slots they belong to.

    :meth:`feed` returns what goes to the client. ``edited`` is called after each edited answer, when new denials may
    be known.
    """

    def __init__(self, edited: Callable[[Edit], None]) -> None:
        self.slots: deque[Slot] = deque()
        self.ending: Ending | None = None
        """Set when the connection has to end: by :meth:`end`, or by a slot when everything before it is out."""
        self._edited = edited
        self._held: list[memoryview] = []
        self._head = b""
        self._left = 0
        self._internal: tuple[Internal, Message] | None = None

    def expect(self, slot: Slot) -> list[Piece]:
        """Append a slot; what can go to the client at once comes back."""
        self.slots.append(slot)
        return self._flush() if isinstance(slot, Answered | Ending) else []

    def end(self, reason: CloseReason, detail: str) -> None:
        """The connection has to end, whatever is still in flight."""
        self.ending = Ending(reason, detail)

    def feed(self, data: bytes) -> list[Piece]:
        """Take the broker's next bytes.

        :raises MalformedFrame: if they are not the answers that were asked for.
        """
        pieces: list[Piece] = []
        if not self._head:
            passed = self._pass_on(data)
            if passed == len(data):
                pieces.append(data)
                if not self._left:
                    pieces += self._flush()
                return pieces
            view = memoryview(data)
            if passed:
                pieces += [view[:passed], *self._flush()]
                view = view[passed:]
        else:
            view = memoryview(self._head + data)
            self._head = b""
        self._feed_slowly(view, pieces)
        return pieces

    def _pass_on(self, data: bytes) -> int:
        """How many bytes at the beginning belong to answers that go on as they come: the ones that carry the bytes."""
        slots, position, size = self.slots, 0, len(data)
        while slots:
            slot = slots[0]
            if type(slot) is Glance:
                end = self._glance(slot, data, position)
                if end == position:
                    break
                position = end
                slots.popleft()
                continue
            if type(slot) is not Pass:
                break
            left = self._left
            if not left:
                if size - position < _HEAD.size:
                    break
                length, correlation_id = _HEAD.unpack_from(data, position)
                if correlation_id != slot or length < _SHORTEST:
                    break
                left = length + _LENGTH
            if left > size - position:
                self._left = left - (size - position)
                return size
            self._left = 0
            position += left
            slots.popleft()
        return position

    def _glance(self, slot: Glance, data: bytes, position: int) -> int:
        """Where an answer ends that lies whole in ``data`` and may go on as it is; else where it begins."""
        if self._left or len(data) - position < _HEAD.size:
            return position
        length, correlation_id = _HEAD.unpack_from(data, position)
        end: int = position + _LENGTH + length
        fits = correlation_id == slot.correlation_id and end <= len(data)
        return end if fits and is_plain(slot.api_version, data, position, end) else position

    def _feed_slowly(self, view: memoryview, pieces: list[Piece]) -> None:
        while view:
            if not self._left and not self._begin(view):
                self._head = bytes(view)
                break
            part, view = view[: self._left], view[self._left :]
            self._left -= len(part)
            self._take(part, pieces)
            if not self._left:
                self.slots.popleft()
                pieces += self._flush()

    def _begin(self, view: memoryview) -> bool:
        if len(view) < _HEAD.size:
            return False
        length, correlation_id = _HEAD.unpack_from(view)
        if not self.slots:
            raise MalformedFrame("the broker answered something that nobody asked")
        slot = self.slots[0]
        if isinstance(slot, Answered | Ending) or _wanted(slot) != correlation_id or length < _SHORTEST:
            raise MalformedFrame(f"the broker answered {correlation_id} instead of {slot}")
        if length > _MAX_HELD and not isinstance(slot, Pass | Stream):
            raise FrameTooLarge(f"an answer of {length} bytes is too large to be edited")
        self._left = length + _LENGTH
        return True

    def _take(self, part: memoryview, pieces: list[Piece]) -> None:
        slot = self.slots[0]
        if isinstance(slot, Pass):
            pieces.append(part)
        elif isinstance(slot, Stream):
            pieces += slot.stream.feed(part)
        else:
            self._held.append(part)
            if self._left:
                return
            if isinstance(slot, Edit):
                pieces += self._edit(slot)
            elif isinstance(slot, Glance):
                pieces += self._edit_produce(slot)
            elif isinstance(slot, Internal):
                self._internal = slot, Message.response(slot.api_key, slot.api_version, self._whole())

    def _edit(self, slot: Edit) -> list[Piece]:
        head = slot.call.head
        message = Message.response(head.api_key, head.api_version, self._whole())
        for edit in slot.edits:
            edit(message)
        self._edited(slot)
        return message.frame_pieces()

    def _edit_produce(self, slot: Glance) -> list[Piece]:
        message = Message.response(ApiKey.PRODUCE, slot.api_version, self._whole())
        slot.edit(message)
        return message.frame_pieces()

    def _whole(self) -> memoryview:
        held, self._held = self._held, []
        return held[0] if len(held) == 1 else memoryview(b"".join(held))

    def _flush(self) -> list[Piece]:
        """What waited for the answer before it."""
        pieces: list[Piece] = []
        slots = self.slots
        while slots and self.ending is None:
            slot = slots[0]
            if isinstance(slot, Answered):
                pieces.append(slot.frame)
            elif isinstance(slot, Ending):
                self.ending = slot
            else:
                break
            slots.popleft()
        return pieces

    def take_internal(self) -> tuple[Internal, Message] | None:
        """The answer to a question of our own, once it is whole."""
        internal, self._internal = self._internal, None
        return internal


def _wanted(slot: Pass | Held) -> int:
    return slot if isinstance(slot, int) else slot.correlation_id
