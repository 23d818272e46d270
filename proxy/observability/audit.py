"""The audit trail: JSON lines in a stream of their own, written by a thread: a slow disk never holds up the event loop.

The queue between the two is bounded. A line that finds it full is lost, but never silently: it is counted, and as soon
as there is room again the trail itself says how many lines are missing.
"""

import json
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from proxy.observability.line_file import LineFile

Record = Mapping[str, object]
_BATCH_LINES: Final = 256


class Sink(Protocol):
    """Where audit records go."""

    def write(self, record: Record) -> bool:
        """Take a record without blocking; False when it had to be dropped."""
        ...


class NoAudit:
    """No audit trail is wanted."""

    def write(self, record: Record) -> bool:  # noqa: ARG002 - the name belongs to the protocol
        """Forget the record."""
        return True


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how writing goes. `trouble` hears an error once when it begins, and None when writing works again.

    All three are called from the writing thread; `lost` from the caller's too.
    """

    written: Callable[[int], None] = lambda _count: None
    lost: Callable[[int], None] = lambda _count: None
    trouble: Callable[[OSError | None], None] = lambda _error: None


class _Control(Enum):
    REOPEN = auto()
    STOP = auto()


class AuditLog:
    """Writes audit records, one JSON object a line.

    `now` gives the text of the present time; `capacity` is how many lines may wait.
    """

    def __init__(
        self, file: LineFile, *, now: Callable[[], str], capacity: int = 10_000, watch: Watch | None = None
    ) -> None:
        self._file = file
        self._now = now
        self._capacity = capacity
        self._watch = watch or Watch()
        self._queue: queue.SimpleQueue[Record | _Control] = queue.SimpleQueue()
        self._closed = False
        self._in_trouble = False
        self._untold = 0  # lost lines that the trail does not mention yet
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def write(self, record: Record) -> bool:
        """Queue a record. It never blocks; False (and a count) when the queue is full or the log is closed."""
        if self._closed or self._queue.qsize() >= self._capacity:
            self._lose(1)
            return False
        self._queue.put(record)
        return True

    def reopen(self) -> None:
        """Open the file again by its name, after a log rotation."""
        self._queue.put(_Control.REOPEN)

    def close(self, timeout: float = 5.0) -> None:
        """Write what is queued and stop, waiting at most `timeout` seconds; what is left then counts as lost."""
        self._closed = True
        self._queue.put(_Control.STOP)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._lose(self._queue.qsize())
        else:
            self._file.close()

    def _run(self) -> None:
        control = None
        while control is not _Control.STOP:
            records, control = self._next_batch()
            self._append(records)
            self._tell_lost()
            if control is _Control.REOPEN:
                self._reopen()

    def _next_batch(self) -> tuple[list[Record], _Control | None]:
        """Wait for a record, then take what else is there; a control ends the batch."""
        batch: list[Record] = []
        item = self._queue.get()
        while not isinstance(item, _Control):
            batch.append(item)
            if len(batch) == _BATCH_LINES or self._queue.empty():
                return batch, None
            item = self._queue.get()
        return batch, item

    def _append(self, records: list[Record]) -> None:
        if not records:
            return
        if self._written(records):
            self._watch.written(len(records))
        else:
            self._lose(len(records))

    def _tell_lost(self) -> None:
        with self._lock:
            count, self._untold = self._untold, 0
        if count and not self._written([_lines_lost(self._now(), count)]):
            with self._lock:
                self._untold += count

    def _written(self, records: list[Record]) -> bool:
        try:
            self._file.append([_line(record) for record in records])
        except OSError as error:
            self._report(error)
            return False
        self._report(None)
        return True

    def _reopen(self) -> None:
        try:
            self._file.reopen()
        except OSError as error:
            self._watch.trouble(error)

    def _lose(self, count: int) -> None:
        with self._lock:
            self._untold += count
        self._watch.lost(count)

    def _report(self, error: OSError | None) -> None:
        if (error is not None) != self._in_trouble:
            self._in_trouble = error is not None
            self._watch.trouble(error)


def _line(record: Record) -> bytes:
    # ASCII only: no control character or line separator in a name can break a line in two.
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"


def _lines_lost(timestamp: str, count: int) -> Record:
    return {
        "timestamp": timestamp,
        "event": "audit.lines_lost",
        "message": f"{count} audit lines were lost",
        "count": count,
    }
