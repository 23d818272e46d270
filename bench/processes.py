"""The processes of a measurement: the ideal broker, what is compared, and the load."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.request import urlopen

import msgspec

from bench.jobs import Failure, Job, Memory, Outcome, Sample, Target
from bench.site import HOST, Ports, Site
from proxy.embedded.network import free_port

RELAY: Final = "bare relay"
POLICY_OFF: Final = "policy off"
POLICY_ON: Final = "policy on"
CONTESTANTS: Final = (RELAY, POLICY_OFF, POLICY_ON)

_START_WITHIN_S: Final = 30.0
_END_WITHIN_S: Final = 10.0
_MEASURED: Final = ("bench.relay", "proxy.cli")
_MODES: Final = {POLICY_OFF: "off", POLICY_ON: "enforce"}


class MeasurementFailed(Exception):
    """A process did not start, or a job could not be done."""


class Load:
    """The process of the clients."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to: IO[str] = process.stdin
        self._from: IO[str] = process.stdout

    def sample(self, job: Job) -> Sample:
        """Do a job that gives a sample.

        :raises MeasurementFailed: if it could not be done.
        """
        outcome = self._perform(job)
        assert isinstance(outcome, Sample)
        return outcome

    def memory(self, job: Job) -> Memory:
        """Do a job that looks at memory.

        :raises MeasurementFailed: if it could not be done.
        """
        outcome = self._perform(job)
        assert isinstance(outcome, Memory)
        return outcome

    def _perform(self, job: Job) -> Outcome:
        self._to.write(msgspec.json.encode(job).decode() + "\n")
        self._to.flush()
        line = self._from.readline()
        if not line:
            raise MeasurementFailed("the load's process ended, see its log")
        outcome: Outcome = msgspec.json.decode(line, type=Outcome)
        if isinstance(outcome, Failure):
            raise MeasurementFailed(outcome.reason)
        return outcome


class Stage:
    """Starts processes, each with a log in the folder of the site."""

    def __init__(self, site: Site, broker_port: int) -> None:
        self._site = site
        self._broker_port = broker_port

    @contextmanager
    def contestant(self, name: str) -> Iterator[Target]:
        """Run one of `CONTESTANTS`."""
        if name == RELAY:
            port = free_port()
            arguments = [
                str(port),
                str(self._broker_port),
                *map(self._site.file, ("server.pem", "server.key", "ca.pem")),
            ]
            with self._process(["bench.relay", *arguments], lambda: _accepts(port)) as process:
                yield self._target(port, process)
            return
        ports = Ports(free_port(), free_port(), free_port())
        path = self._site.write_configuration(_MODES[name], ports, self._broker_port)
        with self._process(["proxy.cli", "run", "-c", str(path)], lambda: _ready(ports.admin)) as process:
            yield self._target(ports.broker, process)

    @contextmanager
    def broker(self) -> Iterator[None]:
        """Run the ideal broker."""
        with self._process(["bench.ideal_broker", str(self._broker_port)], lambda: _accepts(self._broker_port)):
            yield

    @contextmanager
    def load(self) -> Iterator[Load]:
        """Run the clients."""
        with self._process(["bench.load"], lambda: True) as process:
            yield Load(process)

    def _target(self, port: int, process: subprocess.Popen[str]) -> Target:
        file = self._site.file
        return Target(port, process.pid, file("ca.pem"), file("client.pem"), file("client.key"))

    @contextmanager
    def _process(self, module: list[str], up: Callable[[], bool]) -> Iterator[subprocess.Popen[str]]:
        talks = module[0] == "bench.load"
        log = Path(self._site.file(f"{module[0]}.log"))
        with log.open("a") as errors, _on_cores(_cores_of(module[0])):
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else errors,
                stderr=errors,
                text=True,
            )
        try:
            _wait(process, up, log)
            yield process
        finally:
            _end(process)


def _cores_of(module: str) -> set[int]:
    """A core of its own for what is measured, the others for the rest.

    Otherwise the scheduler takes it off its core whenever it wakes a client or the broker.
    """
    cores = sorted(os.sched_getaffinity(0))
    measured = set(cores[-1:])
    return measured if module in _MEASURED else set(cores) - measured or measured


@contextmanager
def _on_cores(cores: set[int]) -> Iterator[None]:
    """Processes started meanwhile run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _wait(process: subprocess.Popen[str], up: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while not up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise MeasurementFailed(f"{log.stem} did not start")
        time.sleep(0.05)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def _ready(admin_port: int) -> bool:
    try:
        with urlopen(f"http://{HOST}:{admin_port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
