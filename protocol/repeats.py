"""The next request of a producer differs from one before in its correlation id and its records, and in nothing else.

What decides about it stands in its first bytes: API, version, client id, transactional id, acks, topic, partition. So
once a Produce of one partition was judged, those that begin with the same bytes are the same question, and looking
these bytes up is all that is left to do.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final

from protocol.errors import MalformedFrame
from protocol.header import RequestHead, has_plain_header
from protocol.layout import Buffer, read_uvarint
from protocol.records import is_transactional

_LENGTH: Final = 4
_HEAD: Final = Struct(">i4xi")
"""Length, (API key and version,) correlation id."""
_ASKED: Final = 12
"""Where in a frame stands what is asked, behind the correlation id."""
_INT16: Final = Struct(">h")
_INT32: Final = Struct(">i")
_TRANSACTIONS: Final = 3
_FLEXIBLE: Final = 9
_TOPIC_IDS: Final = 13
_NO_TAGS: Final = b"\0\0\0"
"""Of the partition, of the topic, of the request."""
_MOST: Final = 512


class Repeats:
    """The questions of one connection that were answered "let it go on as it is"; of one version of Produce."""

    __slots__ = ("_api", "_flexible", "_known", "_size", "version")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget everything: the rights may be others now."""
        self.version = 0
        self._api = b""
        self._flexible = False
        self._known: dict[int, dict[bytes, tuple[bool, bool]]] = {}
        """Where the records' length stands -> what is asked before it -> (transactional?, acknowledged?)."""
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def remember(self, head: RequestHead, frame: Buffer) -> None:
        """Remember a Produce that was let go on; one that is not of one partition alone is not remembered."""
        flexible = head.api_version >= _FLEXIBLE
        try:
            if flexible and not has_plain_header(frame, head.body):
                return
            records, acks = _find_records(head.api_version, frame, head.body, flexible)
            begin = read_uvarint(frame, records)[1] if flexible else records + _LENGTH
            transactional = is_transactional(frame, begin, len(frame))
        except (IndexError, struct_error, MalformedFrame):
            return
        api = bytes(frame[4:8])
        if api != self._api or self._size >= _MOST:
            self.forget()
            self._api, self._flexible, self.version = api, flexible, head.api_version
        self._known.setdefault(records, {})[bytes(frame[_ASKED:records])] = transactional, acks != 0
        self._size += 1

    def follow(self, data: bytes, most: int, longest: int, correlation_ids: list[int]) -> tuple[int, int]:
        """How many bytes at the beginning of ``data`` are whole frames that ask what is remembered, and how many these
        are.

        At most ``most`` frames are taken, none longer than ``longest`` bytes. The correlation ids of those that will
        be answered are appended to ``correlation_ids``.
        """
        position, taken, size, api = 0, 0, len(data), self._api
        while taken < most and size - position > _ASKED:
            length, correlation_id = _HEAD.unpack_from(data, position)
            end = position + _LENGTH + length
            if length > longest or end > size or not data.startswith(api, position + _LENGTH):
                break
            for records, known in self._known.items():
                found = known.get(data[position + _ASKED : position + records])
                if found is not None and self._ends_well(data, position + records, end, found[0]):
                    break
            else:
                break
            if found[1]:
                correlation_ids.append(correlation_id)
            taken += 1
            position = end
        return position, taken

    def _ends_well(self, data: bytes, position: int, end: int, transactional: bool) -> bool:
        """Whether records that begin at a position fill the frame up to its end, and ask for no other right."""
        try:
            if self._flexible:
                size, begin = read_uvarint(data, position)
                records_end = begin + size - 1
                well = records_end + len(_NO_TAGS) == end and data.startswith(_NO_TAGS, records_end)
            else:
                begin = position + _LENGTH
                records_end = begin + _INT32.unpack_from(data, position)[0]
                well = records_end == end
        except (IndexError, struct_error, MalformedFrame):
            return False
        return well and records_end >= begin and is_transactional(data, begin, records_end) is transactional


def _find_records(version: int, frame: Buffer, position: int, flexible: bool) -> tuple[int, int]:
    """Where the length of the records of the only partition stands, and the acks."""
    if version >= _TRANSACTIONS:
        position = _behind_text(frame, position, flexible)
    acks: int = _INT16.unpack_from(frame, position)[0]
    position = _behind_one(frame, position + 6, flexible)
    position = position + 16 if version >= _TOPIC_IDS else _behind_text(frame, position, flexible)
    return _behind_one(frame, position, flexible) + 4, acks


def _behind_text(frame: Buffer, position: int, flexible: bool) -> int:
    if flexible:
        length, position = read_uvarint(frame, position)
        return position + max(length - 1, 0)
    size: int = _INT16.unpack_from(frame, position)[0]
    return position + 2 + max(size, 0)


def _behind_one(frame: Buffer, position: int, flexible: bool) -> int:
    """The position of the only item of an array.

    :raises IndexError: if it has another number of items.
    """
    count = frame[position] - 1 if flexible else _INT32.unpack_from(frame, position)[0]
    if count != 1:
        raise IndexError(count)
    return position + (1 if flexible else _LENGTH)
