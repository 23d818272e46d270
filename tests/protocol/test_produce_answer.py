"""An answer that is called plain has nothing in it but offsets."""

from __future__ import annotations

from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, response_type
from protocol.codec import build, item_type
from protocol.produce_answer import is_plain
from protocol.splice import decode_response, encode_response
from tests.protocol.entities import random_entity, seeded

VERSIONS = range(10, 14)


def answer(version: int, topics: int = 1, partitions: int = 1, **values: Any) -> bytes:
    """The answer to a Produce that went well."""
    body = response_type(ApiKey.PRODUCE, version)
    topic = item_type(body, "responses")
    partition = item_type(topic, "partition_responses")
    done = tuple(build(partition, index=index, base_offset=5) for index in range(partitions))
    responses = tuple(build(topic, name=f"orders{n}", partition_responses=done) for n in range(topics))
    return encode_response(ApiKey.PRODUCE, version, 7, build(body, **{"responses": responses} | values))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("topics", "partitions"), [(0, 0), (1, 0), (1, 1), (3, 200), (200, 3)])
def test_offsets_alone_are_plain(version: int, topics: int, partitions: int) -> None:
    raw = answer(version, topics, partitions)
    assert is_plain(version, raw, 0, len(raw))
    assert is_plain(version, b"xyz" + raw + raw, 3, 3 + len(raw))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_is_plain_but_its_message_or_leader_is_not(version: int) -> None:
    topic = item_type(response_type(ApiKey.PRODUCE, version), "responses")
    partition = item_type(topic, "partition_responses")
    leader = build(item_type(partition, "current_leader"), leader_id=3)
    error = {"error_code": ErrorCode.not_leader_or_follower}
    for values, expected in (
        (error, True),
        (error | {"error_message": "x"}, False),
        ({"current_leader": leader}, False),
    ):
        responses = (build(topic, name="orders", partition_responses=(build(partition, **values),)),)
        raw = answer(version, responses=responses)
        assert is_plain(version, raw, 0, len(raw)) is expected


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_with_addresses_is_never_plain(version: int) -> None:
    entity_type = response_type(ApiKey.PRODUCE, version)
    for turn in range(300):
        entity = random_entity(entity_type, seeded("plain", version, turn))
        raw = encode_response(ApiKey.PRODUCE, version, 7, entity)
        if is_plain(version, raw, 0, len(raw)):
            assert decode_response(ApiKey.PRODUCE, version, raw)[1].node_endpoints == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_that_are_cut_or_changed_hide_no_address(version: int) -> None:
    entity_type = response_type(ApiKey.PRODUCE, version)
    node = build(item_type(entity_type, "node_endpoints"), node_id=1, host="b", port=9)
    raw = answer(version, 2, 2, node_endpoints=(node,))
    assert not any(is_plain(version, raw, 0, end) for end in range(len(raw) + 1))
    plain = answer(version, 2, 2)
    assert not any(is_plain(version, plain, 0, end) for end in range(len(plain)))
