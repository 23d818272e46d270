"""Kafka's own Java client and console tools, run by the packaged Java, through the doorkeeper."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.apis import ApiKey
from proxy.embedded import Completed, KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import Door
from tests.integration.wire import produce_values, wire

pytestmark = pytest.mark.kafka

WAYS_IN = [("sasl_ssl", "SCRAM-SHA-256"), ("sasl_ssl", "PLAIN"), ("ssl", "")]


@pytest.mark.parametrize(("listener", "mechanism"), WAYS_IN)
def test_console_producer_and_consumer(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Callable[[str], str], listener: str, mechanism: str
) -> None:
    tools, servers = kafka.tools, door.bootstrap(listener)

    def write(user: str, text: str) -> str:
        done = tools.run(
            "ConsoleProducer",
            *(tools.producer_servers_option, servers, "--topic", topic),
            *("--producer.config", door.java(user, listener, mechanism)),
            # An idempotent producer would not even get its producer id: bob may write nowhere (KIP-679).
            *("--producer-property", "enable.idempotence=false"),
            stdin=text,
        )
        return done.stderr + done.stdout

    write("alice", "first\nsecond\n")
    read = tools.run(
        "ConsoleConsumer",
        *("--bootstrap-server", servers, "--topic", topic, "--from-beginning", "--max-messages", "2"),
        *("--consumer.config", door.java("bob", listener, mechanism), "--group", unique_name("b")),
    )
    assert (read.exit_code, read.stdout) == (0, "first\nsecond\n"), read.stderr
    assert "TopicAuthorizationException" in write("bob", "third\n")
    door.expect_denial(principal="User:bob", operation="Write", resource_name=topic)


def test_the_admin_tools(door: Door, kafka: KafkaCluster, topic: str, unique_name: Callable[[str], str]) -> None:
    servers = door.bootstrap("sasl_ssl")
    groups = kafka.tools.run(
        "ConsumerGroupCommand",
        *("--bootstrap-server", servers, "--list", "--command-config", door.java("alice")),
    )
    assert groups.exit_code == 0, groups.stderr
    denied = kafka.tools.run(
        "ConsumerGroupCommand",
        *("--bootstrap-server", servers, "--describe", "--group", unique_name("foreign")),
        *("--command-config", door.java("alice")),
    )
    # Each release words it in its own way: "Group authorization failed.", "GroupAuthorizationException: ...".
    assert re.search(r"Group ?[Aa]uthorization", denied.stdout + denied.stderr)
    if kafka.version.startswith("4."):
        listed = kafka.tools.run(
            "TopicCommand", *("--bootstrap-server", servers, "--list", "--command-config", door.java("alice"))
        )
        assert topic in listed.stdout.splitlines()
        described = kafka.tools.run(
            "TopicCommand",
            *("--bootstrap-server", servers, "--describe", "--topic", topic, "--command-config", door.java("alice")),
        )
        assert f"Topic: {topic}" in described.stdout


def test_the_java_client_learns_no_brokers_address(door_of_three: Door, kafka_of_three: KafkaCluster) -> None:
    """Before Kafka 2.8 the tool knows every broker's name only once it has spoken to each of them."""
    told = kafka_of_three.tools.run(
        "BrokerApiVersionsCommand",
        *("--bootstrap-server", door_of_three.bootstrap("ssl"), "--command-config", door_of_three.java("alice", "ssl")),
    )
    found = {int(port) for port in re.findall(r"^127\.0\.0\.1:(\d+) \(id: \d", told.stdout, re.MULTILINE)}
    assert found == {door_of_three.ports["ssl"] + node_id for node_id in (1, 2, 3)}, told.stderr


def test_transactions(
    kafka_4_1: KafkaCluster, doors: Callable[[KafkaCluster], Door], unique_name: Callable[[str], str]
) -> None:
    door, topic = doors(kafka_4_1), make_topic(kafka_4_1, unique_name("a"))

    def perform(user: str) -> str:
        done = kafka_4_1.tools.run(
            "ProducerPerformance",
            *("--topic", topic, "--num-records", "20", "--record-size", "10", "--throughput", "-1"),
            *("--producer.config", door.java(user)),
            *("--producer-props", f"bootstrap.servers={door.bootstrap('sasl_ssl')}"),
            *("--transactional-id", unique_name("a"), "--transaction-duration-ms", "50"),
        )
        return done.stdout + done.stderr

    assert "20 records sent" in perform("alice")
    assert "TransactionalIdAuthorizationException" in perform("bob")
    door.expect_denial(principal="User:bob", operation="Describe", resource_type="TransactionalId")


def test_the_new_group_protocol(
    kafka_4_1: KafkaCluster, doors: Callable[[KafkaCluster], Door], unique_name: Callable[[str], str]
) -> None:
    """KIP-848."""
    door, topic = doors(kafka_4_1), make_topic(kafka_4_1, unique_name("a"))
    with wire(door, "alice") as client:
        client.ask(ApiKey.PRODUCE, client.newest(ApiKey.PRODUCE), **produce_values({topic: b"x"}))

    def read(group: str) -> Completed:
        return kafka_4_1.tools.run(
            "ConsoleConsumer",
            *("--bootstrap-server", door.bootstrap("sasl_ssl"), "--topic", topic, "--group", group),
            *("--from-beginning", "--max-messages", "1", "--consumer.config", door.java("bob")),
            *("--consumer-property", "group.protocol=consumer"),
        )

    assert read(unique_name("b")).stdout == "x\n"
    assert "GroupAuthorizationException" in read("foreign").stderr
    door.expect_denial(principal="User:bob", operation="Describe", resource_name="foreign")


def test_a_wrong_password_is_told(kafka_4_1: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> None:
    door = doors(kafka_4_1)
    settings = Path(door.java("alice", "sasl_plaintext"))
    wrong = settings.with_name("wrong.properties")
    wrong.write_text(settings.read_text().replace("alice-password", "wrong"))
    command = ("--bootstrap-server", door.bootstrap("sasl_plaintext"), "--list", "--command-config", str(wrong))
    told = kafka_4_1.tools.run("TopicCommand", *command)
    assert told.exit_code == 1
    assert "invalid credentials with SASL mechanism SCRAM-SHA-256" in told.stdout + told.stderr
