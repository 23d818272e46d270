"""The audit trail loses nothing silently and never holds up whoever writes to it."""

import errno
import fcntl
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.observability.audit import AuditLog, NoAudit, Watch
from proxy.observability.line_file import STANDARD_OUTPUT, LineFile
from tests.json_lines import records

PATIENCE_S = 10


class StuckFile(LineFile):
    """A disk that does not answer until it is released."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self.released = threading.Event()
        self.busy = threading.Event()

    def append(self, lines: Sequence[bytes]) -> None:
        self.busy.set()
        assert self.released.wait(PATIENCE_S)
        super().append(lines)


class FullFile(LineFile):
    """A disk without room, until there is some again."""

    full = True

    def append(self, lines: Sequence[bytes]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(lines)


class Told:
    """Counts what a watch hears."""

    def __init__(self) -> None:
        self.written = 0
        self.lost = 0
        self.trouble: list[str | None] = []
        self.changed = threading.Condition()

    def watch(self) -> Watch:
        return Watch(self._on_written, self._on_lost, self._on_trouble)

    def wait_for(self, truth: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(truth, PATIENCE_S)

    def _on_written(self, count: int) -> None:
        with self.changed:
            self.written += count
            self.changed.notify_all()

    def _on_lost(self, count: int) -> None:
        with self.changed:
            self.lost += count
            self.changed.notify_all()

    def _on_trouble(self, error: OSError | None) -> None:
        with self.changed:
            self.trouble.append(error and error.strerror)
            self.changed.notify_all()


def test_who_reads_while_a_line_is_written_reads_the_whole_ones(tmp_path: Path) -> None:
    """What the other tests read with."""
    path = tmp_path / "trail"
    path.write_text('{"n": 1}\n{"n": 2}\n{"n":')
    assert records(path) == [{"n": 1}, {"n": 2}]
    path.write_text("")
    assert records(path) == []


def audit(file: LineFile, told: Told | None = None, capacity: int = 10_000) -> AuditLog:
    return AuditLog(file, now=lambda: "now", capacity=capacity, watch=told.watch() if told else None)


def test_every_record_is_a_line_in_the_order_of_writing(tmp_path: Path):
    told = Told()
    log = audit(LineFile(tmp_path / "audit"), told)
    assert all(log.write({"n": n}) for n in range(5_000))
    log.close()
    assert records(tmp_path / "audit") == [{"n": n} for n in range(5_000)]
    assert (told.written, told.lost, told.trouble) == (5_000, 0, [])


def test_a_file_is_appended_to_and_not_for_everybody_to_read(tmp_path: Path):
    for n in range(2):
        log = audit(LineFile(tmp_path / "audit"))
        log.write({"n": n})
        log.close()
    assert records(tmp_path / "audit") == [{"n": 0}, {"n": 1}]
    assert (tmp_path / "audit").stat().st_mode & 0o007 == 0


@given(st.dictionaries(st.text(), st.text()))
def test_no_text_can_break_a_line_in_two(record: dict[str, str]):
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        log = audit(LineFile(Path(f"/dev/fd/{write}")))
        log.write(record)
        log.close()
        os.close(write)
        data = reader.read()
    assert data.count(b"\n") == 1
    assert json.loads(data) == record


def test_a_slow_disk_holds_up_nobody_and_what_is_lost_is_told(tmp_path: Path):
    told = Told()
    file = StuckFile(tmp_path / "audit")
    log = audit(file, told, capacity=3)
    log.write({"n": "first"})
    assert file.busy.wait(PATIENCE_S)
    assert [log.write({"n": n}) for n in range(5)] == [True, True, True, False, False]
    file.released.set()
    told.wait_for(lambda: told.written == 4)
    log.close()
    notices = [line for line in records(tmp_path / "audit") if line.get("event") == "audit.lines_lost"]
    assert notices == [
        {"timestamp": "now", "event": "audit.lines_lost", "message": "2 audit lines were lost", "count": 2}
    ]
    assert [line["n"] for line in records(tmp_path / "audit") if "n" in line] == ["first", 0, 1, 2]
    assert told.lost == 2


def test_a_full_disk_is_told_once_and_the_trail_says_what_is_missing(tmp_path: Path):
    told = Told()
    file = FullFile(tmp_path / "audit")
    log = audit(file, told)
    for n in range(3):
        log.write({"n": n})
        told.wait_for(lambda n=n: told.lost == n + 1)
    file.full = False
    log.write({"n": 3})
    log.close()
    assert [line.get("n", line.get("count")) for line in records(tmp_path / "audit")] == [3, 3]
    assert told.trouble == ["No space left on device", None]


def test_after_a_rotation_lines_go_to_the_new_file(tmp_path: Path):
    told = Told()
    log = audit(LineFile(tmp_path / "audit"), told)
    log.write({"n": 1})
    told.wait_for(lambda: told.written == 1)
    (tmp_path / "audit").rename(tmp_path / "audit.1")
    log.reopen()
    log.write({"n": 2})
    log.close()
    assert (records(tmp_path / "audit.1"), records(tmp_path / "audit")) == ([{"n": 1}], [{"n": 2}])


def test_a_rotation_that_fails_keeps_the_old_file(tmp_path: Path):
    told = Told()
    folder = tmp_path / "folder"
    folder.mkdir()
    log = audit(LineFile(folder / "audit"), told)
    folder.rename(tmp_path / "moved")
    log.reopen()
    log.write({"n": 1})
    log.close()
    assert records(tmp_path / "moved" / "audit") == [{"n": 1}]
    assert told.trouble == ["No such file or directory"]


def test_what_comes_after_the_end_counts_as_lost(tmp_path: Path):
    told = Told()
    log = audit(LineFile(tmp_path / "audit"), told)
    log.close()
    assert log.write({"n": 1}) is False
    assert told.lost == 1


def test_what_cannot_be_written_in_time_at_the_end_counts_as_lost(tmp_path: Path):
    told = Told()
    file = StuckFile(tmp_path / "audit")
    log = audit(file, told)
    log.write({"n": 1})
    assert file.busy.wait(PATIENCE_S)
    log.write({"n": 2})
    log.close(timeout=0.01)
    assert told.lost >= 1
    file.released.set()


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path):
    with pytest.raises(OSError, match="No such file or directory"):
        LineFile(tmp_path / "nowhere" / "audit")


def test_standard_output_stays_open(capfd: pytest.CaptureFixture[str]):
    log = audit(LineFile(STANDARD_OUTPUT))
    log.write({"n": 1})
    log.reopen()
    log.write({"n": 2})
    log.close()
    assert capfd.readouterr().out == '{"n":1}\n{"n":2}\n'
    os.fstat(1)


def test_a_pipe_that_is_full_and_non_blocking_is_waited_for():
    read, write = os.pipe()
    size = fcntl.fcntl(write, fcntl.F_GETPIPE_SZ)
    sent = [b"x" * 1023 + b"\n"] * (2 * size // 1024)
    file = LineFile(Path(f"/dev/fd/{write}"))
    os.set_blocking(file._fd, False)
    writer = threading.Thread(target=file.append, args=(sent,))
    writer.start()
    received = b""
    while len(received) < 2 * size:
        received += os.read(read, size)
    writer.join(PATIENCE_S)
    file.close()
    os.close(write)
    os.close(read)
    assert received == b"".join(sent)


def test_after_half_a_line_the_next_one_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    room = 5

    def write_a_little(fd: int, data: memoryview) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        room -= (count := real_write(fd, data[:room]))
        return count

    real_write = os.write
    file = LineFile(tmp_path / "audit")
    monkeypatch.setattr(os, "write", write_a_little)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            file.append([b'{"n":1}\n'])
    room = 1000
    file.append([b'{"n":2}\n'])
    file.append([b'{"n":3}\n'])
    file.close()
    assert (tmp_path / "audit").read_text().splitlines() == ['{"n":', '{"n":2}', '{"n":3}']


def test_no_audit_takes_everything():
    assert NoAudit().write({"n": 1}) is True
