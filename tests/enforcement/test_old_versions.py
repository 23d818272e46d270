"""Versions before Kafka 4: the rules are those of today, the shape of a denial is the one of then.

Each shape was compared with what a Kafka 3.9.1 that is secured itself answers to the same request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.apis import ApiKey
from protocol.codec import encode_entity
from protocol.legacy.index import LEGACY_VERSIONS
from proxy.enforcement.table import TABLE
from tests.enforcement.support import GAF, NONE, TAF, answered, naming, run

THROTTLE = "00000000"
SECRET = "0006" + b"secret".hex()
ONE = "00000001"
PARTITION_0 = "00000000"
DENIED = "001d"
NO_GROUP = "001e"
NONE_OF_64 = "ff" * 8
SENTENCE = "001b" + b"Topic authorization failed.".hex()

ONE_TOPIC = ONE + SECRET + ONE
DENIALS = {
    (ApiKey.PRODUCE, 0): ONE_TOPIC + PARTITION_0 + DENIED + NONE_OF_64,
    (ApiKey.PRODUCE, 1): ONE_TOPIC + PARTITION_0 + DENIED + NONE_OF_64 + THROTTLE,
    (ApiKey.PRODUCE, 2): ONE_TOPIC + PARTITION_0 + DENIED + NONE_OF_64 + NONE_OF_64 + THROTTLE,
    (ApiKey.FETCH, 0): ONE_TOPIC + PARTITION_0 + DENIED + NONE_OF_64 + "00000000",
    **{
        (ApiKey.FETCH, version): THROTTLE + ONE_TOPIC + PARTITION_0 + DENIED + NONE_OF_64 + "00000000"
        for version in (1, 2, 3)
    },
    (ApiKey.LIST_OFFSETS, 0): ONE_TOPIC + PARTITION_0 + DENIED + "00000000",
    (ApiKey.OFFSET_COMMIT, 0): ONE_TOPIC + PARTITION_0 + DENIED,
    (ApiKey.OFFSET_COMMIT, 1): ONE_TOPIC + PARTITION_0 + DENIED,
    (ApiKey.OFFSET_FETCH, 0): ONE_TOPIC + PARTITION_0 + NONE_OF_64 + "0000" + DENIED,
    (ApiKey.CREATE_TOPICS, 0): ONE + SECRET + DENIED,
    (ApiKey.CREATE_TOPICS, 1): ONE + SECRET + DENIED + "0015" + b"Authorization failed.".hex(),
    (ApiKey.DELETE_TOPICS, 0): ONE + SECRET + DENIED,
    (ApiKey.OFFSET_FOR_LEADER_EPOCH, 0): ONE_TOPIC + DENIED + PARTITION_0 + NONE_OF_64,
    (ApiKey.OFFSET_FOR_LEADER_EPOCH, 1): ONE_TOPIC + DENIED + PARTITION_0 + "ffffffff" + NONE_OF_64,
    (ApiKey.DESCRIBE_CONFIGS, 0): THROTTLE + ONE + DENIED + SENTENCE + "02" + SECRET + "00000000",
}
"""The bytes of the answer to who names the topic ``secret`` without any right on it."""


@pytest.mark.parametrize(("api_key", "version"), DENIALS)
def test_a_denial_has_the_bytes_of_its_time(api_key: ApiKey, version: int) -> None:
    outcome = run(api_key, version, naming(api_key, version, "secret"))
    assert encode_entity(outcome.answer).hex() == DENIALS[api_key, version]


def test_no_old_version_of_an_api_that_names_topics_is_left_out() -> None:
    by_cluster = {key for key in TABLE if key >= ApiKey.DESCRIBE_ACLS} - {ApiKey.DESCRIBE_CONFIGS}
    by_cluster |= {ApiKey.WRITE_TXN_MARKERS}
    old = {(ApiKey(key), version) for key, versions in LEGACY_VERSIONS.items() for version in versions}
    assert {(key, version) for key, version in old if key in TABLE and key not in by_cluster} == set(DENIALS)


@pytest.mark.parametrize(
    ("api_key", "version", "denied"),
    [
        (ApiKey.OFFSET_COMMIT, 0, PARTITION_0 + NO_GROUP),
        (ApiKey.OFFSET_COMMIT, 1, PARTITION_0 + NO_GROUP),
        (ApiKey.OFFSET_FETCH, 0, PARTITION_0 + NONE_OF_64 + "0000" + NO_GROUP),
    ],
)
def test_a_denied_group_is_told_at_every_partition(api_key: ApiKey, version: int, denied: str) -> None:
    outcome = run(api_key, version, naming(api_key, version, "secret", "open", group="other"))
    assert outcome.forwarded is None
    assert [error for _, error in answered(api_key, outcome.answer)] == [GAF, GAF]
    raw = encode_entity(outcome.answer).hex()
    assert raw == "00000002" + SECRET + ONE + denied + "0004" + b"open".hex() + ONE + denied


@pytest.mark.parametrize("version", range(4))
def test_a_fetch_as_a_replica_is_refused_though_the_oldest_brokers_took_it_from_anybody(version: int) -> None:
    outcome = run(ApiKey.FETCH, version, naming(ApiKey.FETCH, version, "open", "secret", replica_id=3))
    assert outcome.forwarded is None
    assert [error for _, error in answered(ApiKey.FETCH, outcome.answer)] == [TAF, TAF]


@pytest.mark.parametrize("version", range(3))
@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("compression", range(4))
def test_message_sets_pass_untouched(version: int, magic: int, compression: int) -> None:
    """A wrapper's compressed messages are nobody's business but the broker's."""
    message = bytes(8) + b"\0\0\0\x13" + bytes(4) + bytes([magic, compression]) + b"\xff" * 4 + b"\0\0\0\x05inner"
    request: Any = naming(ApiKey.PRODUCE, version, "open", "secret")
    request = _with_records(request, message)
    outcome = run(ApiKey.PRODUCE, version, request)
    assert outcome.asked.topic_data == (request.topic_data[0],)
    assert outcome.asked.topic_data[0].partition_data[0].records == message
    assert answered(ApiKey.PRODUCE, outcome.answer) == [("open", NONE), ("secret", TAF)]


def _with_records(request: Any, records: bytes) -> Any:
    topics = tuple(
        replace(topic, partition_data=tuple(replace(each, records=records) for each in topic.partition_data))
        for topic in request.topic_data
    )
    return replace(request, topic_data=topics)
