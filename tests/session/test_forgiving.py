"""A request that is badly written but that Kafka reads is judged, and sent on, as Kafka reads it."""

from __future__ import annotations

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.header import request_header
from tests.session.support import Desk, Policy

ODD = "a\N{REPLACEMENT CHARACTER}b"
POLICY = f"""
policies:
  - name: odd
    principals: [User:alice]
    allow: [Write, Describe]
    topics: ["{ODD}"]
"""
METADATA = b"\0\0\0\1\0\3a\xffb\x07"
PRODUCE_3 = b"\xff\xff\0\1\0\0\0\0\0\0\0\1\0\3a\xffb\0\0\0\1\0\0\0\0\xff\xff\xff\xfe"
PRODUCE_9 = b"\0\0\1\0\0\0\0\2\4a\xffb\2\0\0\0\0\0\0\0\0"


def send(desk: Desk, api_key: ApiKey, version: int, body: bytes) -> None:
    content = request_header(api_key, version, 7, "client") + body
    desk.do(desk.session.client_bytes(len(content).to_bytes(4, "big") + content))


@pytest.mark.parametrize(
    ("api_key", "version", "body"),
    [(ApiKey.METADATA, 4, METADATA), (ApiKey.PRODUCE, 3, PRODUCE_3), (ApiKey.PRODUCE, 9, PRODUCE_9)],
)
def test_it_is_sent_on_in_a_form_with_one_reading(api_key: ApiKey, version: int, body: bytes) -> None:
    desk = Desk(policy=Policy(POLICY))
    send(desk, api_key, version, body)
    assert desk.closed is None
    found = desk.at_broker()
    assert found is not None
    frame, _ = found
    assert ODD.encode() in frame
    assert b"a\xffb" not in frame


@pytest.mark.parametrize(("version", "body"), [(3, PRODUCE_3), (9, PRODUCE_9)])
def test_it_is_denied_by_the_name_that_kafka_reads(version: int, body: bytes) -> None:
    desk = Desk("User:bob", policy=Policy(POLICY))
    send(desk, ApiKey.PRODUCE, version, body)
    assert desk.sent_to_broker == b""
    (topic,) = desk.at_client(ApiKey.PRODUCE, version).responses
    assert (topic.name, topic.partition_responses[0].error_code) == (ODD, ErrorCode.topic_authorization_failed)


def test_what_kafka_cannot_read_either_closes_the_connection() -> None:
    desk = Desk()
    send(desk, ApiKey.METADATA, 4, b"\0\0\0\1\xff\xff\1")
    assert desk.sent_to_broker == b""
    assert desk.closed == "malformed_request"
