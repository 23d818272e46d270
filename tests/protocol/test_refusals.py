"""The one error of a whole request, where each API and version of Kafka puts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any
from uuid import UUID

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, decode_entity, encode_entity, has_field, item_type
from protocol.refusals import can_say, partition_indexes, refuse, refused_item, refused_partition
from tests.protocol.entities import random_entity, seeded

DENIED = ErrorCode.topic_authorization_failed
EVERY_REQUEST = [(api_key, version) for api_key in ApiKey for version in known_versions(api_key)]
SAYING = [which for which in EVERY_REQUEST if can_say(*which)]


def versions(api_key: ApiKey, first: int = 0, last: int = 100) -> list[Any]:
    return [pytest.param(api_key, version, id=f"{api_key.label}-{version}") for version in known_versions(api_key)
            if first <= version <= last]  # fmt: skip


def refusal(api_key: ApiKey, version: int, **values: Any) -> Any:
    """The decoded answer to a request of these values."""
    answer = refuse(api_key, version, build(request_type(api_key, version), **values), DENIED, "told")
    assert decode_entity(type(answer), encode_entity(answer), 0) == answer
    return answer


def topics_with_partitions(api_key: ApiKey, version: int, field: str, partitions: str) -> tuple[Any, ...]:
    """One topic ``t`` (or the id 7) with the partitions 3 and 5."""
    topic = item_type(request_type(api_key, version), field)
    inner = item_type(topic, partitions)
    indexes = (3, 5)
    made = (
        tuple(build(inner, index=index, partition_index=index, partition=index) for index in indexes)
        if is_dataclass(inner)
        else indexes
    )
    return (build(topic, name="t", topic="t", topic_id=UUID(int=7), **{partitions: made}),)


def error_codes(entity: Any) -> Iterator[ErrorCode]:
    """Every error code of an answer, at any depth."""
    for field in fields(entity):
        value = getattr(entity, field.name)
        if isinstance(value, ErrorCode):
            yield value
        for each in value if isinstance(value, tuple) else (value,):
            if is_dataclass(each):
                yield from error_codes(each)


@pytest.mark.parametrize(("api_key", "version"), EVERY_REQUEST)
def test_every_refusal_can_be_encoded(api_key: ApiKey, version: int) -> None:
    rng = seeded("refuse", api_key, version)
    for _ in range(5):
        request = random_entity(request_type(api_key, version), rng, longest=9)
        answer = refuse(api_key, version, request, DENIED, "told")
        assert decode_entity(type(answer), encode_entity(answer), 0) == answer
        assert set(error_codes(answer)) <= {DENIED}


@pytest.mark.parametrize(("api_key", "version"), SAYING)
def test_an_api_that_can_say_an_error_has_a_place_for_it(api_key: ApiKey, version: int) -> None:
    rng = seeded("say", api_key, version)
    requests = [random_entity(request_type(api_key, version), rng, longest=9) for _ in range(10)]
    assert any(DENIED in error_codes(refuse(api_key, version, request, DENIED)) for request in requests)


@pytest.mark.parametrize(
    ("api_key", "version"),
    [
        *versions(ApiKey.JOIN_GROUP),
        *versions(ApiKey.SYNC_GROUP),
        *versions(ApiKey.HEARTBEAT),
        *versions(ApiKey.LEAVE_GROUP),
        *versions(ApiKey.OFFSET_FETCH, 2, 7),
        *versions(ApiKey.FIND_COORDINATOR, 0, 3),
        *versions(ApiKey.INIT_PRODUCER_ID),
        *versions(ApiKey.ADD_OFFSETS_TO_TXN),
        *versions(ApiKey.ADD_PARTITIONS_TO_TXN, 4),
        *versions(ApiKey.END_TXN),
        *versions(ApiKey.OFFSET_DELETE),
        *versions(ApiKey.CONSUMER_GROUP_HEARTBEAT),
        *versions(ApiKey.FETCH, 13),
    ],
)
def test_the_error_stands_at_the_top_alone(api_key: ApiKey, version: int) -> None:
    request = random_entity(request_type(api_key, version), seeded("top", api_key, version), longest=9)
    answer = refuse(api_key, version, request, DENIED)
    assert answer.error_code == DENIED
    assert list(error_codes(answer)) == [DENIED]


@pytest.mark.parametrize(
    ("api_key", "version", "asked", "partitions", "answered", "answered_partitions"),
    [
        (*param.values, *names)
        for params, names in (
            (versions(ApiKey.PRODUCE), ("topic_data", "partition_data", "responses", "partition_responses")),
            (versions(ApiKey.FETCH, 0, 12), ("topics", "partitions", "responses", "partitions")),
            (versions(ApiKey.LIST_OFFSETS), ("topics", "partitions", "topics", "partitions")),
            (versions(ApiKey.OFFSET_COMMIT), ("topics", "partitions", "topics", "partitions")),
            (versions(ApiKey.OFFSET_FETCH, 0, 1), ("topics", "partition_indexes", "topics", "partitions")),
            (versions(ApiKey.TXN_OFFSET_COMMIT), ("topics", "partitions", "topics", "partitions")),
            (versions(ApiKey.DELETE_RECORDS), ("topics", "partitions", "topics", "partitions")),
            (versions(ApiKey.OFFSET_FOR_LEADER_EPOCH), ("topics", "partitions", "topics", "partitions")),
            (
                versions(ApiKey.ADD_PARTITIONS_TO_TXN, 0, 3),
                ("v3_and_below_topics", "partitions", "results_by_topic_v3_and_below", "results_by_partition"),
            ),
        )
        for param in params
    ],
)
def test_the_error_stands_at_every_partition(
    api_key: ApiKey, version: int, asked: str, partitions: str, answered: str, answered_partitions: str
) -> None:
    topics = topics_with_partitions(api_key, version, asked, partitions)
    answer = refusal(api_key, version, **{asked: topics})
    (topic,) = getattr(answer, answered)
    assert [getattr(topic, name, None) for name in ("name", "topic", "topic_id")] == [
        getattr(topics[0], name, None) for name in ("name", "topic", "topic_id")
    ] or api_key in (ApiKey.PRODUCE, ApiKey.FETCH)
    told = [
        (getattr(each, name), code)
        for each in getattr(topic, answered_partitions)
        for code in error_codes(each)
        for name in ("index", "partition_index", "partition")
        if hasattr(each, name)
    ]
    assert told == [(3, DENIED), (5, DENIED)]
    assert has_field(type(answer), "error_code") is (api_key is ApiKey.FETCH and version >= 7)
    assert getattr(answer, "error_code", DENIED) == DENIED


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.OFFSET_FETCH, 8))
def test_each_group_of_an_offset_fetch_has_the_error_and_no_topics(api_key: ApiKey, version: int) -> None:
    group = item_type(request_type(api_key, version), "groups")
    answer = refusal(api_key, version, groups=(build(group, group_id="a"), build(group, group_id="b")))
    assert [(each.group_id, each.error_code, each.topics) for each in answer.groups] == [
        ("a", DENIED, ()),
        ("b", DENIED, ()),
    ]


@pytest.mark.parametrize(
    ("api_key", "version", "asked", "answered", "named"),
    [
        (*param.values, *names)
        for params, names in (
            (versions(ApiKey.FIND_COORDINATOR, 4), ("coordinator_keys", "coordinators", "key")),
            (versions(ApiKey.DESCRIBE_GROUPS), ("groups", "groups", "group_id")),
            (versions(ApiKey.DELETE_GROUPS), ("groups_names", "results", "group_id")),
            (versions(ApiKey.DELETE_TOPICS, 0, 5), ("topic_names", "responses", "name")),
            (versions(ApiKey.CONSUMER_GROUP_DESCRIBE), ("group_ids", "groups", "group_id")),
        )
        for param in params
    ],
)
def test_the_error_stands_at_every_name(api_key: ApiKey, version: int, asked: str, answered: str, named: str) -> None:
    answer = refusal(api_key, version, **{asked: ("a", "b")})
    assert [(getattr(each, named), each.error_code) for each in getattr(answer, answered)] == [
        ("a", DENIED),
        ("b", DENIED),
    ]


@pytest.mark.parametrize(
    ("api_key", "version", "asked", "answered"),
    [
        (*param.values, *names)
        for params, names in (
            (versions(ApiKey.METADATA), ("topics", "topics")),
            (versions(ApiKey.CREATE_TOPICS), ("topics", "topics")),
            (versions(ApiKey.CREATE_PARTITIONS), ("topics", "results")),
            (versions(ApiKey.DELETE_TOPICS, 6), ("topics", "responses")),
            (versions(ApiKey.DESCRIBE_TOPIC_PARTITIONS), ("topics", "topics")),
        )
        for param in params
    ],
)
def test_the_error_stands_at_every_topic(api_key: ApiKey, version: int, asked: str, answered: str) -> None:
    topic = item_type(request_type(api_key, version), asked)
    answer = refusal(api_key, version, **{asked: (build(topic, name="a"), build(topic, name="b"))})
    assert [(each.name, each.error_code) for each in getattr(answer, answered)] == [("a", DENIED), ("b", DENIED)]


@pytest.mark.parametrize(
    ("api_key", "version", "answered"),
    [
        (*param.values, answered)
        for params, answered in (
            (versions(ApiKey.DESCRIBE_CONFIGS), "results"),
            (versions(ApiKey.ALTER_CONFIGS), "responses"),
            (versions(ApiKey.INCREMENTAL_ALTER_CONFIGS), "responses"),
        )
        for param in params
    ],
)
def test_the_error_stands_at_every_resource(api_key: ApiKey, version: int, answered: str) -> None:
    resource = item_type(request_type(api_key, version), "resources")
    answer = refusal(api_key, version, resources=(build(resource, resource_type=2, resource_name="t"),))
    (told,) = getattr(answer, answered)
    assert (told.resource_type, told.resource_name, told.error_code, told.error_message) == (2, "t", DENIED, "told")


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.FETCH))
def test_a_refused_fetch_partition_says_unknown_and_has_no_records(api_key: ApiKey, version: int) -> None:
    partition_type = item_type(item_type(response_type(api_key, version), "responses"), "partitions")
    partition = refused_partition(partition_type, 3, DENIED)
    assert partition.high_watermark == getattr(partition, "last_stable_offset", -1) == -1
    assert getattr(partition, "aborted_transactions", ()) == ()
    assert partition.records == b""
    assert getattr(partition, "log_start_offset", -1) == getattr(partition, "preferred_read_replica", -1) == -1


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.PRODUCE))
def test_a_refused_produce_partition_says_unknown(api_key: ApiKey, version: int) -> None:
    topics = topics_with_partitions(api_key, version, "topic_data", "partition_data")
    partition = refusal(api_key, version, topic_data=topics).responses[0].partition_responses[0]
    assert partition.base_offset == -1
    assert getattr(partition, "log_append_time", None) is None
    assert getattr(partition, "log_start_offset", -1) == -1
    assert getattr(partition, "record_errors", ()) == ()


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.JOIN_GROUP))
def test_a_refused_join_does_not_echo_the_member(api_key: ApiKey, version: int) -> None:
    answer = refusal(api_key, version, group_id="g", member_id="member-1")
    assert (answer.generation_id, answer.leader, answer.member_id, answer.members) == (-1, "", "", ())
    assert answer.protocol_name == ("" if version < 7 else None)


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.FIND_COORDINATOR, 0, 3))
def test_a_refused_coordinator_has_no_address(api_key: ApiKey, version: int) -> None:
    answer = refusal(api_key, version)
    assert (answer.node_id, answer.host, answer.port) == (-1, "", -1)
    assert getattr(answer, "error_message", "told") == "told"


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.INIT_PRODUCER_ID))
def test_a_refused_producer_has_no_id(api_key: ApiKey, version: int) -> None:
    answer = refusal(api_key, version)
    assert (answer.producer_id, answer.producer_epoch) == (-1, -1)


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.OFFSET_FETCH, 0, 7))
def test_a_refused_offset_is_unknown(api_key: ApiKey, version: int) -> None:
    topic_type = item_type(response_type(api_key, version), "topics")
    (topic,) = topics_with_partitions(api_key, version, "topics", "partition_indexes")
    told = refused_item(topic_type, topic, DENIED)
    assert [(each.partition_index, each.committed_offset, each.metadata) for each in told.partitions] == [
        (3, -1, ""),
        (5, -1, ""),
    ]


@pytest.mark.parametrize(("api_key", "version"), versions(ApiKey.CREATE_TOPICS, 5))
def test_a_refused_creation_has_no_configs(api_key: ApiKey, version: int) -> None:
    topic = build(item_type(request_type(api_key, version), "topics"), name="t", num_partitions=4)
    (told,) = refusal(api_key, version, topics=(topic,)).topics
    assert (told.num_partitions, told.replication_factor, told.configs) == (-1, -1, ())


def test_partitions_are_found_whatever_they_are_called() -> None:
    for api_key, version, field, partitions in (
        (ApiKey.PRODUCE, 9, "topic_data", "partition_data"),
        (ApiKey.FETCH, 12, "topics", "partitions"),
        (ApiKey.OFFSET_FETCH, 7, "topics", "partition_indexes"),
        (ApiKey.OFFSET_FOR_LEADER_EPOCH, 4, "topics", "partitions"),
    ):
        (topic,) = topics_with_partitions(api_key, version, field, partitions)
        assert list(partition_indexes(topic)) == [3, 5]


@pytest.mark.parametrize(
    ("api_key", "version", "can"),
    [
        (ApiKey.WRITE_TXN_MARKERS, 1, True),
        (ApiKey.DESCRIBE_LOG_DIRS, 2, False),
        (ApiKey.DESCRIBE_LOG_DIRS, 3, True),
        (ApiKey.ELECT_LEADERS, 0, True),
        (ApiKey.ELECT_LEADERS, 1, True),
        (ApiKey.PRODUCE, 3, True),
    ],
)
def test_not_every_answer_has_a_place_for_an_error(api_key: ApiKey, version: int, can: bool) -> None:
    assert can_say(api_key, version) is can
