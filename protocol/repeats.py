"""The next request of a producer differs from one before in its correlation id and its records, and rarely in more.

What decides about it stands before its records: API, version, client id, transactional id and acks in its head, then
the names of its topics. So once a Produce was let go on, those with the same head that name topics of which each was
let go on are the same question, and looking these bytes up is all that is left to do.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple
from uuid import UUID

from protocol.errors import MalformedFrame
from protocol.header import RequestHead
from protocol.layout import Buffer, read_uvarint, write_uvarint
from protocol.produce import (
    ACKS_AND_TIMEOUT,
    FLEXIBLE,
    TOPIC_IDS,
    TRANSACTIONS,
    ProduceSummary,
    compact_partitions,
    partitions,
)
from protocol.records import is_transactional

_LENGTH: Final = 4
_HEAD: Final = Struct(">i4xi")
"""Length, (API key and version,) correlation id."""
_ASKED: Final = 12
"""Where in a frame stands what is asked, behind the correlation id."""
_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_UUID: Final = 16
_NO_TAGS: Final = b"\0\0\0"
"""Of the partition, of the topic, of the request."""
_LARGE: Final = 64 * 1024
"""A frame that is shorter is soon whole, and goes on in one piece."""
_UNREADABLE: Final = (IndexError, struct_error, MalformedFrame)
_MOST_HEADS: Final = 64
_MOST_TOPICS: Final = 2048


class Begun(NamedTuple):
    """A frame that may go on while it arrives."""

    missing: int
    """Bytes of it that have not come yet."""
    zeros: int
    """How many bytes at its end must be zero: where tagged fields would be told."""
    correlation_id: int | None
    """None if it will not be answered."""


class Repeats:
    """The questions of one connection that were answered "let it go on as it is"; of one version of Produce."""

    __slots__ = ("_api", "_begins", "_flexible", "_heads", "_topics", "version")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget everything: the rights may be others now."""
        self.version = 0
        self._api = b""
        self._flexible = False
        self._heads: dict[bytes, tuple[bool, bool]] = {}
        """What is asked before the topics -> (in a transaction, too?, acknowledged?)."""
        self._begins: set[int] = set()
        """Where the topics begin behind these heads."""
        self._topics: set[bytes] = set()
        """Names or ids as they stand in a request, names with their lengths."""

    def __len__(self) -> int:
        return len(self._heads) + len(self._topics)

    def remember(self, head: RequestHead, frame: Buffer, summary: ProduceSummary) -> None:
        """Remember a Produce that was let go on just as it came, by what was read in it."""
        version = head.api_version
        flexible = version >= FLEXIBLE
        if len(summary.topics) > _MOST_TOPICS:
            return
        api = bytes(frame[4:8])
        full = len(self._heads) >= _MOST_HEADS or len(self._topics) + len(summary.topics) > _MOST_TOPICS
        if api != self._api or full:
            self.forget()
            self._api, self._flexible, self.version = api, flexible, version
        begin = _topics_begin(version, frame, head.body)
        asked = bytes(frame[_ASKED:begin])
        transactional, acknowledged = self._heads.get(asked, (False, summary.acks != 0))
        self._heads[asked] = transactional or summary.transactional, acknowledged
        self._begins.add(begin)
        self._topics.update(_as_it_stands(topic, flexible) for topic in summary.topics)

    def follow(self, data: bytes, most: int, longest: int, correlation_ids: list[int]) -> tuple[int, int]:
        """How many bytes at the beginning of ``data`` are whole frames that ask what is remembered, and how many these
        are.

        At most ``most`` frames are taken, none longer than ``longest`` bytes. The correlation ids of those that will
        be answered are appended to ``correlation_ids``.
        """
        position, taken, size, api = 0, 0, len(data), self._api
        only_known = self._only_known_compact if self._flexible else self._only_known
        while taken < most and size - position > _ASKED:
            length, correlation_id = _HEAD.unpack_from(data, position)
            end = position + _LENGTH + length
            if length > longest or end > size or not data.startswith(api, position + _LENGTH):
                break
            head = self._head(data, position)
            if head is None or not only_known(data, head[0], end, head[1]):
                break
            if head[2]:
                correlation_ids.append(correlation_id)
            taken += 1
            position = end
        return position, taken

    def begin(self, data: bytes, position: int, longest: int) -> Begun | None:
        """The large frame that begins at a position and is not whole yet, if it asks what is remembered and nothing
        else: that is known once its head is there if all the rest are records of one partition.
        """
        if len(data) - position <= _ASKED:
            return None
        length, correlation_id = _HEAD.unpack_from(data, position)
        if not _LARGE <= length <= longest or not data.startswith(self._api, position + _LENGTH):
            return None
        head = self._head(data, position)
        if head is None:
            return None
        topics, may_be_transactional, acknowledged = head
        try:
            records, end = self._one_partition(data, topics)
            transactional = is_transactional(data, records, end)
        except _UNREADABLE:
            return None
        behind = position + _LENGTH + length - end
        if behind != (len(_NO_TAGS) if self._flexible else 0) or (transactional and not may_be_transactional):
            return None
        return Begun(position + _LENGTH + length - len(data), behind, correlation_id if acknowledged else None)

    def _head(self, data: bytes, position: int) -> tuple[int, bool, bool] | None:
        """Of a frame that begins at a position with a known head: where its topics begin, whether its records may be
        transactional, and whether it is acknowledged.
        """
        for begin in self._begins:
            found = self._heads.get(data[position + _ASKED : position + begin])
            if found is not None:
                return position + begin, *found
        return None

    def _one_partition(self, data: bytes, position: int) -> tuple[int, int]:
        """Where the records of the only partition begin and end, if its topic is known.

        :raises IndexError: if that is not so, or cannot be seen yet.
        """
        name_begin = _behind_one(data, position, self._flexible)
        with_ids = self.version >= TOPIC_IDS
        name_end = name_begin + _UUID if with_ids else _behind_text(data, name_begin, self._flexible)
        if data[name_begin:name_end] not in self._topics:
            raise IndexError(name_begin)
        index = _behind_one(data, name_end, self._flexible)
        if self._flexible:
            size, begin = read_uvarint(data, index + 4)
            return begin, begin + size - 1
        return index + 8, index + 8 + _INT32.unpack_from(data, index + 4)[0]

    def _only_known(self, data: bytes, position: int, end: int, transactional: bool) -> bool:
        """Whether topics that begin at a position fill the frame up to its end, all are known, and no records ask for
        another right.
        """
        try:
            count: int = _INT32.unpack_from(data, position)[0]
            position += _LENGTH
            for _ in range(count):
                name_end = position + _INT16.size + _INT16.unpack_from(data, position)[0]
                if data[position:name_end] not in self._topics:
                    return False
                asks_more, position = partitions(data, name_end)
                if asks_more and not transactional:
                    return False
        except _UNREADABLE:
            return False
        return count >= 0 and position == end

    def _only_known_compact(self, data: bytes, position: int, end: int, transactional: bool) -> bool:
        """As above, in the compact form (KIP-482), and without any tagged field."""
        topics, with_ids = self._topics, self.version >= TOPIC_IDS
        try:
            count, position = data[position], position + 1
            if count > 0x7F:
                count, position = read_uvarint(data, position - 1)
            for _ in range(count - 1):
                if with_ids:
                    name_end = position + _UUID
                elif (length := data[position]) < 0x80:
                    name_end = position + (length or 1)
                else:
                    length, name_begin = read_uvarint(data, position)
                    name_end = name_begin + length - 1
                if data[position:name_end] not in topics:
                    return False
                asks_more, position = compact_partitions(data, name_end)
                if (asks_more and not transactional) or not position or data[position]:
                    return False
                position += 1
            return count > 0 and position + 1 == end and not data[position]
        except _UNREADABLE:
            return False


def _behind_one(data: bytes, position: int, flexible: bool) -> int:
    """The position of the only item of an array.

    :raises IndexError: if it has another number of items.
    """
    count = data[position] - 1 if flexible else _INT32.unpack_from(data, position)[0]
    if count != 1:
        raise IndexError(count)
    return position + (1 if flexible else _LENGTH)


def _topics_begin(version: int, frame: Buffer, position: int) -> int:
    """Where the topics of a Produce begin that was read before."""
    if version >= TRANSACTIONS:
        position = _behind_text(frame, position, version >= FLEXIBLE)
    return position + ACKS_AND_TIMEOUT


def _behind_text(frame: Buffer, position: int, flexible: bool) -> int:
    """The position behind a text, which may be null."""
    if flexible:
        length, position = read_uvarint(frame, position)
        return position + max(length - 1, 0)
    size: int = _INT16.unpack_from(frame, position)[0]
    return position + _INT16.size + max(size, 0)


def _as_it_stands(topic: str | UUID, flexible: bool) -> bytes:
    if isinstance(topic, UUID):
        return topic.bytes
    name = topic.encode()
    return (write_uvarint(len(name) + 1) if flexible else _INT16.pack(len(name))) + name
