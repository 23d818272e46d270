"""For every test: Hypothesis profiles, names of its own, and real Kafka clusters that start when first asked for."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from proxy.embedded import KafkaCluster
from tests.system_packages import left_out

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("deep", settings.get_profile("default"), max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

_numbers = itertools.count(1)
_LEFT_OUT = left_out()
collect_ignore = [str(Path(__file__).parent.parent / file) for file in _LEFT_OUT]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What this machine cannot run is told loudly."""
    for file, remedy in _LEFT_OUT.items():
        terminalreporter.write_line(f"NOT RUN HERE: {file} needs: {remedy}", yellow=True, bold=True)


class SharedKafka(Protocol):
    """Gives a cluster of this version and size, the same one to every test that asks."""

    def __call__(self, version: str, nodes: int = 1) -> KafkaCluster: ...


@pytest.fixture
def extras_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about the extras themselves is alike on a machine without them."""
    monkeypatch.setattr("proxy.config.extras.find_spec", lambda name: name)


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """Make names of topics, groups and so on that no other test uses."""
    return lambda prefix="test": f"{prefix}-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="session")
def shared_kafka() -> Iterator[SharedKafka]:
    """Clusters without any security that live as long as the test run."""
    clusters: dict[tuple[str, int], KafkaCluster] = {}

    def cluster(version: str, nodes: int = 1) -> KafkaCluster:
        if (version, nodes) not in clusters:
            clusters[version, nodes] = KafkaCluster(version, nodes=nodes).start()
        return clusters[version, nodes]

    yield cluster
    for started in clusters.values():
        started.stop()


@pytest.fixture(scope="session")
def kafka_1_1_1(shared_kafka: SharedKafka) -> KafkaCluster:
    """A single Kafka 1.1.1, the last of the old."""
    return shared_kafka("1.1.1")


@pytest.fixture(scope="session")
def kafka_4_1(shared_kafka: SharedKafka) -> KafkaCluster:
    """A single Kafka 4.1.0, of the new."""
    return shared_kafka("4.1.0")


@pytest.fixture(params=["1.1.1", "4.1.0"])
def kafka(request: pytest.FixtureRequest, shared_kafka: SharedKafka) -> KafkaCluster:
    """Run the test with each of the two."""
    return shared_kafka(request.param)


@pytest.fixture(params=["1.1.1", "4.1.0"])
def kafka_of_three(request: pytest.FixtureRequest, shared_kafka: SharedKafka) -> KafkaCluster:
    """Run the test with three brokers of each of the two; a test that stops one starts it again."""
    return shared_kafka(request.param, nodes=3)
