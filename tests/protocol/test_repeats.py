"""A request is taken for a repeat only if it asks just what was remembered."""

from __future__ import annotations

import pytest

from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.produce import ProduceSummary, summarize
from protocol.repeats import Repeats
from protocol.splice import encode_request
from tests.protocol.entities import seeded

VERSIONS = range(14)
LONGEST = 1 << 20
TRANSACTIONAL = 0x10


def batch(size: int = 61, *, transactional: bool = False) -> bytes:
    """Records of magic 2."""
    head = bytearray(61)
    head[16] = 2
    head[22] = TRANSACTIONAL if transactional else 0
    return bytes(head) + bytes(size)


def produce(
    version: int,
    *topics: str,
    correlation_id: int = 7,
    client: str | None = "client",
    partitions: tuple[int, ...] = (0,),
    records: bytes | None = None,
    acks: int = -1,
    transactional_id: str | None = None,
) -> bytes:
    """A Produce request."""
    request = request_type(ApiKey.PRODUCE, version)
    topic = item_type(request, "topic_data")
    partition = item_type(topic, "partition_data")
    records = batch() if records is None else records
    data = tuple(
        build(topic, name=name, partition_data=tuple(build(partition, index=i, records=records) for i in partitions))
        for name in topics or ("orders",)
    )
    entity = build(request, acks=acks, timeout_ms=1000, topic_data=data, transactional_id=transactional_id)
    return encode_request(ApiKey.PRODUCE, version, correlation_id, client, entity)


def remembering(*frames: bytes) -> Repeats:
    """What is known after these."""
    repeats = Repeats()
    for frame in frames:
        repeats.remember(read_request_head(frame), frame)
    return repeats


def taken(repeats: Repeats, data: bytes, most: int = 100, longest: int = LONGEST) -> tuple[int, int, list[int]]:
    """(bytes, frames, correlation ids)."""
    found: list[int] = []
    return *repeats.follow(data, most, longest, found), found


@pytest.mark.parametrize("version", VERSIONS)
def test_other_records_and_another_correlation_id_are_the_same_question(version: int) -> None:
    repeats = remembering(produce(version))
    frames = [produce(version, correlation_id=n, records=batch(abs(n) * 1000)) for n in range(-3, 20)]
    data = b"".join(frames)
    assert taken(repeats, data) == (len(data), 23, list(range(-3, 20)))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_frame_that_is_not_whole_waits(version: int) -> None:
    frame = produce(version)
    repeats = remembering(frame)
    for cut in range(len(frame)):
        assert taken(repeats, frame + frame[:cut]) == (len(frame), 1, [7])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "other",
    [
        {"client": "other"},
        {"client": None},
        {"partitions": (1,)},
        {"partitions": (0, 1)},
        {"acks": 1},
        {"transactional_id": "t"},
        {"records": batch(transactional=True)},
        {"records": b""},
    ],
)
def test_anything_else_is_another_question(version: int, other: dict[str, object]) -> None:
    frame = produce(version, **other)  # type: ignore[arg-type]
    if other == {"records": b""} or (version < 3 and "transactional_id" in other):
        # Nothing to store is the same question all the same; and the oldest versions have no transactional id.
        assert taken(remembering(produce(version)), frame)[1] == 1
    else:
        assert taken(remembering(produce(version)), frame) == (0, 0, [])


@pytest.mark.parametrize("version", range(13))
def test_another_topic_is_another_question(version: int) -> None:
    repeats = remembering(produce(version, "orders"))
    for topics in (("orderz",), ("order",), ("orders2",), ("orders", "secret")):
        assert taken(repeats, produce(version, *topics)) == (0, 0, [])


@pytest.mark.parametrize("version", VERSIONS)
def test_another_version_or_api_is_another_question(version: int) -> None:
    frame = produce(version)
    for position, value in ((5, 1), (7, version + 1), (7, (version - 1) % 256)):
        assert taken(remembering(frame), frame[:position] + bytes([value]) + frame[position + 1 :]) == (0, 0, [])


@pytest.mark.parametrize("version", VERSIONS)
def test_many_questions_are_known_side_by_side(version: int) -> None:
    frames = [
        produce(version, "a" * n, partitions=(n,), client="x" * m, correlation_id=n)
        for n in range(1, 10)
        for m in range(1, 10)
    ]
    data = b"".join(frames)
    assert taken(remembering(*frames), data) == (len(data), 81, [n for n in range(1, 10) for _ in range(9)])


@pytest.mark.parametrize("version", VERSIONS)
def test_several_partitions_or_topics_are_not_remembered(version: int) -> None:
    assert len(remembering(produce(version, partitions=(0, 1)))) == 0
    assert len(remembering(produce(version, "a", "b"))) == 0


def test_what_expects_no_answer_leaves_no_correlation_id() -> None:
    frame = produce(9, acks=0)
    assert taken(remembering(frame), frame * 3) == (3 * len(frame), 3, [])


def test_no_more_and_no_longer_frames_than_may_be() -> None:
    frame = produce(9)
    assert taken(remembering(frame), frame * 5, most=3)[1] == 3
    assert taken(remembering(frame), frame, longest=len(frame) - 5)[1] == 0
    assert taken(remembering(frame), frame, longest=len(frame) - 4)[1] == 1


def test_what_is_remembered_is_bounded() -> None:
    repeats = remembering(*(produce(9, partitions=(n,)) for n in range(3000)))
    assert 0 < len(repeats) <= 512


def test_what_is_forgotten_is_another_question() -> None:
    frame = produce(9)
    repeats = remembering(frame)
    repeats.forget()
    assert taken(repeats, frame) == (0, 0, [])


def asked(frame: bytes) -> ProduceSummary | None:
    """What the slower way reads in a frame."""
    head = read_request_head(frame)
    return summarize(head.api_version, frame, head.body)


@pytest.mark.parametrize("version", VERSIONS)
def test_whatever_is_taken_asks_what_was_remembered(version: int) -> None:
    """Bytes that are changed at random are either another question, or read by the slower way as the same."""
    rng = seeded("repeats", version)
    frame = produce(version, "orders", records=batch(20), transactional_id="t")
    repeats = remembering(frame)
    answers = {True: 0, False: 0}
    for _ in range(4000):
        changed = bytearray(frame)
        for _ in range(rng.randint(1, 3)):
            changed[rng.randrange(len(changed))] = rng.choice((0, 1, 0x10, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        size, count, _ = taken(repeats, bytes(changed))
        answers[bool(count)] += 1
        if count:
            assert size == len(frame)
            assert asked(bytes(changed)) == asked(frame)
            assert read_request_head(changed)[3:] == read_request_head(frame)[3:]
    assert min(answers.values()) > 100
