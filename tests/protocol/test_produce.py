"""A Produce read in place says what decoding says."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest

from protocol.apis import ApiKey, known_versions, request_type
from protocol.errors import MalformedFrame
from protocol.header import read_request_head
from protocol.produce import summarize
from protocol.splice import encode_request
from tests.protocol.entities import random_entity

VERSIONS = known_versions(ApiKey.PRODUCE)


def transactional(records: bytes | None) -> bool:
    return bool(records) and len(records) > 22 and records[16] in range(2, 256) and bool(records[22] & 0x10)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_says_what_decoding_says(version: int) -> None:
    rng = random.Random(version)
    for _ in range(100):
        entity: Any = random_entity(request_type(ApiKey.PRODUCE, version), rng)
        frame = encode_request(ApiKey.PRODUCE, version, 1, None, entity)
        summary = summarize(version, frame, read_request_head(frame).body)
        assert summary is not None
        assert (summary.transactional_id, summary.acks) == (entity.transactional_id, entity.acks)
        keys = [t.name if version < 13 else t.topic_id or UUID(int=0) for t in entity.topic_data]
        assert list(summary.topics) == keys
        flags = [transactional(p.records) for t in entity.topic_data for p in t.partition_data]
        assert summary.transactional == any(flags)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_produce_that_is_cut_short_is_malformed(version: int) -> None:
    rng = random.Random(version)
    entity: Any = random_entity(request_type(ApiKey.PRODUCE, version), rng)
    frame = encode_request(ApiKey.PRODUCE, version, 1, None, entity)
    body = read_request_head(frame).body
    for end in range(body, len(frame)):
        with pytest.raises(MalformedFrame):
            summarize(version, frame[:end], body)
