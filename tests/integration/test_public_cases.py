"""Cases that people reported about Kafka and its proxies, sent byte by byte."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.enforcement.support import answered, naming
from tests.integration.conftest import make_topic
from tests.integration.door import Door, eventually
from tests.integration.wire import Wire, fetch_values, produce_values, wire

pytestmark = pytest.mark.kafka

Name = Callable[[str], str]
PATIENCE = timedelta(seconds=30)
NONE = ErrorCode.none
DENIED = ErrorCode.topic_authorization_failed
GROUP_DENIED = ErrorCode.group_authorization_failed
TRANSACTION_DENIED = ErrorCode.transactional_id_authorization_failed

NAMING_TOPICS = (
    ApiKey.PRODUCE,
    ApiKey.FETCH,
    ApiKey.LIST_OFFSETS,
    ApiKey.METADATA,
    ApiKey.OFFSET_COMMIT,
    ApiKey.OFFSET_FETCH,
    ApiKey.CREATE_TOPICS,
    ApiKey.DELETE_TOPICS,
    ApiKey.DELETE_RECORDS,
    ApiKey.OFFSET_FOR_LEADER_EPOCH,
    ApiKey.ADD_PARTITIONS_TO_TXN,
    ApiKey.TXN_OFFSET_COMMIT,
    ApiKey.DESCRIBE_CONFIGS,
    ApiKey.ALTER_CONFIGS,
    ApiKey.CREATE_PARTITIONS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.OFFSET_DELETE,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
)
ANSWERED_HERE = (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE)
# ApiVersions 99 with correlation id 7, without a client id, and with a body that nobody can know.
NO_SUCH_VERSION = bytes.fromhex("0000000c 0012 0063 00000007 ffff abcd")
# Newer versions of these name topics by id, or are for brokers alone.
FIRST_OTHER_VERSION = {
    ApiKey.PRODUCE: 13,
    ApiKey.FETCH: 13,
    ApiKey.OFFSET_COMMIT: 10,
    ApiKey.OFFSET_FETCH: 10,
    ApiKey.ADD_PARTITIONS_TO_TXN: 4,
}


def direct(kafka: KafkaCluster) -> Wire:
    """A connection past the doorkeeper."""
    return Wire(kafka.broker(1).port)


def topic_id(kafka: KafkaCluster, name: str) -> UUID:
    with direct(kafka) as broker:
        found: UUID = broker.ask(ApiKey.METADATA, 12, topics=[{"name": name}]).topics[0].topic_id
        return found


def exists(kafka: KafkaCluster, name: str) -> bool:
    with direct(kafka) as broker:
        names = [topic.name for topic in broker.ask(ApiKey.METADATA, 1, topics=None).topics]
        return name in names


def log_end(kafka: KafkaCluster, name: str) -> int:
    """The offset behind the last record of partition 0."""
    asked = [{"name": name, "partitions": [{"partition_index": 0, "timestamp": -1}]}]
    with direct(kafka) as broker:
        (topic,) = broker.ask(ApiKey.LIST_OFFSETS, 1, replica_id=-1, topics=asked).topics
        found: int = topic.partitions[0].offset
        return found


def producer_id(client: Wire, transactional_id: str) -> Any:
    """What InitProducerId answers, or None as long as it has no producer id to give."""
    values = {"transactional_id": transactional_id, "transaction_timeout": PATIENCE}
    answer = client.ask(ApiKey.INIT_PRODUCER_ID, 0, **values)
    return answer if answer.error_code == NONE else None


def await_coordinators(client: Wire, name: str) -> None:
    """Wait until the only broker coordinates a group and a transactional id of this name."""
    asked = {"group_id": name, "generation_id": 1, "member_id": "m"}

    def ready() -> bool:
        for key_type in (0, 1):
            client.ask(ApiKey.FIND_COORDINATOR, 1, key=name, key_type=key_type)
        return client.ask(ApiKey.HEARTBEAT, 1, **asked).error_code == ErrorCode.unknown_member_id

    eventually(ready)
    eventually(lambda: producer_id(client, name))


def errors(items: Any) -> dict[Any, ErrorCode]:
    return {item.name: item.error_code for item in items}


def produced(answer: Any) -> dict[str, ErrorCode]:
    return {topic.name: topic.partition_responses[0].error_code for topic in answer.responses}


def test_1_a_version_that_nobody_has_is_answered_so_that_every_client_can_read_it(door: Door) -> None:
    """The doorkeeper answers for itself, in front of any broker."""
    with wire(door, "alice") as client:
        for version in client.versions(ApiKey.API_VERSIONS):
            answer = client.ask(
                *(ApiKey.API_VERSIONS, version), client_software_name="wire", client_software_version="1"
            )
            assert answer.error_code == NONE
        client.send_bytes(NO_SUCH_VERSION)
        correlation_id, answer = client.receive(ApiKey.API_VERSIONS, 0)
        assert (correlation_id, answer.error_code) == (7, ErrorCode.unsupported_version)
        assert [key.max_version for key in answer.api_keys if key.api_key == ApiKey.API_VERSIONS] == [4]
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers


def test_2_offered_is_what_the_broker_has_and_nothing_else(door: Door, kafka: KafkaCluster) -> None:
    with wire(door, "alice") as client, direct(kafka) as broker:
        theirs = broker.offered()
        for api_key, versions in client.offered().items():
            if api_key in ANSWERED_HERE:
                continue
            assert theirs[api_key].start <= versions.start <= versions.stop <= theirs[api_key].stop
        assert client.offered()[ApiKey.METADATA] == theirs[ApiKey.METADATA]


def test_7_all_topics_are_those_that_may_be_described(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Name
) -> None:
    secret = make_topic(kafka, unique_name("secret"))
    with wire(door, "alice") as client:
        for version in client.versions(ApiKey.METADATA):
            told = errors(client.ask(ApiKey.METADATA, version, topics=None).topics)
            assert told[topic] == NONE
            assert secret not in told
            assert DENIED not in told.values()


def test_8_a_forbidden_topic_does_not_spoil_the_allowed_one(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Name
) -> None:
    secret = make_topic(kafka, unique_name("secret"))
    with wire(door, "alice") as client:
        client.ask(ApiKey.PRODUCE, client.newest(ApiKey.PRODUCE), **produce_values({topic: b"x"}))
        for version in client.versions(ApiKey.METADATA):
            named = client.ask(ApiKey.METADATA, version, topics=[{"name": topic}, {"name": secret}])
            told: dict[Any, Any] = errors(named.topics)
            assert told == {topic: NONE, secret: DENIED}
        for version in client.versions(ApiKey.FETCH):
            keys: list[Any] = [topic, secret]
            if version >= FIRST_OTHER_VERSION[ApiKey.FETCH]:
                keys = [topic_id(kafka, name) for name in keys]
            answer = client.ask(ApiKey.FETCH, version, **fetch_values(*keys))
            told = {getattr(t, "topic", None) or t.topic_id: t.partitions[0] for t in answer.responses}
            assert {key: partition.error_code for key, partition in told.items()} == {keys[0]: NONE, keys[1]: DENIED}
            assert b"x" in (told[keys[0]].records or b"")
            assert not told[keys[1]].records
    assert door.denials(principal="User:alice", api="Fetch", operation="Read", resource_name=secret)


def test_9_what_may_not_be_described_looks_like_what_does_not_exist(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Name
) -> None:
    """In every API that names topics, in every version."""
    secret, missing, group = make_topic(kafka, unique_name("secret")), unique_name("secret"), unique_name("a")
    own = {"transactional_id": unique_name("a"), "v3_and_below_transactional_id": unique_name("a")}
    with wire(door, "alice") as client:
        await_coordinators(client, group)
        # A group without anything in it does not exist.
        client.ask(ApiKey.OFFSET_COMMIT, 2, naming(ApiKey.OFFSET_COMMIT, 2, topic, group=group))
        for api_key in NAMING_TOPICS:
            for version in client.versions(api_key):
                if version >= FIRST_OTHER_VERSION.get(api_key, version + 1):
                    continue
                values = {} if api_key is ApiKey.PRODUCE else own
                request = naming(api_key, version, secret, missing, group=group, **values)
                told = answered(api_key, client.ask(api_key, version, request))
                assert sorted(told) == sorted([(secret, DENIED), (missing, DENIED)]), (api_key, version)
    assert exists(kafka, secret)
    assert not exists(kafka, missing)


def test_10_a_thousand_records_that_want_no_answer_get_none(door: Door, topic: str) -> None:
    with wire(door, "alice") as client:
        version = client.newest(ApiKey.PRODUCE)
        for _ in range(1000):
            client.send(ApiKey.PRODUCE, version, **produce_values({topic: b"x"}, acks=0))
        answer = client.ask(ApiKey.PRODUCE, version, **produce_values({topic: b"last"}, acks=1))
        assert answer.responses[0].partition_responses[0].base_offset == 1000
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers


@pytest.mark.parametrize("listener", ["sasl_plaintext", "sasl_ssl"])
def test_11_the_last_words_of_a_client_reach_the_broker(
    door: Door, kafka: KafkaCluster, topic: str, listener: str
) -> None:
    """acks=0, and then FIN at once."""
    with wire(door, "alice", listener) as client:
        version = client.newest(ApiKey.PRODUCE)
        for _ in range(20):
            client.send(ApiKey.PRODUCE, version, **produce_values({topic: b"x" * 50_000}, acks=0))
    eventually(lambda: log_end(kafka, topic) == 20)


def test_11_without_the_right_to_write_the_connection_is_closed(door: Door, kafka: KafkaCluster, topic: str) -> None:
    """As a broker does: acks=0 has no answer that could tell."""
    with wire(door, "bob") as client:
        client.send(ApiKey.PRODUCE, client.newest(ApiKey.PRODUCE), **produce_values({topic: b"x"}, acks=0))
        assert client.is_closed()
    assert door.expect_denial(principal="User:bob", api="Produce", operation="Write", resource_name=topic)
    assert log_end(kafka, topic) == 0


def test_18_the_operation_all_is_every_operation(door: Door, kafka: KafkaCluster, unique_name: Name) -> None:
    name = unique_name("c")
    with wire(door, "bob") as client:
        wanted = {"name": name, "num_partitions": 1, "replication_factor": 1}
        created = client.ask(ApiKey.CREATE_TOPICS, client.newest(ApiKey.CREATE_TOPICS), topics=[wanted])
        assert errors(created.topics) == {name: NONE}
        assert eventually(
            lambda: errors(client.ask(ApiKey.METADATA, 1, topics=[{"name": name}]).topics) == {name: NONE}
        )
        version = client.newest(ApiKey.PRODUCE)
        eventually(
            lambda: produced(client.ask(ApiKey.PRODUCE, version, **produce_values({name: b"x"}))) == {name: NONE}
        )
        for api_key in (ApiKey.DESCRIBE_CONFIGS, ApiKey.ALTER_CONFIGS, ApiKey.LIST_OFFSETS, ApiKey.DELETE_TOPICS):
            version = client.newest(api_key)
            told = answered(api_key, client.ask(api_key, version, naming(api_key, version, name, timeout=PATIENCE)))
            assert told == [(name, NONE)], api_key
    eventually(lambda: not exists(kafka, name))
    assert not door.denials(resource_name=name)


def test_20_a_right_on_topics_is_none_on_a_group_of_the_same_name(door: Door, topic: str) -> None:
    with wire(door, "bob") as client:
        for version in client.versions(ApiKey.JOIN_GROUP):
            request = naming(ApiKey.JOIN_GROUP, version, group=topic)
            assert client.ask(ApiKey.JOIN_GROUP, version, request).error_code == GROUP_DENIED
        assert errors(client.ask(ApiKey.METADATA, 1, topics=[{"name": topic}]).topics) == {topic: NONE}
    door.expect_denial(principal="User:bob", api="JoinGroup", resource_type="Group", resource_name=topic)


def test_21_offsets_in_a_transaction_need_all_three_rights(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Name
) -> None:
    secret, own = make_topic(kafka, unique_name("secret")), unique_name("a")
    with wire(door, "alice") as client:
        await_coordinators(client, own)
        for version in client.versions(ApiKey.TXN_OFFSET_COMMIT):
            producer = eventually(lambda: producer_id(client, own))
            ids = {"producer_id": producer.producer_id, "producer_epoch": producer.producer_epoch}

            def commit(transactional_id: str, group: str, version: int = version, ids: Any = ids) -> Any:
                request = naming(
                    *(ApiKey.TXN_OFFSET_COMMIT, version, topic, secret),
                    group=group,
                    transactional_id=transactional_id,
                    **ids,
                )
                return dict(answered(ApiKey.TXN_OFFSET_COMMIT, client.ask(ApiKey.TXN_OFFSET_COMMIT, version, request)))

            assert commit("foreign", own) == dict.fromkeys((topic, secret), TRANSACTION_DENIED)
            assert commit(own, "foreign") == dict.fromkeys((topic, secret), GROUP_DENIED)
            added = client.ask(ApiKey.ADD_OFFSETS_TO_TXN, 0, transactional_id=own, group_id=own, **ids)
            assert added.error_code == NONE
            assert commit(own, own) == {topic: NONE, secret: DENIED}
            client.ask(ApiKey.END_TXN, 0, transactional_id=own, committed=False, **ids)


def test_24_two_users_with_one_group_from_one_host_are_told_apart(door: Door, unique_name: Name) -> None:
    group = unique_name("a")
    with wire(door, "alice") as alice, wire(door, "bob") as bob:
        for _ in range(3):
            told = [
                client.ask(ApiKey.HEARTBEAT, 1, group_id=group, generation_id=1, member_id="m").error_code
                for client in (alice, bob)
            ]
            assert told[0] != GROUP_DENIED
            assert told[1] == GROUP_DENIED
    eventually(lambda: len(door.denials(resource_name=group)) == 3)
    assert {record["principal"] for record in door.denials(resource_name=group)} == {"User:bob"}


def test_34_topics_that_may_not_be_deleted_are_told_one_by_one(
    door: Door, kafka: KafkaCluster, topic: str, unique_name: Name
) -> None:
    missing = unique_name("secret")
    with wire(door, "bob") as client:
        for version in client.versions(ApiKey.DELETE_TOPICS):
            request = naming(ApiKey.DELETE_TOPICS, version, topic, missing)
            told = dict(answered(ApiKey.DELETE_TOPICS, client.ask(ApiKey.DELETE_TOPICS, version, request)))
            assert told == {topic: DENIED, missing: DENIED}
        assert client.ask(ApiKey.METADATA, 1, topics=None).brokers
    door.expect_denial(principal="User:bob", api="DeleteTopics", operation="Delete", resource_name=topic)
    assert exists(kafka, topic)


def test_4_naming_a_topic_creates_it_only_for_those_who_may(door: Door, kafka: KafkaCluster, unique_name: Name) -> None:
    """In every version, and without a stall."""
    begin = time.monotonic()
    with wire(door, "alice") as alice, wire(door, "bob") as bob:
        for version in alice.versions(ApiKey.METADATA):
            mine, foreign = unique_name("a"), unique_name("secret")
            named = [{"name": mine}, {"name": foreign}]
            told = errors(bob.ask(ApiKey.METADATA, version, topics=named).topics)
            assert told == {mine: DENIED, foreign: DENIED}
            assert not exists(kafka, mine)
            told = errors(alice.ask(ApiKey.METADATA, version, topics=named).topics)
            assert told[foreign] == DENIED
            eventually(lambda name=mine: exists(kafka, name))
            assert not exists(kafka, foreign)
    assert time.monotonic() - begin < 20
