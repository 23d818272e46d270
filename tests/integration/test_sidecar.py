"""Clients that speak neither TLS nor SASL, down to 0.8.2, in front of clusters that ask for both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster, Listener, Tools
from proxy.embedded.listeners import plain_listener
from proxy.embedded.network import LOOPBACK
from proxy.embedded.pki import CertificateAuthority
from tests.conftest import SharedKafka
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, STORE_PASSWORD, Door, eventually
from tests.integration.sidecar import Sidecar
from tests.integration.wire import Wire, produce_values

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
PASSWORD = "door-password"
LIFE_MS = 2_000
_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def secret(folder: Path, text: str = PASSWORD) -> str:
    path = folder / f"{text}.secret"
    path.write_text(f"{text}\n")
    return str(path)


# In front of a Kafka that has security of its own


class Secured:
    """A Kafka 4.1 with SCRAM over TLS, whose logins last for seconds, and with PLAIN without TLS."""

    def __init__(self, folder: Path) -> None:
        authority = CertificateAuthority.create()
        authority.write_pem(folder / "ca.pem")
        CertificateAuthority.create().write_pem(folder / "strange.pem")
        authority.server([LOOPBACK]).write_key_store(folder / "broker.p12", STORE_PASSWORD)
        scram = {
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
            "scram-sha-256.sasl.jaas.config": _SCRAM_MODULE,
            "scram-sha-512.sasl.jaas.config": _SCRAM_MODULE,
            "scram-sha-256.connections.max.reauth.ms": str(LIFE_MS),
            "ssl.keystore.location": str(folder / "broker.p12"),
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.password": STORE_PASSWORD,
            "ssl.key.password": STORE_PASSWORD,
        }
        listeners = [Listener("SCRAM", "SASL_SSL", scram), plain_listener({"door": PASSWORD}, "PLAIN")]
        self.folder = folder
        self.kafka = KafkaCluster("4.1.0", listeners=listeners).start()
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            server = ("--bootstrap-server", self.kafka.bootstrap_servers)
            user = ("--alter", "--entity-type", "users", "--entity-name", "door")
            done = self.kafka.tools.run(
                "ConfigCommand", *server, *user, "--add-config", f"{mechanism}=[password={PASSWORD}]"
            )
            assert done.exit_code == 0, done.stdout + done.stderr

    def scram(
        self, folder: Path, mechanism: str = "SCRAM-SHA-256", password: str = PASSWORD, ca: str = "ca.pem"
    ) -> Sidecar:
        login = ("--sasl", mechanism, "--username", "door", "--password-file", secret(self.folder, password))
        trust = ("--ca", str(self.folder / ca))
        return Sidecar(folder, self.kafka.servers_of("SCRAM"), (*login, *trust))

    def plain(self, folder: Path) -> Sidecar:
        login = ("--sasl", "PLAIN", "--username", "door", "--password-file", secret(self.folder), "--no-tls")
        return Sidecar(folder, self.kafka.servers_of("PLAIN"), login)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    yield made
    made.kafka.stop()


def written_and_read(bootstrap: str, topic: str, count: int, pause_s: float = 0.0) -> list[bytes]:
    """What a consumer reads of what a producer has written, both plain."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "retries": 0})
    settings = {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    failures: list[object] = []
    found: list[bytes] = []
    for number in range(count):
        producer.produce(topic, str(number).encode(), on_delivery=lambda error, _: error and failures.append(error))
        producer.flush(ENOUGH_S)
        time.sleep(pause_s)

    def all_read() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message.value() or b"")
        return len(found) == count

    eventually(all_read)
    consumer.close()
    assert failures == []
    return found


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_over_tls(secured: Secured, tmp_path: Path, mechanism: str, unique_name: Name) -> None:
    topic = make_topic(secured.kafka, unique_name("t"))
    with secured.scram(tmp_path, mechanism) as sidecar:
        assert written_and_read(sidecar.bootstrap, topic, 3) == [b"0", b"1", b"2"]
        assert sidecar.counter("doorkeeper_upstream_failures_total") == 0


