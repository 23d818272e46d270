"""A child process that is started, watched and ended, writes to a log file, and never outlives us."""

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from proxy.embedded.errors import EmbeddedError

# Asks Linux to kill the process when the thread that started it ends (PR_SET_PDEATHSIG of prctl(2) is 1), and becomes
# the command.
_LAUNCHER = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("whoever started this is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""

# That thread has to live as long as we do, whoever calls start().
_spawner = ThreadPoolExecutor(1, thread_name_prefix="embedded-spawner")

_POLL_S = 0.05


class ChildProcess:
    """One command; it may be started again after it ended."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id, None before the first start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended (the negative number of the signal that ended it), None as long as it has not."""
        return self._process.poll() if self._process else None

    def start(self) -> Self:
        """Start the command in a session of its own, so that the terminal's Ctrl-C reaches us alone."""
        assert not self.running, f"{self.name} runs already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = _spawner.submit(self._spawn).result()
        atexit.register(self.kill)
        return self

    def _spawn(self) -> subprocess.Popen[bytes]:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *self.command]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                launcher,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it was started."""
        if self._process is not None:
            self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM) and do not wait."""
        self.signal(signal.SIGTERM)

    def stop(self, timeout_s: float = 20.0) -> None:
        """Ask it to end, and kill it if it does not in time."""
        self.terminate()
        try:
            self._wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._wait(None)

    def _wait(self, timeout_s: float | None) -> None:
        if self._process is not None:
            self._process.wait(timeout_s)
            atexit.unregister(self.kill)

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready` says so.

        :raises EmbeddedError: with the end of the log, if the process ends before, or does not get ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                raise EmbeddedError(f"{self.name} ended (exit code {self.exit_code}).{self._end_of_log()}")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} was not ready after {timeout_s:.0f} s.{self._end_of_log()}")
            time.sleep(_POLL_S)

    def _end_of_log(self) -> str:
        return f" The end of {self.log}:\n{self.tail()}"

    def output(self) -> str:
        """Give what it has written since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 25) -> str:
        """Give the last lines that it has written since its last start."""
        return "\n".join(self.output().splitlines()[-lines:])
