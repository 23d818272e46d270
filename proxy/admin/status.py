"""What the admin pages want to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from proxy.addressing.advertised import Advertised
from proxy.addressing.topology import Topology
from proxy.config.model import Config
from proxy.policy_source import Snapshot


class Status(Protocol):
    """The facts of a running doorkeeper."""

    config: Config
    topology: Topology
    snapshot: Snapshot

    @property
    def ready(self) -> bool:
        """Whether clients can be served."""

    @property
    def connections(self) -> int:
        """The client connections that are open."""

    def advertised(self) -> Mapping[str, Advertised]:
        """By listener: where clients find each broker."""