def test_plain_without_tls(secured: Secured, tmp_path: Path, unique_name: Name) -> None:
    topic = make_topic(secured.kafka, unique_name("t"))
    with secured.plain(tmp_path) as sidecar:
        assert written_and_read(sidecar.bootstrap, topic, 3) == [b"0", b"1", b"2"]


def test_logins_that_end_are_renewed_and_no_request_fails(secured: Secured, tmp_path: Path, unique_name: Name) -> None:
    topic = make_topic(secured.kafka, unique_name("t"))
    count = 30
    with secured.scram(tmp_path) as sidecar, Wire(sidecar.port) as client:
        client.ask(ApiKey.METADATA, 9, topics=())
        assert len(written_and_read(sidecar.bootstrap, topic, count, pause_s=2.5 * LIFE_MS / 1000 / count)) == count
        # This one was idle for longer than a login lasts.
        assert client.ask(ApiKey.METADATA, 9, topics=()).brokers
        assert sidecar.counter("doorkeeper_upstream_failures_total") == 0
        assert sidecar.counter("doorkeeper_connections_closed_total", reason="broker_closed") == 0


def test_a_client_is_told_only_of_the_sidecars_ports(secured: Secured, tmp_path: Path) -> None:
    with secured.scram(tmp_path) as sidecar, Wire(sidecar.port) as client:
        (broker,) = client.ask(ApiKey.METADATA, 9, topics=()).brokers
        assert (broker.host, broker.port) == (LOOPBACK, sidecar.port + 1)
        with Wire(broker.port) as straight:
            assert straight.ask(ApiKey.METADATA, 9, topics=()).brokers == (broker,)


def test_a_client_that_logs_in_all_the_same_is_told_that_there_is_no_need(secured: Secured, tmp_path: Path) -> None:
    with secured.scram(tmp_path) as sidecar, Wire(sidecar.port) as client:
        told = client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
        assert told.error_code == ErrorCode.illegal_sasl_state


def test_a_wrong_password_is_told_and_nobody_is_served(secured: Secured, tmp_path: Path) -> None:
    with secured.scram(tmp_path, password="wrong-password").in_vain() as sidecar:
        told = sidecar.expect_refusal()
        assert told["broker"] == secured.kafka.servers_of("SCRAM")
        assert told["step"] == "sasl_authenticate"
        assert "invalid credentials" in told["detail"]
        assert "cluster.sasl" in told["remedy"]
        assert "wrong-password" not in str(told)
        assert sidecar.status("/readyz") != 200
        assert sidecar.counter("doorkeeper_upstream_failures_total", step="sasl_authenticate") >= 1


def test_an_authority_that_is_not_trusted_is_told(secured: Secured, tmp_path: Path) -> None:
    with secured.scram(tmp_path, ca="strange.pem").in_vain() as sidecar:
        told = sidecar.expect_refusal()
        assert (told["step"], told["remedy"]) == ("tls", "set cluster.tls.ca to the authority that signed it")


# The whole chain: old client, sidecar, TLS and SCRAM, doorkeeper, open broker


@pytest.fixture(scope="module", params=["0.9.0.1", "1.1.1"])
def open_kafka(request: pytest.FixtureRequest, shared_kafka: SharedKafka) -> KafkaCluster:
    """A broker without any security, older or newer than its clients."""
    return shared_kafka(request.param)


@pytest.fixture(scope="module")
def chain(
    open_kafka: KafkaCluster, doors: Callable[[KafkaCluster], Door], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Door, Sidecar]]:
    """A doorkeeper in front of it, and a sidecar that is alice there."""
    door, folder = doors(open_kafka), tmp_path_factory.mktemp("sidecar")
    with alice_at(door, folder) as sidecar:
        yield door, sidecar


def alice_at(door: Door, folder: Path, password: str = "alice-password") -> Sidecar:
    login = ("--sasl", "SCRAM-SHA-256", "--username", "alice", "--password-file", secret(folder, password))
    return Sidecar(folder, door.bootstrap("sasl_ssl"), (*login, "--ca", str(door.directory / "ca.pem")))


