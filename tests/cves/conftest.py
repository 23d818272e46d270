"""Known attacks are made on a doorkeeper of its own process, in front of a real Kafka 1.1.1 and a real 4.1.0."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.embedded import KafkaCluster
from tests.integration.conftest import topic
from tests.integration.door import Door

__all__ = ["topic"]

NO_PAUSE = "limits: {failed_logins_per_address: 0}\n"
"""All attackers come from this machine, and so do those who have to be served meanwhile."""


@pytest.fixture(scope="session")
def standing() -> Iterator[dict[str, Door]]:
    """The doorkeepers that were started, by their clusters."""
    started: dict[str, Door] = {}
    yield started
    for door in started.values():
        door.stop()


@pytest.fixture
def door(kafka: KafkaCluster, standing: dict[str, Door], tmp_path_factory: pytest.TempPathFactory) -> Door:
    """A doorkeeper in front of a single Kafka 1.1.1, and one in front of 4.1.0."""
    servers = kafka.bootstrap_servers
    if servers not in standing:
        standing[servers] = Door(tmp_path_factory.mktemp("attacked"), servers, NO_PAUSE).start()
    return standing[servers]
