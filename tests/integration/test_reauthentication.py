"""Clients that have to authenticate again every second or so (KIP-368), without losing a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import Door

pytestmark = pytest.mark.kafka

RECORDS = 600
PER_SECOND = 100


@pytest.fixture
def impatient(kafka_4_1: KafkaCluster, tmp_path: Path) -> Iterator[Door]:
    """A doorkeeper that takes nobody's word for longer than a second and a half."""
    door = Door(tmp_path, kafka_4_1.bootstrap_servers)
    config = door.directory / "doorkeeper.yaml"
    config.write_text(config.read_text().replace("PLAIN]}", "PLAIN], max_reauth_ms: 1500}"))
    yield door.start()
    door.stop()


def test_the_java_client_authenticates_again_and_again(
    impatient: Door, kafka_4_1: KafkaCluster, unique_name: Callable[[str], str]
) -> None:
    topic = make_topic(kafka_4_1, unique_name("a"))
    done = kafka_4_1.tools.run(
        "ProducerPerformance",
        *("--topic", topic, "--num-records", str(RECORDS), "--throughput", str(PER_SECOND), "--record-size", "10"),
        *("--producer.config", impatient.java("alice")),
        *("--producer-props", f"bootstrap.servers={impatient.bootstrap('sasl_ssl')}"),
    )
    assert done.exit_code == 0, done.stderr
    assert f"{RECORDS} records sent" in done.stdout
    proofs = impatient.audited("authentication.succeeded", principal="User:alice")
    sessions = {proof["session_id"] for proof in proofs}
    assert len(proofs) >= len(sessions) + 3
    assert impatient.counter("doorkeeper_connections_closed_total", reason="session_expired") == 0
