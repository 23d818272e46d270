"""The page of messages, made true: what a real client prints and what the log says stand in one row of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from proxy.embedded import KafkaCluster
from proxy.embedded.pki import CertificateAuthority
from tests.docs.test_troubleshooting import spans, tables
from tests.integration.door import ENOUGH_S, Door, eventually

pytestmark = pytest.mark.kafka

Settings = Callable[[Door], dict[str, Any]]


@pytest.fixture(scope="module")
def own_door(kafka_4_1: KafkaCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A doorkeeper whose log has nothing but these mistakes."""
    folder: Path = tmp_path_factory.mktemp("trouble")
    door = Door(folder, kafka_4_1.bootstrap_servers)
    stranger = CertificateAuthority.create()
    stranger.write_pem(folder / "strange-ca.pem")
    stranger.client("alice").write_pem(folder / "strange.pem", folder / "strange.key")
    yield door.start()
    door.stop()


def without_certificate(door: Door) -> dict[str, Any]:
    settings = door.librdkafka("alice", "ssl")
    return {key: settings[key] for key in settings if "certificate" not in key and "ssl.key" not in key}


def of_a_stranger(door: Door) -> dict[str, Any]:
    files = {"certificate": str(door.directory / "strange.pem"), "key": str(door.directory / "strange.key")}
    return door.librdkafka("alice", "ssl") | {f"ssl.{kind}.location": file for kind, file in files.items()}


MISTAKES: dict[str, tuple[Settings, str]] = {
    "another authority": (
        lambda door: door.librdkafka("alice", **{"ssl.ca.location": str(door.directory / "strange-ca.pem")}),
        "TLS",
    ),
    "no certificate": (without_certificate, "TLS"),
    "a stranger's certificate": (of_a_stranger, "TLS"),
    "TLS to a port without": (
        lambda door: door.librdkafka("alice") | {"bootstrap.servers": door.bootstrap("sasl_plaintext")},
        "The wrong protocol",
    ),
    "no TLS": (
        lambda door: door.librdkafka("alice", "sasl_plaintext") | {"bootstrap.servers": door.bootstrap("sasl_ssl")},
        "The wrong protocol",
    ),
    "no SASL": (
        lambda door: {"bootstrap.servers": door.bootstrap("sasl_plaintext"), "log_level": 0},
        "The wrong protocol",
    ),
    "a mechanism that is not offered": (
        lambda door: door.librdkafka("alice", "sni", "PLAIN"),
        "Logging in",
    ),
    "a wrong password": (lambda door: door.librdkafka("alice", **{"sasl.password": "x"}), "Logging in"),
    "a wrong password with PLAIN": (
        lambda door: door.librdkafka("alice", mechanism="PLAIN", **{"sasl.password": "x"}),
        "Logging in",
    ),
}


def row_of(heading: str, *messages: str) -> list[str] | None:
    """The row whose first cell has one of these messages."""

    def tells(span: str) -> bool:
        words = ".*".join(re.escape(part) for part in span.split("..."))
        return any(re.search(words, message) for message in messages)

    return next((row for row in tables()[heading] if any(map(tells, spans(row[0])))), None)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_a_client_is_on_the_page_with_what_the_log_says(own_door: Door, mistake: str) -> None:
    settings, heading = MISTAKES[mistake]
    before = len(own_door.log())
    seen: list[KafkaError] = []
    client = AdminClient(settings(own_door) | {"error_cb": seen.append})

    def told() -> list[str] | None:
        client.poll(0.1)
        return row_of(heading, *(error.str() for error in seen))

    row = eventually(told)
    eventually(lambda: any(each in own_door.log()[before:] for each in spans(row[3])))


def test_denials_are_on_the_page_with_what_the_trail_says(own_door: Door) -> None:
    reports: list[Any] = []
    producer = Producer(own_door.librdkafka("alice"))
    producer.produce("foreign", b"x", on_delivery=lambda error, _: reports.append(error))
    producer.flush(ENOUGH_S)
    consumer = Consumer(own_door.librdkafka("alice", **{"group.id": "foreign"}))
    try:
        consumer.subscribe(["a-x"])
        reports.append(eventually(lambda: consumer.poll(1) or consumer.poll(1)).error())
    finally:
        consumer.close()
    transactional = Producer(own_door.librdkafka("alice", **{"transactional.id": "foreign"}))
    with pytest.raises(KafkaException) as failure:
        transactional.init_transactions(ENOUGH_S)
    reports.append(failure.value.args[0])
    for report, resource_type in zip(reports, ("Topic", "Group", "TransactionalId"), strict=True):
        row = row_of("Rights", report.str())
        assert row is not None
        own_door.expect_denial(resource_type=resource_type)
        assert "`authorization.denied`" in row[3]
