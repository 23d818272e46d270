"""What a process has used, from Linux's own books."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

_SCHEDULER_CLOCK = 2


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its living children, user and system, ended threads included.

    Read from the processes' CPU clocks (clock_getcpuclockid(3)), which count nanoseconds; /proc/PID/stat counts 10 ms.

    :raises OSError: if there is no such process.
    """
    return sum(time.clock_gettime(~process << 3 | _SCHEDULER_CLOCK) for process in _family(pid))


def machine_seconds() -> float:
    """CPU seconds, user and system, of everything that runs on this machine; interrupts and the idle are left out."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split(maxsplit=4)[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Resident memory (RSS) of a process and its children; what they share is counted for each."""
    return sum(_resident_pages(process) for process in _family(pid)) * resource.getpagesize()


def _resident_pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))
