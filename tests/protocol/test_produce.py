"""A Produce read in place says what decoding says, and never more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build, item_type
from protocol.errors import MalformedFrame
from protocol.header import read_request_head, request_header
from protocol.produce import ProduceSummary, summarize
from protocol.splice import Message, encode_request, with_length
from tests.protocol.entities import HandEncoder, random_entity, seeded

VERSIONS = known_versions(ApiKey.PRODUCE)
FLEXIBLE = range(9, VERSIONS.stop)
every_version = pytest.mark.parametrize("version", VERSIONS)
TRANSACTIONAL, COMPRESSED_TRANSACTIONAL, PLAIN, COMPRESSED = 0x10, 0x14, 0x00, 0x04


def batch(attributes: int, magic: int = 2) -> bytes:
    """The header of a record batch, and some records."""
    header = bytes(16) + bytes([magic]) + bytes(4) + attributes.to_bytes(2, "big")
    return header + bytes(61 - len(header)) + b"records"


def produce(version: int, *topics: Sequence[bytes | None]) -> Any:
    """A Produce of these topics, each of these records."""
    entity_type = request_type(ApiKey.PRODUCE, version)
    topic_type = item_type(entity_type, "topic_data")
    partition_type = item_type(topic_type, "partition_data")
    return build(
        entity_type,
        acks=-1,
        topic_data=tuple(
            build(
                topic_type,
                name=f"topic-{number}",
                topic_id=UUID(int=number + 1),
                partition_data=tuple(
                    build(partition_type, index=index, records=each) for index, each in enumerate(records)
                ),
            )
            for number, records in enumerate(topics)
        ),
    )


def summary_of(version: int, entity: Any) -> ProduceSummary | None:
    frame = encode_request(ApiKey.PRODUCE, version, 1, "client", entity)
    return summarize(version, frame, read_request_head(frame).body)


def first_batch_is_transactional(records: bytes | None) -> bool:
    return records is not None and len(records) > 22 and records[16] >= 2 and bool(records[22] & 0x10)


@every_version
def test_it_says_what_decoding_says(version: int) -> None:
    rng = seeded("produce", version)
    for _ in range(200):
        entity: Any = random_entity(request_type(ApiKey.PRODUCE, version), rng)
        found = summary_of(version, entity)
        assert found is not None
        assert (found.transactional_id, found.acks) == (getattr(entity, "transactional_id", None), entity.acks)
        keys = [topic.name if version < 13 else topic.topic_id or UUID(int=0) for topic in entity.topic_data]
        assert list(found.topics) == keys
        records = [partition.records for topic in entity.topic_data for partition in topic.partition_data]
        assert found.transactional == any(map(first_batch_is_transactional, records))


@every_version
def test_a_produce_cut_short_anywhere_is_malformed(version: int) -> None:
    rng = seeded("cut", version)
    for _ in range(5):
        entity: Any = random_entity(request_type(ApiKey.PRODUCE, version), rng, longest=40)
        frame = encode_request(ApiKey.PRODUCE, version, 1, None, entity)
        body = read_request_head(frame).body
        for end in range(body, len(frame)):
            with pytest.raises(MalformedFrame):
                summarize(version, frame[:end], body)


@every_version
def test_a_frame_that_is_a_view_is_read_alike(version: int) -> None:
    frame = encode_request(ApiKey.PRODUCE, version, 1, "client", produce(version, [batch(PLAIN)]))
    body = read_request_head(frame).body
    assert summarize(version, memoryview(frame), body) == summarize(version, frame, body)


@every_version
@pytest.mark.parametrize(
    ("topics", "transactional"),
    [
        pytest.param(([batch(TRANSACTIONAL)],), True, id="alone"),
        pytest.param(([batch(COMPRESSED_TRANSACTIONAL)],), True, id="compressed"),
        pytest.param(([batch(PLAIN), batch(COMPRESSED)],), False, id="none"),
        pytest.param(([None, b"", batch(TRANSACTIONAL)],), True, id="behind partitions without records"),
        pytest.param(([batch(PLAIN)], [], [batch(PLAIN), batch(TRANSACTIONAL)]), True, id="last of all"),
        pytest.param(([batch(TRANSACTIONAL)], [batch(PLAIN)]), True, id="first of all"),
        pytest.param(([batch(PLAIN) + batch(TRANSACTIONAL)],), False, id="not the first batch of its partition"),
        pytest.param(([batch(TRANSACTIONAL, magic=1)],), False, id="an old message set"),
        pytest.param(([batch(0x1000)],), False, id="another bit"),
        pytest.param(([batch(TRANSACTIONAL)[:23]],), True, id="cut behind the flag"),
        pytest.param(([batch(TRANSACTIONAL)[:22], batch(TRANSACTIONAL)[:16]],), False, id="cut before the flag"),
    ],
)
def test_the_first_batch_of_any_partition_makes_it_transactional(
    version: int, topics: tuple[Sequence[bytes | None], ...], transactional: bool
) -> None:
    found = summary_of(version, produce(version, *topics))
    assert found is not None
    assert found.transactional is transactional


@every_version
def test_a_topic_that_stands_there_twice_is_there_twice(version: int) -> None:
    entity = produce(version, [batch(PLAIN)])
    found = summary_of(version, replace(entity, topic_data=entity.topic_data * 2))
    assert found is not None
    assert len(found.topics) == 2
    assert len(set(found.topics)) == 1


@every_version
def test_a_produce_of_nothing_names_nothing(version: int) -> None:
    found = summary_of(version, produce(version))
    assert found is not None
    assert (found.topics, found.transactional) == ((), False)


@pytest.mark.parametrize("version", FLEXIBLE)
def test_tagged_fields_are_left_to_the_slower_way(version: int) -> None:
    rng = seeded("tags", version)
    header = request_header(ApiKey.PRODUCE, version, 1, "client")
    for topics in ((), ([],), ([batch(PLAIN)],), ([b"", None], [batch(PLAIN)])):
        raw = HandEncoder(foreign=rng).encode(produce(version, *topics))
        frame = b"".join(with_length([header, raw]))
        assert summarize(version, frame, read_request_head(frame).body) is None


@pytest.mark.parametrize("version", FLEXIBLE)
def test_tagged_fields_of_the_header_are_left_to_the_slower_way(version: int) -> None:
    header = request_header(ApiKey.PRODUCE, version, 1, "client")
    raw = HandEncoder().encode(produce(version, [batch(PLAIN)]))
    frame = b"".join(with_length([header[:-1], b"\x01\x09\x00", raw]))
    assert summarize(version, frame, read_request_head(frame).body) is None


@every_version
def test_bytes_behind_the_end_are_left_to_the_slower_way(version: int) -> None:
    frame = encode_request(ApiKey.PRODUCE, version, 1, "client", produce(version, [batch(PLAIN)])) + b"\0"
    assert summarize(version, frame, read_request_head(frame).body) is None


@every_version
@pytest.mark.parametrize("array", range(3))
def test_an_array_that_announces_too_much_is_never_summed_up(version: int, array: int) -> None:
    """It is malformed, or looks as if it had tagged fields: then the slower way finds it malformed."""
    raw = HandEncoder(huge_array=array).encode(produce(version, [batch(PLAIN)], [batch(PLAIN)]))
    frame = b"".join(with_length([request_header(ApiKey.PRODUCE, version, 1, None), raw]))
    head = read_request_head(frame)
    with pytest.raises(MalformedFrame):
        _ = summarize(version, frame, head.body) or Message.request(head, frame)


ACKS_AND_TIMEOUT = b"\xff\xff" + bytes(4)


@pytest.mark.parametrize(
    ("version", "body"),
    [
        pytest.param(0, ACKS_AND_TIMEOUT + b"\xff" * 4, id="null topics, old"),
        pytest.param(3, b"\xff\xff" + ACKS_AND_TIMEOUT + b"\xff" * 4, id="null topics"),
        pytest.param(9, b"\0" + ACKS_AND_TIMEOUT + b"\0\0", id="null topics, compact"),
        pytest.param(3, b"\xff\xff" + ACKS_AND_TIMEOUT + b"\0\0\0\1\xff\xff\0\0\0\0", id="null name"),
        pytest.param(9, b"\0" + ACKS_AND_TIMEOUT + b"\2\0\1\0\0", id="null name, compact"),
        pytest.param(3, b"\xff\xff" + ACKS_AND_TIMEOUT + b"\0\0\0\1\0\1t\xff\xff\xff\xff", id="null partitions"),
        pytest.param(9, b"\0" + ACKS_AND_TIMEOUT + b"\2\2t\0\0\0", id="null partitions, compact"),
        pytest.param(2, ACKS_AND_TIMEOUT + b"\0\0\0\1\xff\xff\0\0\0\0", id="null name, old"),
        pytest.param(3, b"\xff\xfe" + ACKS_AND_TIMEOUT + bytes(4), id="negative transactional id"),
        pytest.param(3, b"\xff\xff" + ACKS_AND_TIMEOUT + b"\0\0\0\1\xff\xfe\0\0\0\0", id="negative name"),
        pytest.param(
            3,
            b"\xff\xff" + ACKS_AND_TIMEOUT + b"\0\0\0\1\0\1t\0\0\0\1\0\0\0\0\xff\xff\xff\xfe",
            id="negative records",
        ),
        pytest.param(3, b"\0\1\xff" + ACKS_AND_TIMEOUT + bytes(4), id="text that is not UTF-8"),
        pytest.param(9, b"\2\xff" + ACKS_AND_TIMEOUT + b"\1\0", id="text that is not UTF-8, compact"),
    ],
)
def test_what_kafka_cannot_read_is_malformed(version: int, body: bytes) -> None:
    frame = b"".join(with_length([request_header(ApiKey.PRODUCE, version, 1, None), body]))
    with pytest.raises(MalformedFrame):
        summarize(version, frame, read_request_head(frame).body)
