"""Doorkeepers in front of real brokers, one for each cluster, shared by the tests of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from proxy.embedded import KafkaCluster
from tests.integration.door import ENOUGH_S, Door, eventually


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[KafkaCluster], Door]]:
    """Gives the doorkeeper in front of a cluster."""
    standing: dict[str, Door] = {}

    def door(cluster: KafkaCluster) -> Door:
        servers = cluster.bootstrap_servers
        if servers not in standing:
            standing[servers] = Door(tmp_path_factory.mktemp("door"), servers).start()
        return standing[servers]

    yield door
    for started in standing.values():
        started.stop()


@pytest.fixture
def door(kafka: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> Door:
    """A doorkeeper in front of a single Kafka 1.1.1, and one in front of 4.1.0."""
    return doors(kafka)


@pytest.fixture
def door_of_three(kafka_of_three: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> Door:
    """A doorkeeper in front of three brokers."""
    return doors(kafka_of_three)


@pytest.fixture
def topic(kafka: KafkaCluster, unique_name: Callable[[str], str]) -> str:
    """A topic that alice owns and bob may read; it exists."""
    return make_topic(kafka, unique_name("a"))


def make_topic(kafka: KafkaCluster, name: str, partitions: int = 1, replicas: int = 1) -> str:
    """Create a topic past the doorkeeper, and wait until its partitions have leaders."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(name, partitions, replicas)])[name].result(ENOUGH_S)

    def led() -> bool:
        found = admin.list_topics(name, timeout=ENOUGH_S).topics[name].partitions.values()
        return len(found) == partitions and all(partition.leader >= 0 for partition in found)

    eventually(led)
    return name
