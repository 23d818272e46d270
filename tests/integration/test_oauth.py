"""Clients that log in with tokens of an issuer whose keys change while they do."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.jvm import java_environment
from tests.authentication.issuer import AUDIENCE, NAME, Issuer
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, STORE_PASSWORD, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire
from tests.providers.issuer_server import IssuerServer, document

pytestmark = pytest.mark.kafka

SASL = """{{mechanisms: [OAUTHBEARER], oauthbearer: {{jwks_endpoint_url: "{url}", jwks_endpoint_ca: "{ca}",
      expected_issuer: "{issuer}", expected_audience: [{audience}], clock_skew_seconds: {skew}}}}}"""
LOADED_S = 6.0


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IssuerServer]:
    with IssuerServer(tmp_path_factory.mktemp("issuer"), document(issuer.jwks)).running() as running:
        yield running


@pytest.fixture(scope="module")
def door(kafka_4_1: KafkaCluster, server: IssuerServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayIn]:
    sasl = SASL.format(url=server.url, ca=server.ca, issuer=NAME, audience=AUDIENCE, skew=30)
    door = WayIn(tmp_path_factory.mktemp("oauth"), kafka_4_1.bootstrap_servers, sasl=sasl)
    yield door.start()
    door.stop()


@pytest.fixture
def topic(kafka_4_1: KafkaCluster, unique_name: Callable[[str], str]) -> str:
    return make_topic(kafka_4_1, unique_name("a"))


def settings(door: WayIn, token: Callable[[], str], **more: Any) -> dict[str, Any]:
    """For confluent-kafka; the token is asked for anew for each client."""

    def give(_config: str) -> tuple[str, float]:
        return token(), time.time() + 300

    return {
        "bootstrap.servers": door.servers,
        "log_level": 0,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(door.ca),
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": give,
    } | more


def test_librdkafka_is_the_tokens_subject(door: WayIn, issuer: Issuer, topic: str) -> None:
    producer = Producer(settings(door, issuer.token))
    reports: list[KafkaError | None] = []
    producer.produce(topic, b"hello", on_delivery=lambda error, _: reports.append(error))
    producer.flush(ENOUGH_S)
    assert reports == [None]
    assert door.audited("authentication.succeeded", principal="User:alice", mechanism="OAUTHBEARER")
    nobody = AdminClient(settings(door, lambda: issuer.token(sub="nobody")))
    told = nobody.list_topics(topic, timeout=ENOUGH_S).topics[topic].error
    assert told is not None
    assert told.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("wrong", [{"exp": 1}, {"aud": "elsewhere"}, {"iss": "https://mallory.example.com"}])
def test_librdkafka_is_told_that_its_token_is_refused(door: WayIn, issuer: Issuer, wrong: dict[str, Any]) -> None:
    seen: list[KafkaError] = []
    producer = Producer(settings(door, lambda: issuer.token(**wrong), error_cb=seen.append))

    def refused() -> bool:
        producer.poll(0.1)
        return any(error.code() == KafkaError._AUTHENTICATION for error in seen)

    eventually(refused)
    assert '{"status":"invalid_token"}' in str(seen)
    door.expect_failed_login(username="alice", mechanism="OAUTHBEARER")


def test_aiokafka_writes_with_a_token(door: WayIn, issuer: Issuer, topic: str) -> None:
    class Tokens(AbstractTokenProvider):
        async def token(self) -> str:
            return issuer.token()

    async def write() -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=door.servers,
            security_protocol="SASL_SSL",
            ssl_context=ssl.create_default_context(cafile=str(door.ca)),
            sasl_mechanism="OAUTHBEARER",
            sasl_oauth_token_provider=Tokens(),
        )
        async with producer:
            return (await producer.send_and_wait(topic, b"hello")).offset

    assert asyncio.run(write()) == 0


def java_properties(door: WayIn, token: Path) -> Path:
    properties = door.directory / "oauth.properties"
    properties.write_text(
        "security.protocol=SASL_SSL\n"
        "sasl.mechanism=OAUTHBEARER\n"
        f"sasl.oauthbearer.token.endpoint.url={token.as_uri()}\n"
        "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;\n"
        "sasl.login.callback.handler.class="
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n"
        "sasl.login.refresh.min.period.seconds=0\nsasl.login.refresh.buffer.seconds=0\n"
        "sasl.login.refresh.window.factor=0.5\n"
        f"ssl.truststore.location={door.directory / 'trust.p12'}\n"
        f"ssl.truststore.password={STORE_PASSWORD}\nssl.truststore.type=PKCS12\n"
    )
    return properties


def run_java(
    cluster: KafkaCluster, token: Path, tool: str, *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    command = cluster.tools.command(tool, *arguments)
    # Since 4.0 the client itself has a list of what it may read (CVE-2025-27817).
    command[1:1] = [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={token.as_uri()}"]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, env=java_environment(), timeout=60, check=False
    )


def run_performance(
    door: WayIn, cluster: KafkaCluster, properties: Path, token: Path, topic: str
) -> subprocess.CompletedProcess[str]:
    return run_java(
        cluster,
        token,
        "ProducerPerformance",
        *("--topic", topic, "--num-records", "1500", "--throughput", "100", "--record-size", "10"),
        *("--producer.config", str(properties), "--producer-props", f"bootstrap.servers={door.servers}"),
    )


def test_the_java_client_logs_in_with_a_token_from_a_file(
    door: WayIn, kafka_4_1: KafkaCluster, issuer: Issuer, topic: str
) -> None:
    token = door.directory / "token.jwt"
    token.write_text(issuer.token(scope="kafka"))
    done = run_java(
        kafka_4_1,
        token,
        "ConsoleProducer",
        *("--bootstrap-server", door.servers, "--topic", topic),
        *("--producer.config", str(java_properties(door, token))),
        text="hello\n",
    )
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stderr, done.stderr


def say(client: Wire, token: str) -> Any:
    client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism="OAUTHBEARER")
    return client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=f"n,,\x01auth=Bearer {token}\x01\x01".encode())


def wire(door: WayIn) -> Wire:
    return Wire(door.ports["way_in"], ssl.create_default_context(cafile=str(door.ca)))


def test_a_refused_token_is_told_in_two_steps(door: WayIn, issuer: Issuer) -> None:
    with wire(door) as client:
        told = say(client, issuer.token({"alg": "none"}))
        assert (told.error_code, told.auth_bytes) == (ErrorCode.none, b'{"status":"invalid_token"}')
        told = client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=b"\x01")
        assert told.error_code == ErrorCode.sasl_authentication_failed
        assert told.error_message == '{"status":"invalid_token"}'
        assert client.is_closed()


def test_the_session_is_told_to_end_with_the_token(door: WayIn, issuer: Issuer) -> None:
    with wire(door) as client:
        told = say(client, issuer.token())
        assert told.error_code == ErrorCode.none
        assert 300 < told.session_lifetime.total_seconds() <= 330


def test_keys_rotate_under_load_and_no_login_fails(door: WayIn, issuer: Issuer, server: IssuerServer) -> None:
    """Four clients log in without a pause, while every half second the issuer signs with a key it has just made."""
    stop, lost, logins = threading.Event(), [], []

    def log_in_for_ever() -> None:
        while not stop.is_set():
            token = issuer.token()
            with contextlib.suppress(ConnectionError), wire(door) as client:
                told = say(client, token)
                (logins if told.auth_bytes == b"" and told.error_code == ErrorCode.none else lost).append(told)
                continue
            lost.append(None)

    clients = [threading.Thread(target=log_in_for_ever) for _ in range(4)]
    asked = server.asked
    for client in clients:
        client.start()
    deadline, turn = time.monotonic() + LOADED_S, 0
    while time.monotonic() < deadline:
        turn += 1
        issuer.rotate(f"turn-{turn}")
        stop.wait(0.5)
    stop.set()
    for client in clients:
        client.join(ENOUGH_S)
    assert lost == []
    assert len(logins) > turn
    assert server.asked - asked <= LOADED_S + 2


def test_without_its_issuer_known_keys_still_count(door: WayIn, issuer: Issuer, server: IssuerServer) -> None:
    with wire(door) as client:
        assert say(client, issuer.token()).error_code == ErrorCode.none
    honest, server.answer = server.answer, document(lambda: b"gone", 500)
    try:
        with wire(door) as client:
            told = say(client, issuer.token({"kid": "nobody's"}))
            assert told.auth_bytes == b'{"status":"invalid_token"}'
        eventually(lambda: "keys cannot be had" in door.log())
        with wire(door) as client:
            assert say(client, issuer.token()).auth_bytes == b""
    finally:
        server.answer = honest


@pytest.fixture
def strict_door(kafka_4_1: KafkaCluster, server: IssuerServer, tmp_path: Path) -> Iterator[WayIn]:
    """One whose clock differs from nobody's, so that tokens end when they say."""
    sasl = SASL.format(url=server.url, ca=server.ca, issuer=NAME, audience=AUDIENCE, skew=0)
    door = WayIn(tmp_path, kafka_4_1.bootstrap_servers, sasl=sasl)
    yield door.start()
    door.stop()


def test_the_java_client_outlives_its_tokens(
    strict_door: WayIn, kafka_4_1: KafkaCluster, issuer: Issuer, topic: str
) -> None:
    """It authenticates again with each new one (KIP-368), and loses nothing."""
    token = strict_door.directory / "token.jwt"
    stop = threading.Event()

    def renew() -> None:
        while not stop.is_set():
            now = int(time.time())
            new = strict_door.directory / "token.new"
            new.write_text(issuer.token(scope="kafka", iat=now, exp=now + 5))
            new.replace(token)
            stop.wait(0.2)

    renewing = threading.Thread(target=renew)
    renewing.start()
    eventually(token.exists)
    try:
        done = run_performance(strict_door, kafka_4_1, java_properties(strict_door, token), token, topic)
    finally:
        stop.set()
        renewing.join()
    assert "1500 records sent" in done.stdout, done.stderr
    proofs = strict_door.audited("authentication.succeeded", principal="User:alice")
    assert len(proofs) >= len({proof["session_id"] for proof in proofs}) + 2
    assert strict_door.counter("doorkeeper_connections_closed_total", reason="session_expired") == 0
