"""Two doorkeepers that know each other by certificate: clients log in at one, their own rights decide at the other."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer
from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey
from proxy.authentication.forwarding import ForwardedClient, header_for
from proxy.authentication.users_file import remove_user
from proxy.embedded import KafkaCluster
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire, produce_values

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
FRONT = "User:CN=front-doorkeeper"
EVERYTHING = """\
policies:
  - {name: let-pass, principals: ["*"], allow: [All], topics: ["*"], consumer_groups: ["*"], cluster: true}
"""


class Pair(NamedTuple):
    """Clients log in at the front; the rear alone has a policy, and the broker behind it has no security."""

    front: WayIn
    rear: WayIn


@pytest.fixture
def pair(kafka: KafkaCluster, tmp_path: Path) -> Iterator[Pair]:
    tls = "{certificate: server.pem, key: server.key, client_ca: ca.pem, client_auth: required}"
    trust = f'    trusted_forwarders: ["{FRONT}"]\n'
    rear = WayIn(tmp_path / "rear", kafka.bootstrap_servers, tls=tls, protocol="SSL", more=trust)
    identity = rear.authority.client("front-doorkeeper")
    (tmp_path / "front").mkdir()
    identity.write_pem(tmp_path / "front" / "own.pem", tmp_path / "front" / "own.key")
    rear.authority.write_pem(tmp_path / "front" / "rear-ca.pem")
    hop = "{ca: rear-ca.pem, certificate: own.pem, key: own.key}"
    front = WayIn(
        tmp_path / "front",
        rear.servers,
        limits="users: users.yaml\n",
        sasl="{mechanisms: [SCRAM-SHA-256, PLAIN]}",
        hop=f", security_protocol: SSL, tls: {hop}, forward_principal: true",
    )
    front.write_policy(EVERYTHING)
    rear.start()
    try:
        yield Pair(front.start(), rear)
    finally:
        front.stop()
        rear.stop()


def at(front: WayIn, user: str) -> Wire:
    client = Wire(front.ports["way_in"], ssl.create_default_context(cafile=str(front.ca)))
    assert client.log_in(user, f"{user}-password").error_message is None
    return client


def written(client: Wire, topic: str) -> ErrorCode:
    answer = client.ask(ApiKey.PRODUCE, 3, **produce_values({topic: b"x"}))
    error: ErrorCode = answer.responses[0].partition_responses[0].error_code
    return error


def test_a_client_that_logged_in_in_front_is_judged_behind_by_its_own_name(
    pair: Pair, kafka: KafkaCluster, unique_name: Name
) -> None:
    hers, foreign = make_topic(kafka, unique_name("a")), make_topic(kafka, unique_name("c"))
    stored: dict[str | None, bool] = {}
    producer = Producer({**pair.front.librdkafka("alice", "way_in"), "message.timeout.ms": 20_000})
    for topic in (hers, foreign):
        producer.produce(topic, b"x", on_delivery=lambda error, m: stored.update({m.topic(): error is None}))
    producer.flush(ENOUGH_S)
    assert stored == {hers: True, foreign: False}
    denial = pair.rear.expect_denial(principal="User:alice", resource_name=foreign)
    assert denial["forwarded_by"] == [FRONT]
    (known, *_) = pair.rear.audited("authentication.succeeded", principal="User:alice", mechanism="FORWARDED")
    assert (known["forwarded_by"], known["forwarder_host"]) == ([FRONT], "127.0.0.1")
    assert not pair.front.denials()


def test_each_client_has_a_way_of_its_own(pair: Pair, kafka: KafkaCluster, unique_name: Name) -> None:
    theirs = make_topic(kafka, unique_name("a"))
    with at(pair.front, "alice") as alice, at(pair.front, "bob") as bob, at(pair.front, "admin") as admin:
        for _ in range(2):
            assert written(alice, theirs) == ErrorCode.none
            assert written(bob, theirs) == ErrorCode.topic_authorization_failed
            assert written(admin, theirs) == ErrorCode.none


def test_questions_of_the_front_are_asked_in_its_own_name(pair: Pair) -> None:
    own = pair.rear.audited("authentication.succeeded", principal=FRONT)
    assert own
    assert all((line["mechanism"], line["forwarded_by"]) == ("SSL", []) for line in own)


def test_when_a_client_is_taken_back_in_front_it_is_gone_behind(
    pair: Pair, kafka: KafkaCluster, unique_name: Name
) -> None:
    hers = make_topic(kafka, unique_name("a"))
    with at(pair.front, "alice") as alice:
        assert written(alice, hers) == ErrorCode.none
        (line,) = pair.rear.audited("authentication.succeeded", principal="User:alice")
        closed = pair.rear.counter("doorkeeper_connections_closed_total", reason="client_closed")
        remove_user(pair.front.directory / "users.yaml", "alice")
        assert alice.is_closed()
        eventually(lambda: pair.rear.counter("doorkeeper_connections_closed_total", reason="client_closed") > closed)
    assert pair.front.counter("doorkeeper_connections_closed_total", reason="identity_revoked") == 1
    assert line["forwarded_by"] == [FRONT]


def test_confluent_advisory_october_2020_a_certificate_that_is_not_listed_speaks_for_nobody(
    pair: Pair, kafka: KafkaCluster, unique_name: Name
) -> None:
    """bob has a right certificate of the same authority, and would be the super user."""
    theirs = make_topic(kafka, unique_name("a"))
    context = ssl.create_default_context(cafile=str(pair.rear.ca))
    context.load_cert_chain(pair.rear.directory / "bob.pem", pair.rear.directory / "bob.key")
    with Wire(pair.rear.ports["way_in"], context) as bob:
        bob.send_bytes(header_for(ForwardedClient(Principal("User", "admin"), "10.0.0.1")))
        bob.send(ApiKey.PRODUCE, 3, **produce_values({theirs: b"x"}))
        assert bob.is_closed()
    told = pair.rear.expect_failed_login(mechanism="FORWARDED")
    assert told["detail"].startswith("User:CN=bob would speak for somebody else")
    assert not pair.rear.audited("authentication.succeeded", principal="User:admin")
    with Wire(pair.rear.ports["way_in"], context) as bob:
        assert written(bob, theirs) == ErrorCode.topic_authorization_failed


def test_a_rear_that_does_not_trust_the_front_serves_none_of_its_clients(
    pair: Pair, kafka: KafkaCluster, unique_name: Name
) -> None:
    """Rather no service than one in the front's own name."""
    theirs = make_topic(kafka, unique_name("a"))
    config = pair.rear.directory / "doorkeeper.yaml"
    config.write_text(config.read_text().replace(FRONT, "User:CN=another-doorkeeper"))
    pair.rear.stop()
    pair.rear.start()
    eventually(pair.front.is_ready)
    with at(pair.front, "admin") as admin:
        admin.send(ApiKey.PRODUCE, 3, **produce_values({theirs: b"x"}))
        assert admin.is_closed()
    pair.rear.expect_failed_login(mechanism="FORWARDED", username="CN=front-doorkeeper")
