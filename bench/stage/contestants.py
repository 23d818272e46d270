"""What is compared: each can be started in front of a broker, and tells where to reach it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from bench.load.jobs import Target
from bench.stage.processes import accepts, cores_of, is_ready, running
from bench.stage.site import Ports, Site, Variant
from proxy.embedded.network import free_port

RELAY: Final = "bare relay"
POLICY_OFF: Final = "policy off"
POLICY_ON: Final = "policy on"

_PYTHON: Final = "DOORKEEPER_PYTHON"


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways in to one contestant: by certificate, and otherwise (by SCRAM if it knows it, else without a name)."""

    usual: Target
    by_certificate: Target


class Contestant(Protocol):
    """`name` heads its column."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def enforces(self) -> bool:
        """Whether it denies what the policy of the measurement does not allow."""
        ...

    def start(self, site: Site, broker_port: int) -> AbstractContextManager[Doors]:
        """Run it in front of a broker.

        :raises MeasurementFailed: if it does not start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Relay:
    """The floor: TLS 1.3 in, plaintext out, nothing read and nothing decided."""

    name: str = RELAY
    enforces: bool = False

    @contextmanager
    def start(self, site: Site, broker_port: int) -> Iterator[Doors]:
        """See `Contestant`."""
        port, port_of_mtls = free_port(), free_port()
        files = map(site.file, ("server.pem", "server.key", "ca.pem"))
        command = [
            sys.executable,
            "-m",
            "bench.stage.relay",
            *map(str, (port, port_of_mtls, broker_port)),
            *files,
        ]
        log = site.folder / "relay.log"
        with running(command, log, lambda: accepts(port_of_mtls), cores_of(measured=True)) as process:
            yield Doors(site.by_tls(port, process.pid), site.by_certificate(port_of_mtls, process.pid))


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Ours. With more than one worker it may use every core."""

    name: str = POLICY_ON
    variant: Variant = field(default_factory=Variant)

    @property
    def enforces(self) -> bool:
        """See `Contestant`."""
        return self.variant.mode == "enforce"

    @contextmanager
    def start(self, site: Site, broker_port: int) -> Iterator[Doors]:
        """See `Contestant`."""
        ports = Ports.free()
        path = site.write_configuration(self.variant, ports, broker_port)
        cores = cores_of(measured=True) if self.variant.workers == 1 else set(os.sched_getaffinity(0))
        log = site.folder / f"{self.variant.name}.log"
        with running(doorkeeper_command(path), log, lambda: is_ready(ports.admin), cores) as process:
            yield Doors(site.by_scram(ports.scram, process.pid), site.by_certificate(ports.mtls, process.pid))


def doorkeeper_command(configuration: Path) -> Sequence[str]:
    """The command that runs a doorkeeper: as it is installed, without the tools for tests, where `make` made that."""
    return [os.environ.get(_PYTHON, sys.executable), "-m", "proxy.cli", "run", "-c", str(configuration)]
