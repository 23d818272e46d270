"""Clients that are known by their certificates: by SPIFFE ids, from Java's stores, and until they are revoked."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire
from tests.transport.pki import SERVER, Party, authority

pytestmark = pytest.mark.kafka

PASSWORD = "store-password"
TLS = (
    f"{{keystore: way-in.p12, keystore_password: {PASSWORD}, truststore: clients.p12, truststore_password: {PASSWORD}, "
    "client_crl: clients.crl, client_auth: required}"
)
MORE = """\
    principal_source: spiffe
    principal_mapping_rules: ['RULE:^spiffe:\\/\\/example\\.org\\/app\\/([a-z]+)$/$1/', DEFAULT]
"""


@pytest.fixture(scope="module")
def root() -> Party:
    return authority("Workloads")


@pytest.fixture(scope="module")
def door(kafka_4_1: KafkaCluster, root: Party, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    folder: Path = tmp_path_factory.mktemp("mtls")
    encryption = BestAvailableEncryption(PASSWORD.encode())
    server = root.issue("localhost", (SERVER,), [x509.DNSName("localhost")])
    store = pkcs12.serialize_key_and_certificates(b"x", server.key, server.certificate, None, encryption)
    (folder / "way-in.p12").write_bytes(store)
    trusted = [pkcs12.PKCS12Certificate(root.certificate, b"root")]
    (folder / "clients.p12").write_bytes(pkcs12.serialize_java_truststore(trusted, encryption))
    (folder / "clients.crl").write_bytes(root.revoke())
    door = WayIn(folder, kafka_4_1.bootstrap_servers, tls=TLS, more=MORE, protocol="SSL")
    (folder / "workloads.pem").write_bytes(root.pem)
    yield door.start()
    door.stop()


def workload(door: WayIn, root: Party, path: str, *more: x509.GeneralName) -> tuple[Party, Path]:
    """A workload, and the file of its key and certificate."""
    party = root.issue("workload", alternatives=[x509.UniformResourceIdentifier(f"spiffe://example.org/{path}"), *more])
    file = door.directory / f"{party.certificate.serial_number}.pem"
    file.write_bytes(party.key_pem + party.pem)
    return party, file


def wire(door: WayIn, file: Path) -> Wire:
    context = ssl.create_default_context(cafile=str(door.directory / "workloads.pem"))
    context.check_hostname = False  # the wire connects by address
    context.load_cert_chain(file)
    return Wire(door.ports["way_in"], context)


def test_librdkafka_is_its_workload(
    door: WayIn, root: Party, kafka_4_1: KafkaCluster, unique_name: Callable[[str], str]
) -> None:
    topic = make_topic(kafka_4_1, unique_name("a"))
    _, file = workload(door, root, "app/alice")
    settings: dict[str, Any] = {
        "bootstrap.servers": door.servers,
        "log_level": 0,
        "security.protocol": "SSL",
        "ssl.ca.location": str(door.directory / "workloads.pem"),
        "ssl.certificate.location": str(file),
        "ssl.key.location": str(file),
    }
    producer = Producer(settings)
    reports: list[KafkaError | None] = []
    producer.produce(topic, b"hello", on_delivery=lambda error, _: reports.append(error))
    producer.flush(ENOUGH_S)
    assert reports == [None]
    assert door.audited("authentication.succeeded", principal="User:alice", mechanism="SSL")


def test_the_java_client_is_its_workload_too(
    door: WayIn, root: Party, kafka_4_1: KafkaCluster, unique_name: Callable[[str], str]
) -> None:
    topic = make_topic(kafka_4_1, unique_name("a"))
    alice, _ = workload(door, root, "app/alice")
    encryption = BestAvailableEncryption(PASSWORD.encode())
    store = pkcs12.serialize_key_and_certificates(b"x", alice.key, alice.certificate, None, encryption)
    (door.directory / "alice-java.p12").write_bytes(store)
    properties = door.directory / "java.properties"
    properties.write_text(
        "security.protocol=SSL\n"
        f"ssl.keystore.location={door.directory / 'alice-java.p12'}\nssl.keystore.type=PKCS12\n"
        f"ssl.keystore.password={PASSWORD}\nssl.key.password={PASSWORD}\n"
        f"ssl.truststore.location={door.directory / 'clients.p12'}\nssl.truststore.type=PKCS12\n"
        f"ssl.truststore.password={PASSWORD}\n"
    )
    done = kafka_4_1.tools.run(
        "ConsoleProducer",
        *("--bootstrap-server", door.servers, "--topic", topic, "--producer.config", str(properties)),
        stdin="hello\n",
    )
    assert (done.exit_code, "rror" in done.stderr) == (0, False), done.stderr


def test_a_workload_that_no_rule_changes_has_its_id_for_a_name(door: WayIn, root: Party) -> None:
    with wire(door, workload(door, root, "db/Main")[1]) as client:
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers
    assert door.audited("authentication.succeeded", principal="User:spiffe://example.org/db/Main")


def test_a_workload_of_two_ids_is_nobody(door: WayIn, root: Party) -> None:
    admin = x509.UniformResourceIdentifier("spiffe://example.org/app/admin")
    with wire(door, workload(door, root, "app/alice", admin)[1]) as client:
        assert client.is_closed()
    eventually(lambda: "has 2 alternative names of the kind URI, not one" in door.log())


def test_a_certificate_that_is_revoked_ends_its_connection_and_nobody_elses(door: WayIn, root: Party) -> None:
    """And opens no other, while the list is replaced without a restart."""
    (alice, alices), (_, bobs) = workload(door, root, "app/alice"), workload(door, root, "app/bob")
    with wire(door, alices) as client, wire(door, bobs) as other:
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers
        assert other.ask(ApiKey.METADATA, 1, topics=None).brokers
        new = door.directory / "clients.crl.new"
        new.write_bytes(root.revoke(alice))
        new.replace(door.directory / "clients.crl")
        begun = time.monotonic()
        assert client.is_closed()
        assert time.monotonic() - begun < ENOUGH_S
        assert other.ask(ApiKey.METADATA, 1, topics=None).brokers
        with pytest.raises((ssl.SSLError, ConnectionError)), wire(door, alices) as again:
            again.ask(ApiKey.METADATA, 1, topics=None)
        with wire(door, bobs) as again:
            assert again.ask(ApiKey.METADATA, 1, topics=None).brokers
    eventually(lambda: "certificate revoked" in door.log())
