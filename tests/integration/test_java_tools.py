"""Kafka's own Java client and console tools, run by the packaged Java, through the doorkeeper."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from proxy.embedded import KafkaCluster
from tests.integration.door import Door

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
