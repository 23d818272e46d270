"""A Fetch read in place says what decoding says, or nothing at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build, item_type
from protocol.errors import ProtocolError
from protocol.fetch import FetchSummary, summarize
from protocol.header import RequestHead, read_request_head
from protocol.splice import Message, encode_request
from tests.protocol.entities import seeded

VERSIONS = known_versions(ApiKey.FETCH)
SESSIONS, RACK, FLEXIBLE, TOPIC_IDS, REPLICA_STATE = 7, 11, 12, 13, 15
every_version = pytest.mark.parametrize("version", VERSIONS)
from_sessions_on = pytest.mark.parametrize("version", range(SESSIONS, VERSIONS.stop))
flexible = pytest.mark.parametrize("version", range(FLEXIBLE, VERSIONS.stop))


def topic(version: int, number: int, partitions: int, **values: Any) -> Any:
    entity = item_type(request_type(ApiKey.FETCH, version), "topics")
    partition = item_type(entity, "partitions")
    return build(
        entity,
        topic=f"topic-{number}",
        topic_id=UUID(int=number + 1),
        partitions=tuple(build(partition, partition=n, fetch_offset=n << 40, **values) for n in range(partitions)),
    )


def fetch(version: int, *partitions: int, **values: Any) -> Any:
    """A Fetch of topics with so many partitions each."""
    topics = tuple(topic(version, number, count) for number, count in enumerate(partitions))
    known = {"max_bytes": 1 << 20, "session_id": 0, "session_epoch": -1, "rack_id": "", **values}
    return build(request_type(ApiKey.FETCH, version), topics=topics, **known)


def framed(version: int, entity: Any) -> tuple[bytes, int]:
    frame = encode_request(ApiKey.FETCH, version, 1, "client", entity)
    return frame, read_request_head(frame).body


def summary_of(version: int, entity: Any) -> FetchSummary | None:
    return summarize(version, *framed(version, entity))


def decoded(version: int, entity: Any) -> FetchSummary:
    """The same from the decoded request."""
    replica = entity.replica_state.replica_id if version >= REPLICA_STATE else entity.replica_id
    session = (entity.session_id, entity.session_epoch) if version >= SESSIONS else (0, -1)
    names = [each.topic_id or UUID(int=0) if version >= TOPIC_IDS else each.topic for each in entity.topics]
    return FetchSummary(replica, *session, tuple(names))


@every_version
@pytest.mark.parametrize("partitions", [(), (0,), (1,), (3, 0, 150), (1,) * 200], ids=str)
def test_it_says_what_decoding_says(version: int, partitions: tuple[int, ...]) -> None:
    entity = fetch(version, *partitions, session_id=77, session_epoch=5, rack_id="rack-a")
    assert summary_of(version, entity) == decoded(version, entity)


@pytest.mark.parametrize("version", [version for version in VERSIONS if version < REPLICA_STATE])
def test_who_calls_itself_a_replica_is_seen(version: int) -> None:
    found = summary_of(version, fetch(version, 1, replica_id=3))
    assert found is not None
    assert found.replica_id == 3


@pytest.mark.parametrize("version", range(REPLICA_STATE, VERSIONS.stop))
def test_who_calls_itself_a_replica_in_a_tagged_field_is_left_to_be_decoded(version: int) -> None:
    entity = fetch(version, 1)
    state = replace(entity.replica_state, replica_id=type(entity.replica_state.replica_id)(3))
    assert summary_of(version, replace(entity, replica_state=state)) is None


@from_sessions_on
def test_topics_to_be_forgotten_are_left_to_be_decoded(version: int) -> None:
    entity_type = request_type(ApiKey.FETCH, version)
    forgotten = build(item_type(entity_type, "forgotten_topics_data"), topic="x", topic_id=UUID(int=9), partitions=(1,))
    assert summary_of(version, fetch(version, 1, forgotten_topics_data=(forgotten,))) is None


@every_version
def test_bytes_behind_the_end_and_ends_that_are_missing_are_left_to_be_decoded(version: int) -> None:
    frame, body = framed(version, fetch(version, 2, 1, rack_id="rack"))
    assert summarize(version, frame, body) is not None
    assert summarize(version, frame + b"\0", body) is None
    for end in range(body, len(frame)):
        assert summarize(version, frame[:end], body) is None


@flexible
def test_a_tagged_field_anywhere_is_left_to_be_decoded(version: int) -> None:
    """Each zero that says "no tagged fields" is made a one: then a field would follow."""
    frame, body = framed(version, fetch(version, 2, 1))
    behind_topics = len(frame) - 3
    of_a_topic, of_a_partition, of_the_request = behind_topics - 1, behind_topics - 2, len(frame) - 1
    of_the_header = body - 1
    for position in (of_a_topic, of_a_partition, of_the_request):
        assert frame[position] == 0
        assert summarize(version, frame[:position] + b"\1" + frame[position + 1 :], body) is None
    tagged_header = frame[:of_the_header] + b"\1\0\0" + frame[body:]
    assert summarize(version, tagged_header, body + 2) is None


@every_version
def test_whatever_bytes_come_it_never_says_anything_else_than_decoding(version: int) -> None:
    rng = seeded("fetch", version)
    for _ in range(300):
        partitions = [rng.choice((0, 1, 2, 5)) for _ in range(rng.randrange(4))]
        frame, body = framed(version, fetch(version, *partitions, session_id=rng.randrange(3), rack_id="r"))
        spoilt = bytearray(frame)
        for _ in range(rng.randrange(1, 3)):
            spoilt[rng.randrange(body, len(frame))] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        agrees_or_is_silent(version, bytes(spoilt))


def agrees_or_is_silent(version: int, frame: bytes) -> None:
    try:
        head: RequestHead = read_request_head(frame)
    except ProtocolError:
        return
    found = summarize(version, frame, head.body)
    if found is not None:
        message = Message.request(head, frame)
        assert found == decoded(version, message.entity)
        assert b"".join(message.frame_pieces()) == frame


@every_version
def test_a_frame_that_is_a_view_is_read_alike(version: int) -> None:
    frame, body = framed(version, fetch(version, 1, 2))
    assert summarize(version, memoryview(frame), body) == summarize(version, frame, body)
