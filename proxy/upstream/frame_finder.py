"""Takes single frames out of a stream of answers; all others pass as they come."""

from typing import Final

_HEAD: Final = 8
"""Length and correlation id."""


class FrameFinder:
    """Follows the frames of a stream. Only the beginning of a frame is ever held back."""

    def __init__(self) -> None:
        self.wanted: int | None = None
        """The correlation id of the answer to take out."""
        self._head = b""
        self._left = 0
        self._taken: bytearray | None = None

    def feed(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """What passes, and the frames that were wanted and are whole now."""
        if self._taken is None and len(data) <= self._left:
            self._left -= len(data)
            return data, []
        passing: list[bytes] = []
        found: list[bytes] = []
        data, self._head = self._head + data, b""
        position = 0
        while position < len(data):
            if not self._left:
                if len(data) - position < _HEAD:
                    self._head = data[position:]
                    break
                self._begin(data, position)
            end = min(len(data), position + self._left)
            self._left -= end - position
            if self._taken is None:
                passing.append(data[position:end])
            else:
                self._taken += data[position:end]
                if not self._left:
                    found.append(bytes(self._taken))
                    self._taken, self.wanted = None, None
            position = end
        return b"".join(passing), found

    def _begin(self, data: bytes, position: int) -> None:
        # A length that no frame has is for whoever reads the stream to find out.
        self._left = 4 + max(int.from_bytes(data[position : position + 4], signed=True), 4)
        correlation_id = int.from_bytes(data[position + 4 : position + _HEAD], signed=True)
        self._taken = bytearray() if correlation_id == self.wanted else None
