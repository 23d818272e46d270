"""Clients without any security in front of brokers that want a Kerberos ticket: a real Kafka, and a doorkeeper."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster, Listener, Tools
from proxy.embedded.jvm import Jvm
from proxy.embedded.network import LOOPBACK
from tests.conftest import SharedKafka
from tests.integration.conftest import make_topic
from tests.integration.door import eventually
from tests.integration.sidecar import Sidecar
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire, fetch_values, produce_values
from tests.providers.kdc import REALM, Kdc

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
LIFE_MS = 2_000


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    with Kdc(tmp_path_factory.mktemp("kdc")).running() as running:
        yield running


def login_of(kdc: Kdc, name: str) -> tuple[str, ...]:
    principal = f"{name}@{REALM}"
    return ("--sasl", "GSSAPI", "--keytab", str(kdc.client_keytab(name)), "--principal", principal, "--no-tls")


# In front of a Kafka that has security of its own


@pytest.fixture(scope="module")
def secured(kdc: Kdc) -> Iterator[KafkaCluster]:
    """A Kafka 4.1 with GSSAPI, whose logins last for seconds."""
    keytab = kdc.keytab(f"kafka/{LOOPBACK}")
    module = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true"
    gssapi = {
        "sasl.enabled.mechanisms": "GSSAPI",
        "sasl.kerberos.service.name": "kafka",
        "gssapi.sasl.jaas.config": f'{module} keyTab="{keytab}" principal="kafka/{LOOPBACK}@{REALM}";',
        "gssapi.connections.max.reauth.ms": str(LIFE_MS),
    }
    # The packaged Java leaves out the module that speaks SASL/GSSAPI.
    java = shutil.which("java")
    assert java, "the test needs a whole Java: apt-get install default-jre-headless"
    whole = Jvm(Path(java), ["-Xmx384m", f"-Djava.security.krb5.conf={kdc.conf}"])
    with KafkaCluster("4.1.0", listeners=[Listener("KERBEROS", "SASL_PLAINTEXT", gssapi)], jvm=whole) as cluster:
        yield cluster


def test_a_kafka_takes_our_ticket_again_and_again(
    secured: KafkaCluster, kdc: Kdc, tmp_path: Path, unique_name: Name
) -> None:
    topic = make_topic(secured, unique_name("t"))
    with Sidecar(tmp_path, secured.servers_of("KERBEROS"), login_of(kdc, "alice")) as sidecar:
        with Wire(sidecar.port) as client:
            assert written(client, topic) == ErrorCode.none
            before = proofs(secured)

            def proven_twice_more() -> bool:
                assert written(client, topic) == ErrorCode.none
                return proofs(secured) >= before + 2

            eventually(proven_twice_more)
            assert written(client, topic) == ErrorCode.none
        assert sidecar.counter("doorkeeper_upstream_failures_total") == 0
        assert sidecar.counter("doorkeeper_connections_closed_total", reason="broker_closed") == 0


def proofs(kafka: KafkaCluster) -> int:
    """How often somebody has proven to be alice, as the broker tells."""
    return kafka.broker(1).log.read_text().count(f"Successfully authenticated client: authenticationID=alice@{REALM}")


def written(client: Wire, topic: str) -> ErrorCode:
    answer = client.ask(ApiKey.PRODUCE, 3, **produce_values({topic: b"x"}))
    error: ErrorCode = answer.responses[0].partition_responses[0].error_code
    return error


def test_a_ticket_of_nobody_is_told(secured: KafkaCluster, kdc: Kdc, tmp_path: Path) -> None:
    options = login_of(kdc, "alice")
    strange = (*options[:3], str(kdc.client_keytab("bob")), *options[4:])
    with Sidecar(tmp_path, secured.servers_of("KERBEROS"), strange).in_vain() as sidecar:
        told = sidecar.expect_refusal()
        assert "cluster.sasl" in told["remedy"]
        assert sidecar.status("/readyz") != 200


# The whole chain: old client, sidecar, GSSAPI, doorkeeper, open broker


@pytest.fixture(scope="module")
def door(
    shared_kafka: SharedKafka, kdc: Kdc, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KafkaCluster, WayIn]]:
    kafka = shared_kafka("1.1.1")
    sasl = (
        f"{{mechanisms: [GSSAPI], max_reauth_ms: {LIFE_MS}, kerberos: {{keytab: {kdc.server_keytab}, realm: {REALM}}}}}"
    )
    door = WayIn(tmp_path_factory.mktemp("door"), kafka.bootstrap_servers, sasl=sasl, protocol="SASL_PLAINTEXT")
    yield kafka, door.start()
    door.stop()


def test_a_client_of_0_8_is_alice_at_the_end_of_the_chain(
    door: tuple[KafkaCluster, WayIn], kdc: Kdc, tmp_path: Path, unique_name: Name
) -> None:
    kafka, rear = door
    hers, foreign = make_topic(kafka, unique_name("a")), make_topic(kafka, unique_name("c"))
    with Sidecar(tmp_path, rear.servers, login_of(kdc, "alice")) as sidecar:
        to = ("--broker-list", sidecar.bootstrap, "--topic", hers, "--request-required-acks", "1")
        done = Tools.of("0.8.2.2").run("ConsoleProducer", *to, stdin="one\n")
        assert done.exit_code == 0, done.stdout + done.stderr
        with Wire(kafka.broker(1).port) as straight:
            answer = straight.ask(ApiKey.FETCH, 4, **fetch_values(hers))
            assert b"one" in bytes(answer.responses[0].partitions[0].records)
        with Wire(sidecar.port) as client:
            assert written(client, foreign) == ErrorCode.topic_authorization_failed
        rear.expect_denial(principal="User:alice", resource_name=foreign)


def test_a_connection_that_stays_proves_itself_again(
    door: tuple[KafkaCluster, WayIn], kdc: Kdc, tmp_path: Path
) -> None:
    _, rear = door
    with Sidecar(tmp_path, rear.servers, login_of(kdc, "bob")) as sidecar, Wire(sidecar.port) as client:
        assert client.ask(ApiKey.METADATA, 1, topics=()).brokers

        def proofs() -> list[int]:
            lines = rear.audited("authentication.succeeded", principal="User:bob", mechanism="GSSAPI")
            sessions = [line["session_id"] for line in lines]
            return [count for count in map(sessions.count, set(sessions)) if count > 2]

        eventually(proofs)
        assert client.ask(ApiKey.METADATA, 1, topics=()).brokers
