"""Clients with Kerberos tickets, those of Kafka 0.9 among them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator

import gssapi
import pytest
from aiokafka import AIOKafkaProducer
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster, Tools
from proxy.embedded.jvm import java_environment
from tests.integration.conftest import make_topic
from tests.integration.door import eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire
from tests.providers.kdc import REALM, Kdc

pytestmark = pytest.mark.kafka

SASL = "{{mechanisms: [GSSAPI], kerberos: {{keytab: {keytab}, realm: {realm}}}}}"


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    with Kdc(tmp_path_factory.mktemp("kdc")).running() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KRB5_CLIENT_KTNAME", str(running.client_keytab("alice")))
        patch.setenv("KRB5CCNAME", f"MEMORY:{running.folder}")
        yield running


@pytest.fixture(scope="module")
def door(kafka_1_1_1: KafkaCluster, kdc: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    sasl = SASL.format(keytab=kdc.server_keytab, realm=REALM)
    folder = tmp_path_factory.mktemp("kerberos")
    door = WayIn(folder, kafka_1_1_1.bootstrap_servers, sasl=sasl, protocol="SASL_PLAINTEXT")
    yield door.start()
    door.stop()


@pytest.fixture
def topic(kafka_1_1_1: KafkaCluster, unique_name: Callable[[str], str]) -> str:
    return make_topic(kafka_1_1_1, unique_name("a"))


def test_aiokafka_writes_as_its_principal(door: WayIn, topic: str) -> None:
    async def write() -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=door.servers, security_protocol="SASL_PLAINTEXT", sasl_mechanism="GSSAPI"
        )
        async with producer:
            return (await producer.send_and_wait(topic, b"hello")).offset

    assert asyncio.run(write()) == 0
    assert door.audited("authentication.succeeded", principal="User:alice", mechanism="GSSAPI")


def java_settings(door: WayIn, kdc: Kdc, name: str) -> tuple[str, str]:
    jaas = (
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
        f'keyTab="{kdc.client_keytab(name)}" principal="{name}@{REALM}";'
    )
    properties = door.directory / f"{name}.properties"
    properties.write_text(
        "max.block.ms=20000\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\nsasl.kerberos.service.name=kafka\n"
        f"sasl.jaas.config={jaas}\n"
    )
    login = door.directory / f"{name}.jaas"
    login.write_text(f"KafkaClient {{ {jaas} }};\n")
    return str(properties), str(login)


@pytest.mark.parametrize("version", ["0.9.0.1", "4.1.0"])
def test_java_clients_write_as_their_principal(door: WayIn, kdc: Kdc, topic: str, version: str) -> None:
    """That of Kafka 0.9 sends its tickets without any handshake."""
    tools = Tools.of(version)
    properties, login = java_settings(door, kdc, "alice")
    command = tools.command(
        "ConsoleProducer",
        *(tools.producer_servers_option, door.servers, "--topic", topic, "--producer.config", properties),
    )
    # The packaged Java leaves out the module that speaks SASL/GSSAPI.
    java = shutil.which("java")
    assert java, "the test needs a whole Java: apt-get install default-jre-headless"
    command[: command.index("-cp")] = [
        java,
        f"-Djava.security.krb5.conf={kdc.conf}",
        f"-Djava.security.auth.login.config={login}",
    ]
    before = len(door.audited("authentication.succeeded", principal="User:alice"))
    done = subprocess.run(
        command, input="hello\n", capture_output=True, text=True, env=java_environment(), timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stderr, done.stderr
    assert len(door.audited("authentication.succeeded", principal="User:alice")) > before


def initiator() -> gssapi.SecurityContext:
    target = gssapi.Name(f"kafka/localhost@{REALM}", gssapi.NameType.kerberos_principal)
    flags = gssapi.RequirementFlag.integrity | gssapi.RequirementFlag.mutual_authentication
    return gssapi.SecurityContext(name=target, usage="initiate", flags=flags)


@pytest.mark.parametrize("handshake", [True, False])
def test_raw_tokens_with_and_without_a_handshake(door: WayIn, handshake: bool) -> None:
    """After its last token the client is not answered: its next bytes are a request."""
    with Wire(door.ports["way_in"]) as client:
        if handshake:
            assert client.ask(ApiKey.SASL_HANDSHAKE, 0, mechanism="GSSAPI").error_code == ErrorCode.none
        context = initiator()

        def say(token: bytes) -> None:
            client.send_bytes(len(token).to_bytes(4, "big") + token)

        def hear() -> bytes:
            return client.receive_bytes(int.from_bytes(client.receive_bytes(4), "big"))

        say(context.step() or b"")
        assert context.step(hear()) is None
        say(b"")
        assert context.unwrap(hear()).message == b"\x01\0\0\0"
        say(context.wrap(b"\x01\0\0\0", False).message)
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers


def test_a_raw_token_that_is_none_closes_the_connection(door: WayIn) -> None:
    with Wire(door.ports["way_in"]) as client:
        client.send_bytes((20).to_bytes(4, "big") + b"\x60" * 20)
        assert client.is_closed()
    eventually(lambda: door.audited("authentication.failed", mechanism="GSSAPI"))


def test_a_request_is_not_taken_for_a_token(door: WayIn) -> None:
    with Wire(door.ports["way_in"]) as client:
        client.send(ApiKey.METADATA, 1, topics=None)
        assert client.is_closed()
    eventually(lambda: "Unexpected Kafka request of type METADATA during SASL handshake" in door.log())
