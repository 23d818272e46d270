"""Several processes that serve the same ports, and the parent that keeps them going.

The parent does nothing but wait: it has no thread and no event loop, so it may fork at any time.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from proxy.observability.logs import get_logger

CANNOT_START: Final = 1
"""The exit code of a worker that would fail again if it was started again."""

_CRASHED: Final = 70
_REST_S: Final = 1.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = get_logger("doorkeeper.workers")

Serve = Callable[[int, int], int]


class Workers:
    """Runs `serve(index, alive)` in `count` processes; one that dies is started again.

    `alive` is a file descriptor that becomes readable when the parent is gone. What `serve` returns is the exit code.
    SIGTERM (SIGINT too becomes one) and SIGHUP are passed on.
    """

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._running: dict[int, int] = {}
        self._stopping = False
        self._failed = False
        self._alive = os.pipe()

    def run(self) -> int:
        """Serve until told to stop; `CANNOT_START` comes back if a worker could not, else 0."""
        for number in _SIGNALS:
            signal.signal(number, self._signalled)
        for index in range(self._count):
            self._start(index)
        while self._running:
            pid, status = os.wait()
            self._ended(self._running.pop(pid), os.waitstatus_to_exitcode(status))
        return CANNOT_START if self._failed else 0

    def _ended(self, index: int, code: int) -> None:
        if code == CANNOT_START:
            self._failed = True
            self._stop()
        elif not self._stopping:
            _log.error("a worker has died and is started again", worker=index, exit_code=code)
            time.sleep(_REST_S)
            self._start(index)

    def _start(self, index: int) -> None:
        # Signals wait until the new process is known, or they would not reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            if self._stopping:
                return
            pid = os.fork()
            if pid == 0:
                self._work(index)
            self._running[pid] = index
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _work(self, index: int) -> None:
        """The worker's whole life."""
        code = _CRASHED
        try:
            # A group of its own: Ctrl-C in a terminal is for the parent, who passes it on, once.
            os.setpgid(0, 0)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            alive, ours = self._alive
            os.close(ours)
            code = self._serve(index, alive)
        except BaseException:  # noqa: BLE001 - nothing of the parent's own may run in here
            _log.exception("bug: a worker failed", worker=index)
        finally:
            os._exit(code)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._pass_on(signal.SIGHUP)
        else:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        self._pass_on(signal.SIGTERM)

    def _pass_on(self, number: int) -> None:
        for pid in tuple(self._running):
            os.kill(pid, number)
