"""Who may come in, and what those are told who may not."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.authentication.users_file import add_user
from proxy.embedded import KafkaCluster
from proxy.embedded.pki import CertificateAuthority
from tests.integration.conftest import make_topic
from tests.integration.door import Door, eventually
from tests.integration.wire import Wire, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
PLAIN_REFUSED = "Authentication failed: Invalid username or password"
SCRAM_REFUSED = "Authentication failed during authentication due to invalid credentials with SASL mechanism {}"


@pytest.fixture
def door(kafka_1_1_1: KafkaCluster, doors: Callable[[KafkaCluster], Door]) -> Door:
    """Before anybody is let in no broker takes part: one is enough."""
    return doors(kafka_1_1_1)


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_wrong_password_and_unknown_user_are_told_the_same(door: Door, user: str) -> None:
    with wire(door, None) as client:
        told = client.log_in(user, "wrong")
        assert (told.error_code, told.error_message) == (ErrorCode.sasl_authentication_failed, PLAIN_REFUSED)
        assert client.is_closed()
    told = door.expect_failed_login(username=user, mechanism="PLAIN", listener="sasl_plaintext")
    assert "wrong" not in str(told).replace("wrong password", "")


@pytest.mark.parametrize("user", ["alice", "nobody"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_librdkafka_understands_the_refusal(door: Door, user: str, mechanism: str) -> None:
    seen: list[KafkaError] = []
    wrong = door.librdkafka(user, mechanism=mechanism) | {"sasl.password": "wrong", "error_cb": seen.append}
    producer = Producer(wrong)

    def refused() -> bool:
        producer.poll(0.1)
        return any(error.code() == KafkaError._AUTHENTICATION for error in seen)

    eventually(refused)
    expected = PLAIN_REFUSED if mechanism == "PLAIN" else SCRAM_REFUSED.format(mechanism)
    assert expected in str(seen)
    door.expect_failed_login(username=user, mechanism=mechanism)


def test_a_mechanism_that_is_not_enabled_is_answered_with_those_that_are(door: Door) -> None:
    with wire(door, None, "sni") as client:
        told = client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism="PLAIN")
        assert told.error_code == ErrorCode.unsupported_sasl_mechanism
        assert told.mechanisms == ("SCRAM-SHA-256",)


@pytest.mark.parametrize("length", [300, 4_000])
def test_32_long_passwords_are_no_different(door: Door, unique_name: Name, length: int) -> None:
    """And a user who is added while the doorkeeper runs may come in."""
    user, password = unique_name("long"), "p,=w" * (length // 4)
    add_user(door.directory / "users.yaml", user, password, secrets.randbits)

    def comes_in() -> bool:
        with wire(door, None) as client:
            if client.log_in(user, password).error_code != ErrorCode.none:
                return False
            return bool(client.ask(ApiKey.METADATA, 1, topics=None).brokers)

    eventually(comes_in)
    with wire(door, None) as client:
        assert client.log_in(user, password[:-1]).error_code == ErrorCode.sasl_authentication_failed


def test_32_a_password_without_measure_is_refused_in_clear_text(door: Door) -> None:
    with wire(door, None) as client:
        told = client.log_in("alice", "x" * 20_000)
        assert told.error_code == ErrorCode.sasl_authentication_failed
        assert client.is_closed()
    assert "bytes" in door.expect_failed_login(mechanism="PLAIN", username=None)["detail"]


def test_33_raw_tokens_after_the_first_handshake_are_no_requests(door: Door) -> None:
    """SaslHandshake 0 as clients before Kafka 1.0 speak it."""
    token = b"\0alice\0alice-password"
    with wire(door, None) as client:
        client.ask(ApiKey.SASL_HANDSHAKE, 0, mechanism="PLAIN")
        client.send_bytes(len(token).to_bytes(4, "big") + token)
        assert client.receive_bytes(4) == bytes(4)
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers


def test_33_raw_tokens_that_are_wrong_close_the_connection(door: Door) -> None:
    """They have no way to tell."""
    with wire(door, None) as client:
        client.ask(ApiKey.SASL_HANDSHAKE, 0, mechanism="PLAIN")
        client.send_bytes((12).to_bytes(4, "big") + b"\0alice\0wrong")
        assert client.is_closed()


@pytest.mark.parametrize("listener", ["sasl_ssl", "sasl_plaintext"])
def test_without_sasl_nothing_is_answered(door: Door, listener: str) -> None:
    """An anonymous client on a SASL port: its connection is closed, and the log says what to do."""
    with wire(door, None, listener) as client:
        client.send(ApiKey.METADATA, 1, topics=None)
        assert client.is_closed()
    eventually(lambda: "Unexpected Kafka request of type METADATA during SASL handshake" in door.log())


def test_29_without_a_certificate_a_client_is_anonymous_where_none_is_required(
    door: Door, kafka_1_1_1: KafkaCluster, unique_name: Name
) -> None:
    topic = make_topic(kafka_1_1_1, unique_name("a"))
    with wire(door, None, "ssl_requested") as client:
        (told,) = client.ask(ApiKey.METADATA, 1, topics=[{"name": topic}]).topics
        assert told.error_code == ErrorCode.topic_authorization_failed
    door.expect_denial(principal="User:ANONYMOUS", listener="ssl_requested", resource_name=topic)
    with wire(door, "alice", "ssl_requested") as client:
        (told,) = client.ask(ApiKey.METADATA, 1, topics=[{"name": topic}]).topics
        assert told.error_code == ErrorCode.none


@pytest.mark.parametrize("listener", ["ssl", "ssl_requested"])
def test_29_a_certificate_from_a_strange_authority_fails_the_handshake(door: Door, listener: str) -> None:
    """It is not taken for none at all."""
    stranger = CertificateAuthority.create("Strange CA").client("alice")
    certificate, key = door.directory / "stranger.pem", door.directory / "stranger.key"
    stranger.write_pem(certificate, key)
    assert_handshake_fails(door, listener, certificate=(certificate, key))


def test_without_a_certificate_the_handshake_fails_where_one_is_required(door: Door) -> None:
    assert_handshake_fails(door, "ssl")


def assert_handshake_fails(door: Door, listener: str, certificate: tuple[Path, Path] | None = None) -> None:
    context = ssl.create_default_context(cafile=str(door.directory / "ca.pem"))
    if certificate is not None:
        context.load_cert_chain(*certificate)
    before = door.counter("doorkeeper_tls_handshakes_failed_total", listener=listener)
    # With TLS 1.3 a client learns of it only when it reads.
    with pytest.raises((ssl.SSLError, ConnectionError)), Wire(door.ports[listener], context) as client:
        client.ask(ApiKey.METADATA, 1, topics=None)
    eventually(lambda: door.counter("doorkeeper_tls_handshakes_failed_total", listener=listener) == before + 1)


def test_the_audit_trail_has_every_login(door: Door) -> None:
    def ways_in() -> set[str]:
        return {line["listener"] for line in door.audited("authentication.succeeded", principal="User:bob")}

    with wire(door, "bob", "ssl"), wire(door, "bob", "sasl_ssl"):
        eventually(lambda: ways_in() >= {"ssl", "sasl_ssl"})
