"""The broker's bytes on their way back: cut into answers, tied to the slots, edited where a slot says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final

from protocol.errors import FrameTooLarge, MalformedFrame
from protocol.splice import Message, Piece
from proxy.session.slots import Answered, Edit, Ending, FromBroker, Internal, Pass, Slot, Stream

_HEAD: Final = Struct(">ii")
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
        """Set when the connection has to end: everything before it is out."""
        self._edited = edited
        self._held: list[memoryview] = []
        self._head = b""
        self._left = 0
        self._internal: tuple[Internal, Message] | None = None

    def expect(self, slot: Slot) -> list[Piece]:
        """Append a slot; what can go to the client at once comes back."""
        self.slots.append(slot)
        return self._flush() if not isinstance(slot, FromBroker) else []

    def feed(self, data: bytes) -> list[Piece]:
        """Take the broker's next bytes.

        :raises MalformedFrame: if they are not the answers that were asked for.
        """
        slots = self.slots
        if self._left >= len(data) and slots and type(slots[0]) is Pass:
            # The middle of a large answer: the most frequent case, and the one that carries the bytes.
            self._left -= len(data)
            if self._left:
                return [data]
            slots.popleft()
            return [data, *self._flush()]
        pieces: list[Piece] = []
        view = memoryview(self._head + data if self._head else data)
        self._head = b""
        while view:
            if not self._left and not self._begin(view):
                self._head = bytes(view)
                break
            part, view = view[: self._left], view[self._left :]
            self._left -= len(part)
            self._take(part, pieces)
            if not self._left:
                slots.popleft()
                pieces += self._flush()
        return pieces

    def _begin(self, view: memoryview) -> bool:
        if len(view) < _HEAD.size:
            return False
        length, correlation_id = _HEAD.unpack_from(view)
        if not self.slots:
            raise MalformedFrame("the broker answered something that nobody asked")
        slot = self.slots[0]
        if not isinstance(slot, FromBroker) or slot.correlation_id != correlation_id or length < 4:
            raise MalformedFrame(f"the broker answered {correlation_id} instead of {slot}")
        if length > _MAX_HELD and not isinstance(slot, Pass | Stream):
            raise FrameTooLarge(f"an answer of {length} bytes is too large to be edited")
        self._left = length + 4
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
            elif isinstance(slot, Internal):
                self._internal = slot, Message.response(slot.api_key, slot.api_version, self._whole())

    def _edit(self, slot: Edit) -> list[Piece]:
        head = slot.call.head
        message = Message.response(head.api_key, head.api_version, self._whole())
        for edit in slot.edits:
            edit(message)
        self._edited(slot)
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
