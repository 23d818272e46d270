"""A directory that accepts connections and never answers: only those who are asked for there wait for it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import Producer

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.listeners import plain_listener
from proxy.embedded.network import LOOPBACK, free_range
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, NODE_IDS, Door
from tests.integration.wire import Wire

pytestmark = pytest.mark.kafka

MORE_THAN_THREADS = 40
CONNECTIONS = 4


@dataclass
class ThreeWays(Door):
    """Listeners with passwords in two directories, and one with SCRAM; the brokers behind ask for a login as well."""

    directories: tuple[int, int] = field(default=(0, 0), kw_only=True)

    def _configure(self) -> None:
        self.ports, self.admin_port = {}, free_range(1)
        ways = {"sasl_plaintext": "[SCRAM-SHA-256]"}
        for number, port in enumerate(self.directories):
            ldap = f'urls: ["ldap://{LOOPBACK}:{port}"], timeout_s: 60, connections: {CONNECTIONS}'
            ways[f"sasl_{number}"] = f'[PLAIN], ldap: {{{ldap}, user_dn_template: "uid={{username}},dc=example"}}'
        text = (
            f"cluster:\n  bootstrap_servers: [{self.cluster}]\n  security_protocol: SASL_PLAINTEXT\n"
            "  sasl: {mechanism: PLAIN, username: door, password: door-password}\n"
            "users: users.yaml\npolicy: {file: policy.yaml}\naudit: {file: audit.jsonl}\n"
            f'admin: {{bind: "{LOOPBACK}:{self.admin_port}"}}\nlisteners:\n'
        )
        for name, mechanisms in ways.items():
            port = self.ports[name] = free_range(NODE_IDS + 2)
            text += (
                f"  - {{name: {name}, bind: '{LOOPBACK}:{port}', advertise: {LOOPBACK}, "
                f"brokers: {{first_port: {port + 1}, node_ids: 1-{NODE_IDS}}}, "
                f"security_protocol: SASL_PLAINTEXT, sasl: {{mechanisms: {mechanisms}}}}}\n"
            )
        (self.directory / "doorkeeper.yaml").write_text(text)


@pytest.fixture
def secured() -> Iterator[KafkaCluster]:
    """A Kafka that wants to know who comes."""
    with KafkaCluster("1.1.1", listeners=[plain_listener({"door": "door-password"}, "DOOR")]) as cluster:
        yield cluster


def test_it_holds_up_neither_other_logins_nor_our_own(
    secured: KafkaCluster, tmp_path: Path, unique_name: Callable[[str], str]
) -> None:
    topic = make_topic(secured, unique_name("a"))
    with ExitStack() as stack:
        mute = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(2)]
        directories = mute[0].getsockname()[1], mute[1].getsockname()[1]
        door = ThreeWays(tmp_path, secured.servers_of("DOOR"), directories=directories).start()
        stack.callback(door.stop)
        for count, listener, asked in ((MORE_THAN_THREADS, 0, CONNECTIONS), (1, 1, 1)):
            for _ in range(count):
                client = stack.enter_context(Wire(door.ports[f"sasl_{listener}"]))
                client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
                client.send(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=b"\0user\0password")
            mute[listener].settimeout(ENOUGH_S)
            for _ in range(asked):
                stack.enter_context(mute[listener].accept()[0])
        stored: list[bool] = []
        producer = Producer(door.librdkafka("alice", "sasl_plaintext") | {"message.timeout.ms": 20_000})
        producer.produce(topic, b"x", on_delivery=lambda error, _: stored.append(error is None))
        producer.flush(ENOUGH_S)
        assert stored == [True]
        assert not door.audited("authentication.failed")
        # Whoever still waits is told no, so that the doorkeeper ends at once.
        for directory in mute:
            directory.close()
