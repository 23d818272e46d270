"""What real clusters say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from confluent_kafka import Consumer
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.releases import release_of
from proxy.doctor.bypass import places
from proxy.doctor.doors import Door, try_door
from proxy.doctor.survey import Member, Survey, survey
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK, free_port
from proxy.transport.plain_hop import PlainHop
from tests.conftest import SharedKafka
from tests.integration.conftest import make_topic
from tests.integration.door import eventually
from tests.integration.wire import Wire

PATIENCE_S = 10.0

pytestmark = pytest.mark.kafka


async def of(cluster: KafkaCluster) -> Survey:
    servers = [server.rpartition(":") for server in cluster.bootstrap_servers.split(",")]
    return await survey([(host, int(port)) for host, _, port in servers], PlainHop(), PATIENCE_S)


@contextmanager
def consuming(cluster: KafkaCluster, group: str, topic: str, **settings: str) -> Iterator[None]:
    """A member of a group that has its partitions."""
    consumer = Consumer(
        {"bootstrap.servers": cluster.bootstrap_servers, "group.id": group, "client.id": "direct", **settings}
    )
    consumer.subscribe([topic])
    try:
        eventually(lambda: consumer.poll(0.2) is None and consumer.assignment())
        yield
    finally:
        consumer.close()


async def test_brokers_topics_settings_and_members(kafka: KafkaCluster, unique_name: Callable[[str], str]) -> None:
    topic, group = make_topic(kafka, unique_name("surveyed")), unique_name("group")
    with consuming(kafka, group, topic):
        found = await of(kafka)
    (server,), (node,) = found.servers, found.nodes
    assert (server.trouble, node.trouble) == (None, None)
    assert node.address == server.address == (LOOPBACK, kafka.broker(1).port)
    assert node.versions is not None
    assert kafka.version.startswith(release_of(node.versions.ranges))
    assert node.settings is not None
    assert f"PLAINTEXT://{LOOPBACK}:{kafka.broker(1).port}" in (node.settings["listeners"] or "")
    assert found.topics is not None
    assert topic in found.topics
    assert "__consumer_offsets" not in found.topics
    assert Member(group, "direct", LOOPBACK) in node.members
    assert found.own_hosts == {LOOPBACK}


async def test_members_of_the_new_group_protocol(kafka_4_1: KafkaCluster, unique_name: Callable[[str], str]) -> None:
    topic, group = make_topic(kafka_4_1, unique_name("surveyed")), unique_name("group")
    with consuming(kafka_4_1, group, topic, **{"group.protocol": "consumer"}):
        found = await of(kafka_4_1)
    assert Member(group, "direct", LOOPBACK) in found.nodes[0].members


async def test_more_groups_than_are_asked_for_at_once(
    monkeypatch: pytest.MonkeyPatch, kafka_1_1_1: KafkaCluster, unique_name: Callable[[str], str]
) -> None:
    monkeypatch.setattr("proxy.doctor.survey._GROUPS_AT_ONCE", 1)
    topic, groups = make_topic(kafka_1_1_1, unique_name("surveyed")), [unique_name("group") for _ in range(3)]
    with ExitStack() as members:
        for group in groups:
            members.enter_context(consuming(kafka_1_1_1, group, topic))
        found = await of(kafka_1_1_1)
    assert set(groups) <= {member.group_id for member in found.nodes[0].members}


@pytest.mark.parametrize(("version", "release"), [("0.8.2.2", "0.8.2"), ("0.9.0.1", "0.9.0")])
async def test_the_oldest_brokers_tell_what_they_can(
    shared_kafka: SharedKafka, unique_name: Callable[[str], str], version: str, release: str
) -> None:
    cluster, topic = shared_kafka(version), unique_name("surveyed")
    with Wire(cluster.broker(1).port) as wire:
        asked = [{"name": topic}]
        eventually(lambda: wire.ask(ApiKey.METADATA, 0, topics=asked).topics[0].error_code is ErrorCode.none)
    found = await of(cluster)
    (node,) = found.nodes
    assert node.trouble is None
    assert node.versions is not None
    assert node.versions.release == release
    assert node.settings is None
    assert found.topics is not None
    assert topic in found.topics


async def test_who_cannot_be_asked_has_trouble() -> None:
    found = await survey([(LOOPBACK, free_port()), ("no-such-host.invalid", 9092)], PlainHop(), PATIENCE_S)
    assert [bool(server.trouble) for server in found.servers] == [True, True]
    assert (found.nodes, found.topics) == ((), None)


async def test_a_broker_that_is_down_has_trouble_and_the_others_are_asked(kafka_of_three: KafkaCluster) -> None:
    kafka_of_three.broker(3).kill()
    try:
        found = await of(kafka_of_three)
        assert [server.trouble is None for server in found.servers] == [True, True, False]
        assert {1, 2} <= {node.node_id for node in found.nodes if node.trouble is None}
        assert found.topics is not None
    finally:
        kafka_of_three.broker(3).start()


async def test_every_place_that_settings_name_is_found(many_doors: KafkaCluster) -> None:
    found = await of(many_doors)
    expected = places(found)
    doors = {what: await try_door(address, PATIENCE_S) for address, what in expected.items()}
    assert doors["broker 1"] is Door.OPEN
    listeners = {name: doors[f"listener {name} of broker 1"] for name in ("TLS", "CERTIFICATE", "LOGIN", "LOGIN_TLS")}
    assert listeners == {
        "TLS": Door.OPEN_TLS,
        "CERTIFICATE": Door.GUARDED,
        "LOGIN": Door.GUARDED,
        "LOGIN_TLS": Door.GUARDED,
    }
    if many_doors.version == "1.1.1":
        assert doors["ZooKeeper"] is Door.ZOOKEEPER
    else:
        assert doors["listener CONTROLLER of broker 1"] is Door.CONTROLLER


async def test_quotas_of_users_are_told(kafka_4_1: KafkaCluster) -> None:
    with Wire(kafka_4_1.broker(1).port) as wire:
        entity = [{"entity_type": "user", "entity_name": None}]

        def alter(*, remove: bool) -> None:
            ops = [{"key": "producer_byte_rate", "value": 1e9, "remove": remove}]
            wire.ask(ApiKey.ALTER_CLIENT_QUOTAS, 1, entries=[{"entity": entity, "ops": ops}])

        alter(remove=False)
        try:
            assert (await of(kafka_4_1)).limited_users == ("user (default)",)
        finally:
            alter(remove=True)
