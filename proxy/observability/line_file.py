"""An append-only file, or standard output, that takes whole lines."""

import os
import select
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

STANDARD_OUTPUT: Final = "-"
_STDOUT_FD: Final = 1


class LineFile:
    """Appends lines so that those of several processes never mix.

    :raises OSError: the file cannot be opened for appending.
    """

    def __init__(self, target: str | Path) -> None:
        self._path = None if str(target) == STANDARD_OUTPUT else Path(target)
        self._fd = self._open()
        self._torn = False

    def append(self, lines: Sequence[bytes]) -> None:
        """Write all lines, waiting as long as the other end takes.

        :raises OSError: nothing, or only a part, could be written.
        """
        for group in _atomic_groups(lines):
            self._write_all(b"\n" + group if self._torn else group)

    def reopen(self) -> None:
        """Open the file again by its name, after a log rotation moved it away. Standard output stays as it is.

        :raises OSError: it cannot be opened; the former file stays in use.
        """
        if self._path is not None:
            former, self._fd = self._fd, self._open()
            os.close(former)

    def close(self) -> None:
        """Give the file back; standard output stays open."""
        if self._path is not None:
            os.close(self._fd)

    def _open(self) -> int:
        if self._path is None:
            return _STDOUT_FD
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                # Standard output may be a pipe that somebody else made non-blocking.
                select.select([], [self._fd], [])
            except OSError:
                self._torn = self._torn or len(rest) < len(data)
                raise
        self._torn = False


def _atomic_groups(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Join lines into writes of at most PIPE_BUF bytes: POSIX keeps those whole when processes share a pipe."""
    group: list[bytes] = []
    size = 0
    for line in lines:
        if group and size + len(line) > select.PIPE_BUF:
            yield b"".join(group)
            group, size = [], 0
        group.append(line)
        size += len(line)
    if group:
        yield b"".join(group)
