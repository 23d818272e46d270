"""What Kafka reads although it is badly written comes out as Kafka reads it."""

from __future__ import annotations

import pytest

from protocol.apis import ApiKey, request_type
from protocol.canonical import canonical_request
from protocol.errors import MalformedFrame
from protocol.header import read_request_head, request_header
from protocol.splice import Message, encode_request
from tests.protocol.entities import EVERY_MESSAGE, random_entity, seeded

REQUESTS = [(key, version) for key, version, kind in EVERY_MESSAGE if kind == "request"]
NO_TAGS = b"\0"


def framed(api_key: ApiKey, version: int, body: bytes) -> bytes:
    content = request_header(api_key, version, 7, "client") + body
    return len(content).to_bytes(4, "big") + content


def canonical(api_key: ApiKey, version: int, body: bytes) -> object:
    """The request as it is read from its canonical form."""
    frame = framed(api_key, version, body)
    better = canonical_request(read_request_head(frame), frame)
    head = read_request_head(better)
    assert canonical_request(head, better) == better
    return Message.request(head, better).entity


@pytest.mark.parametrize(("api_key", "version"), REQUESTS)
def test_what_is_well_written_stays_as_it_is(api_key: ApiKey, version: int) -> None:
    for turn in range(5):
        entity = random_entity(request_type(api_key, version), seeded("canonical", api_key, version, turn))
        frame = encode_request(api_key, version, 7, "client", entity)
        assert canonical_request(read_request_head(frame), frame) == frame


@pytest.mark.parametrize(("version", "body"), [(1, b"\0\0\0\1\0\4a\xffbc"), (9, b"\2\5a\xffbc\0\0\0\0\0")])
def test_bad_bytes_of_a_text_are_replaced(version: int, body: bytes) -> None:
    assert canonical(ApiKey.METADATA, version, body).topics[0].name == "a\N{REPLACEMENT CHARACTER}bc"


def test_any_byte_but_0_is_true() -> None:
    assert canonical(ApiKey.METADATA, 4, b"\0\0\0\0\x07").allow_auto_topic_creation is True


def test_any_negative_length_is_null() -> None:
    assert canonical(ApiKey.METADATA, 1, b"\x80\0\0\0").topics is None
    assert canonical(ApiKey.INIT_PRODUCER_ID, 0, b"\xff\xfe\0\0\0\1").transactional_id is None


@pytest.mark.parametrize("marker", [b"\x80", b"\xfe", b"\xff"])
def test_any_negative_marker_is_no_entity(marker: bytes) -> None:
    assert canonical(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0, b"\1\0\0\0\1" + marker + NO_TAGS).cursor is None


@pytest.mark.parametrize("marker", [b"\0", b"\2", b"\x7f"])
def test_any_other_marker_is_an_entity(marker: bytes) -> None:
    body = b"\1\0\0\0\1" + marker + b"\2x\0\0\0\3\0" + NO_TAGS
    assert canonical(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0, body).cursor.topic_name == "x"


def fetch(tags: bytes) -> bytes:
    """A Fetch of version 15 without topics, whose replica state is tag 1."""
    return bytes(12) + bytes(1) + bytes(8) + b"\1\1\1" + tags


def test_of_a_tagged_field_that_stands_twice_the_last_counts() -> None:
    state = [b"\1\x0d" + bytes(3) + number + bytes(8) + NO_TAGS for number in (b"\5", b"\6")]
    request = canonical(ApiKey.FETCH, 15, fetch(b"\2" + b"".join(state)))
    assert request.replica_state.replica_id == 6


def test_a_known_tagged_field_is_as_long_as_its_type_whatever_it_says() -> None:
    request = canonical(ApiKey.FETCH, 15, fetch(b"\1\1\x01" + bytes(3) + b"\5" + bytes(8) + NO_TAGS))
    assert request.replica_state.replica_id == 5


def test_tagged_fields_may_stand_in_any_order_and_foreign_ones_go() -> None:
    cluster = b"\0\2\2c"
    request = canonical(ApiKey.FETCH, 15, fetch(b"\3\x09\1x" + b"\1\x0d" + bytes(12) + NO_TAGS + cluster))
    assert request.cluster_id == "c"


@pytest.mark.parametrize(
    ("version", "body"),
    [
        pytest.param(1, b"\0\0\0\1\xff\xff", id="a name that is null"),
        pytest.param(1, b"\0\0\0\1\0\5ab", id="cut short"),
        pytest.param(1, b"\x7f\0\0\0\0\0", id="more items than bytes"),
        pytest.param(9, b"\xff\xff\xff\xff\xff\1", id="an endless varint"),
        pytest.param(1, b"", id="nothing"),
    ],
)
def test_what_kafka_cannot_read_is_malformed(version: int, body: bytes) -> None:
    frame = framed(ApiKey.METADATA, version, body)
    with pytest.raises(MalformedFrame):
        canonical_request(read_request_head(frame), frame)


def test_a_text_that_grows_too_long_is_malformed() -> None:
    frame = framed(ApiKey.METADATA, 1, b"\0\0\0\1\x7f\xff" + b"\xff" * 0x7FFF)
    with pytest.raises(MalformedFrame, match="too long"):
        canonical_request(read_request_head(frame), frame)
