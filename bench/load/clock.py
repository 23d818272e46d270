"""A metronome: the event loop's own timers are of a millisecond, a timer of the kernel is of microseconds."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import Struct
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CLOCK_MONOTONIC: Final = 1
_NON_BLOCKING: Final = os.O_NONBLOCK
_TIMES: Final = Struct("@llll")
"""struct itimerspec: interval and first expiry, each in seconds and nanoseconds."""
_COUNT: Final = 8


@contextmanager
def metronome(rate: int, tick: Callable[[float], None]) -> Iterator[None]:
    """Call `tick` so many times a second with the time (of `time.perf_counter`) when it was due (timerfd_create(2)).

    If the loop was busy, what was missed is called at once, each with its own time.
    """
    interval = 1 / rate
    timer = _LIBC.timerfd_create(_CLOCK_MONOTONIC, _NON_BLOCKING)
    if timer < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    loop = asyncio.get_running_loop()
    due = time.perf_counter()

    def expired() -> None:
        nonlocal due
        for _ in range(int.from_bytes(os.read(timer, _COUNT), "little")):
            due += interval
            tick(due)

    nanoseconds = round(interval * 1e9)
    seconds, rest = divmod(nanoseconds, 10**9)
    _LIBC.timerfd_settime(timer, 0, _TIMES.pack(seconds, rest, seconds, rest), None)
    due = time.perf_counter()
    loop.add_reader(timer, expired)
    try:
        yield
    finally:
        loop.remove_reader(timer)
        os.close(timer)
