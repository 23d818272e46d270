"""A sidecar of its own process, made of options alone."""

from __future__ import annotations

import http.client
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

from proxy.embedded.network import LOOPBACK, free_port, free_range
from proxy.embedded.process import ChildProcess
from tests.integration.door import ENOUGH_S, eventually
from tests.json_lines import records

_MOST_BROKERS = 5


@dataclass
class Sidecar:
    """Plain Kafka on loopback in front of a cluster that asks for more; used by `with`."""

    directory: Path
    cluster: str
    options: tuple[str, ...]
    awaited: str = "/readyz"
    port: int = field(init=False)
    admin_port: int = field(init=False)
    process: ChildProcess = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_range(_MOST_BROKERS), free_port()
        command = [sys.executable, "-m", "proxy.cli", "sidecar", "--bootstrap", self.cluster, *self.options]
        command += ["--bind", self.bootstrap, "--admin", f"{LOOPBACK}:{self.admin_port}"]
        self.process = ChildProcess("sidecar", command, self.directory / "sidecar.log")

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self.process.start()
        self.process.wait_until(lambda: self.status(self.awaited) == http.HTTPStatus.OK, ENOUGH_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    def in_vain(self) -> Self:
        """Do not wait until it has found the cluster: it will not."""
        self.awaited = "/livez"
        return self

    def status(self, path: str) -> int | None:
        """What a page answers; None if nobody does."""
        try:
            return self._get(path)[0]
        except OSError:
            return None

    def counter(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels."""
        families = text_string_to_metric_families(self._get("/metrics")[1])
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def expect_refusal(self) -> dict[str, Any]:
        """Wait for the line that says why a broker does not let it in."""

        def lines() -> list[dict[str, Any]]:
            told = records(self.directory / "sidecar.log")
            return [line for line in told if line["message"] == "a broker does not let us in"]

        found: list[dict[str, Any]] = eventually(lines)
        return found[0]

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(LOOPBACK, self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
