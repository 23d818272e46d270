"""Clients that log in with PLAIN where an OpenLDAP knows the passwords."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import KafkaError, Producer
from kio.schema.errors import ErrorCode

from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire
from tests.providers.slapd import TEMPLATE, Slapd

pytestmark = pytest.mark.kafka

SASL = """{{mechanisms: [PLAIN], ldap: {{urls: ["{url}"], ca: "{ca}", cache_s: 0, timeout_s: 2,
      user_dn_template: "{way}"}}}}"""


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("slapd")).running() as running:
        yield running


@pytest.fixture(scope="module")
def door(kafka_4_1: KafkaCluster, slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    sasl = SASL.format(url=slapd.tls_url, ca=slapd.ca, way=TEMPLATE)
    folder: Path = tmp_path_factory.mktemp("ldap")
    door = WayIn(folder, kafka_4_1.bootstrap_servers, sasl=sasl, protocol="SASL_PLAINTEXT")
    yield door.start()
    door.stop()


def settings(door: WayIn, user: str, password: str, **more: Any) -> dict[str, Any]:
    return {
        "bootstrap.servers": door.servers,
        "log_level": 0,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    } | more


@pytest.fixture
def topic(kafka_4_1: KafkaCluster, unique_name: Callable[[str], str]) -> str:
    return make_topic(kafka_4_1, unique_name("a"))


def test_librdkafka_logs_in(door: WayIn, topic: str) -> None:
    producer = Producer(settings(door, "alice", "alice-password"))
    reports: list[KafkaError | None] = []
    producer.produce(topic, b"hello", on_delivery=lambda error, _: reports.append(error))
    producer.flush(ENOUGH_S)
    assert reports == [None]
    assert door.audited("authentication.succeeded", principal="User:alice", mechanism="PLAIN")


def test_aiokafka_logs_in(door: WayIn, topic: str) -> None:
    async def write() -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=door.servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username="alice",
            sasl_plain_password="alice-password",
        )
        async with producer:
            return (await producer.send_and_wait(topic, b"hello")).offset

    assert asyncio.run(write()) == 0


@pytest.mark.parametrize("password", ["alice-password", "wrong"])
def test_the_java_client_logs_in_with_the_right_password_only(
    door: WayIn, kafka_4_1: KafkaCluster, topic: str, password: str
) -> None:
    properties = door.directory / "ldap.properties"
    properties.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="alice" password="{password}";\n'
    )
    done = kafka_4_1.tools.run(
        "ConsoleProducer",
        *("--bootstrap-server", door.servers, "--topic", topic, "--producer.config", str(properties)),
        stdin="hello\n",
    )
    refused = "SaslAuthenticationException: Authentication failed: Invalid username or password" in done.stderr
    assert refused == (password == "wrong"), done.stderr


@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("mallory", "alice-password"), ("a*", "x")])
def test_librdkafka_is_told_that_it_may_not(door: WayIn, user: str, password: str) -> None:
    seen: list[KafkaError] = []
    producer = Producer(settings(door, user, password, error_cb=seen.append))

    def refused() -> bool:
        producer.poll(0.1)
        return any(error.code() == KafkaError._AUTHENTICATION for error in seen)

    eventually(refused)
    assert "Authentication failed: Invalid username or password" in str(seen)
    door.expect_failed_login(username=user, mechanism="PLAIN")


def test_when_the_directory_is_gone_nobody_comes_in_and_the_log_says_why(door: WayIn, slapd: Slapd) -> None:
    slapd.process.stop()
    try:
        for password in ("alice-password", "wrong"):
            with Wire(door.ports["way_in"]) as client:
                told = client.log_in("alice", password)
                assert told.error_code == ErrorCode.sasl_authentication_failed
                assert told.error_message == "Authentication failed: passwords cannot be checked at the moment"
                assert client.is_closed()
        failed = door.expect_failed_login(username="alice")
        assert "no directory can be reached: ldaps://127.0.0.1" in failed["detail"]
    finally:
        slapd.start()
    eventually(lambda: _comes_in(door))


def _comes_in(door: WayIn) -> bool:
    with Wire(door.ports["way_in"]) as client:
        return bool(client.log_in("alice", "alice-password").error_code == ErrorCode.none)
