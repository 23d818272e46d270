"""Kafka and the doorkeeper as child processes, and a directory that belongs to one quickstart at a time."""

import fcntl
import http.client
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from proxy.embedded.cluster import KafkaCluster
from proxy.embedded.errors import EmbeddedError
from proxy.embedded.java import Progress
from proxy.embedded.network import LOOPBACK
from proxy.embedded.process import ChildProcess
from proxy.quickstart.site import Site

_START_S = 30.0
_PROBE_S = 2.0
_RUN = "import sys; from proxy.cli import main; sys.exit(main())"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the directory.

    :raises EmbeddedError: if another quickstart holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedError(f"another quickstart runs in {directory}: stop it, or give another --dir") from None
        yield


@contextmanager
def running_kafka(version: str, directory: Path, progress: Progress) -> Iterator[KafkaCluster]:
    """Run a single broker that keeps its data in the directory.

    :raises EmbeddedError: if it does not start.
    """
    cluster = KafkaCluster(version, directory=directory / f"kafka-{version}")
    try:
        yield cluster.start(progress)
    finally:
        cluster.stop()


@contextmanager
def running_doorkeeper(site: Site) -> Iterator[ChildProcess]:
    """Run the doorkeeper as an operator would, and wait until it says that it is ready.

    :raises EmbeddedError: if it does not in time.
    """
    command = [sys.executable, "-c", _RUN, "run", "-c", str(site.configuration)]
    doorkeeper = ChildProcess("doorkeeper", command, site.directory / "doorkeeper.log")
    try:
        doorkeeper.start()
        doorkeeper.wait_until(lambda: _is_ready(site.admin_port), _START_S)
        yield doorkeeper
    finally:
        doorkeeper.stop()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_PROBE_S)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    return False
