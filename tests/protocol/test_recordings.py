"""What real old clients and brokers said to each other is read wholly, means what it should, and is written alike.

``recordings/record.py`` made the files: its ``step`` says who spoke to a broker of the version that a file is named by.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.header import read_request_head
from protocol.legacy.index import LEGACY_VERSIONS
from protocol.produce import summarize
from protocol.splice import Message, encode_request, encode_response
from proxy.enforcement.fetch_answer import FetchAnswer

RECORDINGS = Path(__file__).parent / "recordings"
UNRECORDED: set[tuple[int, int]] = set()
"""Old versions that no client or broker could be brought to use."""


class Exchange(NamedTuple):
    """A request and its answer."""

    broker: str
    api_key: ApiKey
    version: int
    request: bytes
    response: bytes

    def asked(self) -> Message:
        """The request, read."""
        return Message.request(read_request_head(self.request), self.request)

    def answered(self) -> Message:
        """The answer, read."""
        return Message.response(self.api_key, self.version, self.response)


EXCHANGES = [
    Exchange(
        file.stem,
        ApiKey(entry["api_key"]),
        entry["api_version"],
        bytes.fromhex(entry["request"]),
        bytes.fromhex(entry["response"]),
    )
    for file in sorted(RECORDINGS.glob("*.json"))
    for entry in json.loads(file.read_text())
]
every_exchange = pytest.mark.parametrize(
    "exchange", [pytest.param(each, id=f"{each.broker}-{each.api_key.label}-{each.version}") for each in EXCHANGES]
)


def the(broker: str, api_key: ApiKey, version: int) -> tuple[Any, Any]:
    """Request and answer of one recorded exchange, decoded."""
    (found,) = (each for each in EXCHANGES if (each.broker, each.api_key, each.version) == (broker, api_key, version))
    return found.asked().entity, found.answered().entity


def correlation_id(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def test_every_old_version_was_recorded() -> None:
    old = {(key, version) for key, versions in LEGACY_VERSIONS.items() for version in versions}
    recorded = {(int(each.api_key), each.version) for each in EXCHANGES}
    assert old - recorded == UNRECORDED


@every_exchange
def test_it_is_read_to_its_last_byte(exchange: Exchange) -> None:
    """A message with anything behind its end, or anything unknown in it, would count as edited."""
    for message, raw in ((exchange.asked(), exchange.request), (exchange.answered(), exchange.response)):
        assert not message.edited
        assert b"".join(message.frame_pieces()) == raw


@every_exchange
def test_it_is_written_as_they_wrote_it(exchange: Exchange) -> None:
    head = read_request_head(exchange.request)
    key, version, number = exchange.api_key, exchange.version, correlation_id(exchange.request[8:12])
    assert encode_request(key, version, number, head.client_id, exchange.asked().entity) == exchange.request
    number = correlation_id(exchange.response[4:8])
    assert encode_response(key, version, number, exchange.answered().entity) == exchange.response


@pytest.mark.parametrize(("broker", "version", "magic"), [("0.8.2.2", 0, 0), ("0.9.0.1", 1, 0), ("0.10.2.2", 2, 1)])
def test_produce(broker: str, version: int, magic: int) -> None:
    request, answer = the(broker, ApiKey.PRODUCE, version)
    (topic,) = request.topic_data
    (partition,) = topic.partition_data
    assert (request.acks, topic.name, partition.index) == (1, "orders", 0)
    assert partition.records[16] == magic
    assert partition.records.endswith(b"\x05three")
    (told,) = answer.responses
    (done,) = told.partition_responses
    assert (told.name, done.index, done.error_code, done.base_offset) == ("orders", 0, ErrorCode.none, 0)


@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.api_key is ApiKey.PRODUCE])
def test_a_produce_is_summed_up(exchange: Exchange) -> None:
    summary = summarize(exchange.version, exchange.request, read_request_head(exchange.request).body)
    assert summary is not None
    assert summary == (None, 1, ("orders",), False)


@pytest.mark.parametrize(("broker", "version"), [("0.8.2.2", 0), ("0.9.0.1", 1), ("0.10.2.2", 2), ("0.10.2.2", 3)])
def test_fetch(broker: str, version: int) -> None:
    request, answer = the(broker, ApiKey.FETCH, version)
    (topic,) = request.topics
    (partition,) = topic.partitions
    assert (topic.topic, partition.partition, partition.fetch_offset) == ("orders", 0, 0)
    # The oldest shell calls itself a debugger.
    assert request.replica_id == (-2 if version == 0 else -1)
    assert getattr(request, "max_bytes", None) == (52428800 if version == 3 else None)
    (told,) = answer.responses
    (data,) = told.partitions
    assert (told.topic, data.partition_index, data.error_code) == ("orders", 0, ErrorCode.none)
    assert data.high_watermark >= 3
    assert b"three" in data.records


@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.api_key is ApiKey.FETCH])
def test_a_fetch_answer_passes_as_it_comes(exchange: Exchange) -> None:
    stream = FetchAnswer(exchange.version, (), None, None)
    pieces = [piece for n in range(0, len(exchange.response), 7) for piece in stream.feed(_part(exchange, n))]
    assert b"".join(pieces) == exchange.response


def _part(exchange: Exchange, begin: int) -> memoryview:
    return memoryview(exchange.response)[begin : begin + 7]


@pytest.mark.parametrize("broker", ["0.8.2.2", "0.9.0.1", "0.10.2.2"])
def test_list_offsets(broker: str) -> None:
    request, answer = the(broker, ApiKey.LIST_OFFSETS, 0)
    (asked,) = request.topics[0].partitions
    assert (request.topics[0].name, asked.timestamp, asked.max_num_offsets) == ("orders", -2, 1)
    (told,) = answer.topics[0].partitions
    assert (answer.topics[0].name, told.error_code, told.old_style_offsets) == ("orders", ErrorCode.none, (0,))


@pytest.mark.parametrize(("version", "group", "offset"), [(0, "shipping", 1), (1, "billing", 3)])
def test_offsets_of_groups(version: int, group: str, offset: int) -> None:
    request, answer = the("0.8.2.2", ApiKey.OFFSET_COMMIT, version)
    (topic,) = request.topics
    (partition,) = topic.partitions
    assert (request.group_id, topic.name, partition.committed_offset) == (group, "orders", offset)
    assert getattr(partition, "commit_timestamp", None) == (-1 if version else None)
    assert answer.topics[0].partitions[0].error_code == ErrorCode.none
    asked, told = the("0.8.2.2", ApiKey.OFFSET_FETCH, 0)
    assert (asked.group_id, asked.topics[0].partition_indexes) == ("shipping", (0,))
    assert told.topics[0].partitions[0].committed_offset == 1


@pytest.mark.parametrize("version", [0, 1])
def test_topics_are_created(version: int) -> None:
    request, answer = the("0.10.2.2", ApiKey.CREATE_TOPICS, version)
    (topic,) = request.topics
    assert (topic.num_partitions, topic.replication_factor) == (2, 1)
    assert [(config.name, config.value) for config in topic.configs] == [("retention.ms", "1000")]
    assert getattr(request, "validate_only", False) is False
    assert [(told.name, told.error_code) for told in answer.topics] == [(topic.name, ErrorCode.none)]


def test_topics_are_deleted() -> None:
    request, answer = the("0.10.2.2", ApiKey.DELETE_TOPICS, 0)
    assert [(told.name, told.error_code) for told in answer.responses] == [(request.topic_names[0], ErrorCode.none)]


def test_the_ends_of_epochs() -> None:
    request, answer = the("2.8.2", ApiKey.OFFSET_FOR_LEADER_EPOCH, 1)
    asked = next(topic for topic in request.topics if topic.topic == "orders")
    told = next(topic for topic in answer.topics if topic.topic == "orders")
    assert asked.partitions[0].leader_epoch == told.partitions[0].leader_epoch == 0
    assert told.partitions[0].end_offset == 3
    request, answer = the("1.1.1", ApiKey.OFFSET_FOR_LEADER_EPOCH, 0)
    assert {topic.topic for topic in request.topics} == {topic.topic for topic in answer.topics}


def test_the_marker_of_a_transaction() -> None:
    request, answer = the("0.11.0.3", ApiKey.WRITE_TXN_MARKERS, 0)
    (marker,) = request.markers
    assert (marker.transaction_result, marker.topics[0].name, marker.topics[0].partition_indexes) == (
        True,
        "orders",
        (0,),
    )
    assert answer.markers[0].topics[0].partitions[0].error_code == ErrorCode.none


def test_acls() -> None:
    alice = ("User:alice", "*", 3, 3)

    def who(acl: Any) -> tuple[str, str, int, int]:
        return acl.principal, acl.host, acl.operation, acl.permission_type

    request, answer = the("0.11.0.3", ApiKey.CREATE_ACLS, 0)
    assert [(acl.resource_name, who(acl)) for acl in request.creations] == [("orders", alice)]
    assert [result.error_code for result in answer.results] == [ErrorCode.none]
    request, answer = the("0.11.0.3", ApiKey.DESCRIBE_ACLS, 0)
    assert (request.resource_name_filter, request.principal_filter) == ("orders", None)
    assert [(found.resource_name, *map(who, found.acls)) for found in answer.resources] == [("orders", alice)]
    request, answer = the("0.11.0.3", ApiKey.DELETE_ACLS, 0)
    assert [(each.principal_filter, each.host_filter) for each in request.filters] == [("User:alice", "*")]
    assert [who(acl) for acl in answer.filter_results[0].matching_acls] == [alice]


def test_configurations() -> None:
    request, answer = the("0.11.0.3", ApiKey.DESCRIBE_CONFIGS, 0)
    assert request.resources[0].configuration_keys == ("cleanup.policy", "retention.ms")
    (result,) = answer.results
    assert (result.resource_type, result.resource_name) == (2, "orders")
    assert [(each.name, each.value, each.is_default) for each in result.configs] == [
        ("cleanup.policy", "delete", True),
        ("retention.ms", "604800000", True),
    ]


def test_log_directories() -> None:
    request, answer = the("1.1.1", ApiKey.ALTER_REPLICA_LOG_DIRS, 0)
    assert [(topic.name, topic.partitions) for topic in request.dirs[0].topics] == [("orders", (0,))]
    assert [(told.topic_name, told.partitions[0].partition_index) for told in answer.results] == [("orders", 0)]
    request, answer = the("1.1.1", ApiKey.DESCRIBE_LOG_DIRS, 0)
    assert request.topics is None
    sizes = {topic.name: topic.partitions[0].partition_size for topic in answer.results[0].topics}
    assert sizes["orders"] == 93


def test_delegation_tokens() -> None:
    request, made = the("1.1.1", ApiKey.CREATE_DELEGATION_TOKEN, 0)
    assert [(renewer.principal_type, renewer.principal_name) for renewer in request.renewers] == [("User", "bob")]
    assert (made.principal_type, made.principal_name, len(made.hmac)) == ("User", "alice", 64)
    assert made.issue_timestamp < made.expiry_timestamp < made.max_timestamp
    request, told = the("1.1.1", ApiKey.DESCRIBE_DELEGATION_TOKEN, 0)
    assert [owner.principal_name for owner in request.owners] == ["alice"]
    (token,) = told.tokens
    assert (token.token_id, token.hmac, token.max_timestamp) == (made.token_id, made.hmac, made.max_timestamp)
    assert [renewer.principal_name for renewer in token.renewers] == ["bob"]
    for api_key, period in (
        (ApiKey.RENEW_DELEGATION_TOKEN, "renew_period"),
        (ApiKey.EXPIRE_DELEGATION_TOKEN, "expiry_time_period"),
    ):
        request, told = the("1.1.1", api_key, 0)
        assert (request.hmac, getattr(request, period)) == (made.hmac, 3_600_000)
        assert made.issue_timestamp + 3_600_000 <= told.expiry_timestamp < made.expiry_timestamp