def produce(tools: Tools, bootstrap: str, topic: str, *lines: str) -> None:
    """Write lines by the console producer of an old Kafka.

    It waits for no answer unless told to, and old brokers forget what was sent right before the end of a connection.
    """
    to = ("--broker-list", bootstrap, "--topic", topic, "--request-required-acks", "1")
    done = tools.run("ConsoleProducer", *to, stdin="".join(f"{line}\n" for line in lines))
    assert done.exit_code == 0, done.stdout + done.stderr


def consumed_by_0_8(bootstrap: str, topic: str) -> list[str]:
    done = Tools.of("0.8.2.2").run(
        *("SimpleConsumerShell", "--broker-list", bootstrap, "--topic", topic, "--partition", "0"),
        *("--offset", "-2", "--no-wait-at-logend"),
    )
    return [line for line in done.stdout.splitlines() if not line.startswith("Terminating.")]


def consumed_by_0_9(bootstrap: str, topic: str, count: int, folder: Path) -> list[str]:
    group = folder / "consumer.properties"
    group.write_text(f"group.id={topic}\n")
    done = Tools.of("0.9.0.1").run(
        *("ConsoleConsumer", "--new-consumer", "--bootstrap-server", bootstrap, "--topic", topic),
        *("--from-beginning", "--max-messages", str(count), "--consumer.config", str(group)),
    )
    return done.stdout.splitlines()


def a_topic(open_kafka: KafkaCluster, door: Door, name: str) -> str:
    """One that alice owns, or not: its first letter decides. Made by the administrator."""
    with Wire(open_kafka.broker(1).port) as client:
        eventually(lambda: client.ask(ApiKey.METADATA, 0, topics=[{"name": name}]).topics[0].error_code == 0)
    assert door.is_ready()
    return name


def test_clients_of_0_8_write_and_read_through_the_whole_chain(
    chain: tuple[Door, Sidecar], open_kafka: KafkaCluster, unique_name: Name
) -> None:
    door, sidecar = chain
    topic = a_topic(open_kafka, door, unique_name("a"))
    produce(Tools.of("0.8.2.2"), sidecar.bootstrap, topic, "one", "two")
    assert eventually(lambda: consumed_by_0_8(sidecar.bootstrap, topic)) == ["one", "two"]


def test_clients_of_0_9_write_and_read_through_the_whole_chain(
    chain: tuple[Door, Sidecar], open_kafka: KafkaCluster, unique_name: Name, tmp_path: Path
) -> None:
    door, sidecar = chain
    topic = a_topic(open_kafka, door, unique_name("a"))
    produce(Tools.of("0.9.0.1"), sidecar.bootstrap, topic, "one", "two")
    assert consumed_by_0_9(sidecar.bootstrap, topic, 2, tmp_path) == ["one", "two"]


def test_what_alice_may_not_is_denied_at_the_end_of_the_chain(
    chain: tuple[Door, Sidecar], open_kafka: KafkaCluster, unique_name: Name
) -> None:
    door, sidecar = chain
    topic = a_topic(open_kafka, door, unique_name("c"))
    with Wire(sidecar.port) as client:
        answer = client.ask(ApiKey.PRODUCE, 0, **produce_values({topic: b"x"}))
        (partition,) = answer.responses[0].partition_responses
        assert partition.error_code == ErrorCode.topic_authorization_failed
    door.expect_denial(principal="User:alice", api="Produce", resource_name=topic)


def test_a_doorkeeper_refuses_a_sidecar_with_a_wrong_password(chain: tuple[Door, Sidecar], tmp_path: Path) -> None:
    door, _ = chain
    with alice_at(door, tmp_path, "wrong").in_vain() as sidecar:
        told = sidecar.expect_refusal()
        assert told["step"] == "sasl_authenticate"
        door.expect_failed_login(username="alice", mechanism="SCRAM-SHA-256", listener="sasl_ssl")
        with Wire(sidecar.port) as client:
            client.send(ApiKey.METADATA, 0, topics=())
            assert client.is_closed()
