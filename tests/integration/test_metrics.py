"""What a monitoring system sees of certificates, keys and logins, of a real doorkeeper."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey
from proxy.authentication.forwarding import ForwardedClient, header_for
from proxy.embedded import KafkaCluster
from tests.authentication.issuer import AUDIENCE, NAME, Issuer
from tests.authentication.test_oauthbearer import message
from tests.integration.door import Door, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire, wire
from tests.providers.issuer_server import IssuerServer, document
from tests.transport.pki import NOW, SERVER, authority

pytestmark = pytest.mark.kafka

FAILURES = "doorkeeper_authentications_total"


def authenticate(client: Wire, token: bytes, mechanism: str = "PLAIN") -> None:
    client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism=mechanism)
    client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=token)


WRONG: dict[str, Callable[[Wire], object]] = {
    "credentials": lambda client: authenticate(client, b"\0alice\0x"),
    "no_sasl": lambda client: client.send(ApiKey.METADATA, 1, topics=None),
    "mechanism_not_enabled": lambda client: client.ask(ApiKey.SASL_HANDSHAKE, 1, mechanism="GSSAPI"),
    "other_identity": lambda client: authenticate(client, b"admin\0alice\0alice-password"),
}


@pytest.mark.parametrize("reason", WRONG)
def test_failed_logins_are_counted_by_what_was_wrong(door: Door, reason: str) -> None:
    labels = {"listener": "sasl_plaintext", "result": "failure", "reason": reason}
    before = door.counter(FAILURES, **labels)
    with wire(door, None) as client:
        WRONG[reason](client)
        assert client.is_closed()
    assert door.counter(FAILURES, **labels) == before + 1


def test_good_ones_have_no_reason(door: Door) -> None:
    labels = {"listener": "sasl_ssl", "mechanism": "PLAIN", "result": "success"}
    before = door.counter(FAILURES, **labels)
    handshakes = door.counter("doorkeeper_tls_handshakes_total", listener="sasl_ssl", version="TLSv1.3")
    with wire(door, "alice", "sasl_ssl"):
        assert door.counter(FAILURES, **labels, reason="") == before + 1
    assert door.counter("doorkeeper_tls_handshakes_total", listener="sasl_ssl", version="TLSv1.3") == handshakes + 1


@pytest.fixture
def certified(kafka_4_1: KafkaCluster, tmp_path: Path) -> Iterator[WayIn]:
    """A listener that knows Alice alone, and has a revocation list."""
    root = authority("Clients")
    door = WayIn(
        tmp_path,
        kafka_4_1.bootstrap_servers,
        tls="{certificate: own.pem, key: own.key, client_ca: own-ca.pem, client_crl: own.crl, client_auth: required}",
        more='    principal_mapping_rules: ["RULE:^CN=(alice)$/$1/"]\n',
        protocol="SSL",
    )
    server = root.issue("server", (SERVER,), [x509.DNSName("localhost")], until=NOW + dt.timedelta(minutes=30))
    (tmp_path / "own.pem").write_bytes(server.pem)
    (tmp_path / "own.key").write_bytes(server.key_pem)
    (tmp_path / "own-ca.pem").write_bytes(root.pem)
    (tmp_path / "own.crl").write_bytes(root.revoke(until=NOW + dt.timedelta(minutes=20)))
    for name in ("alice", "eve"):
        party = root.issue(name)
        (tmp_path / f"{name}.both").write_bytes(party.key_pem + party.pem)
    yield door.start()
    door.stop()


def at(door: WayIn, name: str) -> Wire:
    context = ssl.create_default_context(cafile=str(door.directory / "own-ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(door.directory / f"{name}.both")
    return Wire(door.ports["way_in"], context)


def test_it_is_told_when_certificates_and_lists_expire(certified: WayIn) -> None:
    expiry = certified.counter("doorkeeper_certificate_not_after_timestamp_seconds", listener="way_in")
    assert expiry == (NOW + dt.timedelta(minutes=30)).replace(microsecond=0).timestamp()
    expiry = certified.counter("doorkeeper_crl_next_update_timestamp_seconds", listener="way_in")
    assert expiry == (NOW + dt.timedelta(minutes=20)).replace(microsecond=0).timestamp()
    assert certified.counter("doorkeeper_upstream_certificate_not_after_timestamp_seconds") == 0


def test_a_certificate_that_no_rule_names_and_one_that_may_not_speak_for_others_are_told_apart(
    certified: WayIn,
) -> None:
    with at(certified, "eve") as eve:
        assert eve.is_closed()
    assert certified.counter(FAILURES, mechanism="SSL", reason="no_principal") == 1
    with at(certified, "alice") as alice:
        alice.send_bytes(header_for(ForwardedClient(Principal("User", "admin"), "10.0.0.1")))
        assert alice.is_closed()
    assert certified.counter(FAILURES, mechanism="FORWARDED", reason="not_trusted") == 1


def test_our_own_certificate_towards_the_brokers_is_told_of(tmp_path: Path) -> None:
    root = authority("Ours")
    hop = ", security_protocol: SSL, tls: {ca: ours.pem, certificate: us.pem, key: us.key}"
    door = WayIn(tmp_path, "127.0.0.1:1", sasl="{mechanisms: [PLAIN]}", limits="users: users.yaml\n", hop=hop)
    us = root.issue("us")
    (tmp_path / "ours.pem").write_bytes(root.pem)
    (tmp_path / "us.pem").write_bytes(us.pem)
    (tmp_path / "us.key").write_bytes(us.key_pem)
    door.process.start()
    try:
        eventually(lambda: alive(door))
        told = door.counter("doorkeeper_upstream_certificate_not_after_timestamp_seconds")
        assert told == us.certificate.not_valid_after_utc.timestamp()
    finally:
        door.stop()


def alive(door: Door) -> bool:
    try:
        return door.get("/livez")[0] == 200
    except OSError:
        return False


def test_the_age_of_an_issuers_keys_is_told_and_whether_they_could_be_had(
    kafka_4_1: KafkaCluster, tmp_path: Path
) -> None:
    issuer, begun = Issuer(), time.time()
    gone = document(lambda: b"", 503)
    with IssuerServer(tmp_path, gone).running() as server:
        sasl = (
            f"{{mechanisms: [OAUTHBEARER], oauthbearer: {{jwks_endpoint_url: '{server.url}', jwks_endpoint_ca: "
            f"'{server.ca}', expected_issuer: '{NAME}', expected_audience: [{AUDIENCE}]}}}}"
        )
        door = WayIn(tmp_path / "door", kafka_4_1.bootstrap_servers, sasl=sasl, protocol="SASL_PLAINTEXT").start()
        try:
            eventually(lambda: door.counter("doorkeeper_jwks_fetches_total", listener="way_in", result="failure"))
            assert door.counter("doorkeeper_jwks_last_success_timestamp_seconds", listener="way_in") == 0
            with Wire(door.ports["way_in"]) as client:
                authenticate(client, message(issuer.token()), "OAUTHBEARER")
                answer = client.ask(ApiKey.SASL_AUTHENTICATE, 1, auth_bytes=b"\x01")
                assert answer.error_code == ErrorCode.sasl_authentication_failed
            assert door.counter(FAILURES, mechanism="OAUTHBEARER", reason="unavailable") == 1
            server.answer = document(issuer.jwks)
            with Wire(door.ports["way_in"]) as client:
                eventually(lambda: door.counter("doorkeeper_jwks_fetches_total", result="success"))
                authenticate(client, message(issuer.token()), "OAUTHBEARER")
            assert door.counter("doorkeeper_jwks_last_success_timestamp_seconds", listener="way_in") >= begun
            assert door.counter(FAILURES, mechanism="OAUTHBEARER", result="success") == 1
        finally:
            door.stop()
