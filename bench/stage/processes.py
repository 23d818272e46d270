"""Processes of a measurement: started on their cores, waited for, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.request import urlopen

import msgspec

from bench.load.jobs import Arrival, Failure, Job, Memory, Outcome, Sample
from bench.stage.site import HOST

_START_WITHIN_S: Final = 90.0
_END_WITHIN_S: Final = 10.0
_LOOKED_AFTER_S: Final = 0.01


class MeasurementFailed(Exception):
    """A process did not start, or a job could not be done."""


class Load:
    """The process of the clients. One job at a time; several such processes can work side by side."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to: IO[str] = process.stdin
        self._from: IO[str] = process.stdout

    def begin(self, job: Job) -> None:
        """Start a job; `end` waits for it."""
        self._to.write(msgspec.json.encode(job).decode() + "\n")
        self._to.flush()

    def end(self) -> Outcome:
        """Wait for the outcome of the job that was started.

        :raises MeasurementFailed: if it could not be done.
        """
        line = self._from.readline()
        if not line:
            raise MeasurementFailed("the load's process ended, see its log")
        outcome: Outcome = msgspec.json.decode(line, type=Outcome)
        if isinstance(outcome, Failure):
            raise MeasurementFailed(outcome.reason)
        return outcome

    def sample(self, job: Job) -> Sample:
        """Do a job that gives a sample.

        :raises MeasurementFailed: if it could not be done.
        """
        self.begin(job)
        outcome = self.end()
        assert isinstance(outcome, Sample)
        return outcome

    def memory(self, job: Job) -> Memory:
        """Do a job that looks at memory.

        :raises MeasurementFailed: if it could not be done.
        """
        self.begin(job)
        outcome = self.end()
        assert isinstance(outcome, Memory)
        return outcome

    def arrival(self, job: Job) -> Arrival:
        """Do a job that lets a crowd come.

        :raises MeasurementFailed: if it could not be done.
        """
        self.begin(job)
        outcome = self.end()
        assert isinstance(outcome, Arrival)
        return outcome


def cores_of(*, measured: bool) -> set[int]:
    """A core of its own for what is measured, the others for the rest.

    Otherwise the scheduler takes it off its core whenever it wakes a client or the broker.
    """
    cores = sorted(os.sched_getaffinity(0))
    own = set(cores[-1:])
    return own if measured else set(cores) - own or own


@contextmanager
def load(folder: Path) -> Iterator[Load]:
    """Run the process of the clients."""
    command = [sys.executable, "-m", "bench.load"]
    with (
        (folder / "load.log").open("a") as errors,
        _on_cores(cores_of(measured=False)),
    ):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            yield Load(process)
        finally:
            _end(process)


@contextmanager
def running(
    command: Sequence[str], log: Path, up: Callable[[], bool], cores: set[int]
) -> Iterator[subprocess.Popen[str]]:
    """Run a process until the end of the block, which begins when it is `up`.

    :raises MeasurementFailed: if it does not come up.
    """
    with log.open("a") as output, _on_cores(cores):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True, env=_as_installed()
        )
    try:
        _wait(process, up, log)
        yield process
    finally:
        _end(process)


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def is_ready(admin_port: int) -> bool:
    """Whether a doorkeeper says so."""
    try:
        with urlopen(f"http://{HOST}:{admin_port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _on_cores(cores: set[int]) -> Iterator[None]:
    """Processes started meanwhile run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _as_installed() -> dict[str, str]:
    """An installation has its bytecode; who develops may have switched it off."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _wait(process: subprocess.Popen[str], up: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while not up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise MeasurementFailed(f"{log.stem} did not start")
        time.sleep(_LOOKED_AFTER_S)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
