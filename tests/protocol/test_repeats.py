"""A request is taken for a repeat only if it asks just what was remembered."""

from __future__ import annotations

from uuid import UUID

import pytest

from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.produce import ProduceSummary, summarize
from protocol.repeats import Begun, Repeats
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


def asked(frame: bytes) -> ProduceSummary | None:
    """What the slower way reads in a frame."""
    head = read_request_head(frame)
    return summarize(head.api_version, frame, head.body)


def remembering(*frames: bytes) -> Repeats:
    """What is known after these."""
    repeats = Repeats()
    for frame in frames:
        summary = asked(frame)
        assert summary is not None
        repeats.remember(read_request_head(frame), frame, summary)
    return repeats


def with_length(frame: bytes) -> bytes:
    """The frame with the length that it has."""
    return (len(frame) - 4).to_bytes(4, "big") + frame[4:]


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
        {"acks": 1},
        {"transactional_id": "t"},
        {"records": batch(transactional=True)},
        {"records": batch(transactional=True), "partitions": (0, 1)},
    ],
)
def test_anything_else_is_another_question(version: int, other: dict[str, object]) -> None:
    frame = produce(version, **other)  # type: ignore[arg-type]
    if version < 3 and "transactional_id" in other:
        # The oldest versions have no transactional id.
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
        for m in range(1, 7)
    ]
    data = b"".join(frames)
    assert taken(remembering(*frames), data) == (len(data), 54, [n for n in range(1, 10) for _ in range(6)])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("partitions", [(), (1,), (0, 1), tuple(range(300))])
@pytest.mark.parametrize("records", [b"", batch(0), batch(20_000), batch(3_000_000)])
def test_other_partitions_of_a_topic_are_the_same_question(
    version: int, partitions: tuple[int, ...], records: bytes
) -> None:
    if len(partitions) > 2 and len(records) > 100_000:
        records = records[:1000]
    frame = produce(version, partitions=partitions, records=records)
    assert taken(remembering(produce(version)), frame, longest=1 << 30) == (len(frame), 1, [7])


@pytest.mark.parametrize("version", range(13))
def test_topics_that_were_let_go_on_may_come_together(version: int) -> None:
    long = "t" * 200
    repeats = remembering(produce(version, "a", "b", partitions=(0, 1)), produce(version, long))
    for topics in (("a",), ("b", "a"), (long, "a", "b"), ("a", "a"), ("b", long) * 70):
        frame = produce(version, *topics, partitions=(3, 4))
        assert taken(repeats, frame) == (len(frame), 1, [7])
    for topics in (("a", "c"), ("c", "a"), ("a", "b", "ab"), ("a", ""), (long + "t",), (long[1:], "a")):
        assert taken(repeats, produce(version, *topics)) == (0, 0, [])


def test_topic_ids_are_known_by_themselves() -> None:
    request = request_type(ApiKey.PRODUCE, 13)
    topic = item_type(request, "topic_data")
    partition = item_type(topic, "partition_data")

    def frame(*ids: int) -> bytes:
        data = tuple(
            build(topic, topic_id=UUID(int=n), partition_data=(build(partition, index=0, records=batch()),))
            for n in ids
        )
        return encode_request(ApiKey.PRODUCE, 13, 7, "client", build(request, acks=-1, timeout_ms=1, topic_data=data))

    repeats = remembering(frame(1), frame(2, 3))
    assert taken(repeats, frame(3, 1))[1] == 1
    for ids in ((4,), (1, 4), (4, 1), (0,)):
        assert taken(repeats, frame(*ids)) == (0, 0, [])


@pytest.mark.parametrize("version", range(3, 14))
def test_records_in_a_transaction_are_known_of_their_own_head_alone(version: int) -> None:
    plain = produce(version, transactional_id="t")
    within = produce(version, transactional_id="t", records=batch(transactional=True))
    assert taken(remembering(plain), within) == (0, 0, [])
    assert taken(remembering(plain, within), within + plain)[1] == 2
    assert taken(remembering(within, plain), within + plain)[1] == 2
    other = produce(version, transactional_id="u", records=batch(transactional=True))
    assert taken(remembering(within, produce(version, transactional_id="u")), other) == (0, 0, [])


@pytest.mark.parametrize("version", range(9))
def test_a_null_array_is_another_question(version: int) -> None:
    frame = produce(version)
    topics = len(frame) - len(batch()) - 4 - 4 - 4 - len("orders") - 2 - 4
    repeats = remembering(frame)
    assert taken(repeats, with_length(frame[:topics] + b"\0\0\0\0"))[1] == 1
    assert taken(repeats, with_length(frame[:topics] + b"\xff\xff\xff\xff")) == (0, 0, [])
    partitions = topics + 4 + 2 + len("orders")
    assert taken(repeats, with_length(frame[:partitions] + b"\0\0\0\0"))[1] == 1
    assert taken(repeats, with_length(frame[:partitions] + b"\xff\xff\xff\xff")) == (0, 0, [])


@pytest.mark.parametrize("version", range(9, 13))
def test_a_null_compact_array_is_another_question(version: int) -> None:
    frame = produce(version, records=b"")
    topics = len(frame) - 3 - 1 - 4 - 1 - len("orders") - 1 - 1
    repeats = remembering(frame)
    assert taken(repeats, with_length(frame[:topics] + b"\1\0"))[1] == 1
    assert taken(repeats, with_length(frame[:topics] + b"\0\0")) == (0, 0, [])
    partitions = topics + 1 + 1 + len("orders")
    assert taken(repeats, with_length(frame[:partitions] + b"\1\0\0"))[1] == 1
    assert taken(repeats, with_length(frame[:partitions] + b"\0\0\0")) == (0, 0, [])


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_behind_the_end_are_another_question(version: int) -> None:
    frame = produce(version)
    assert taken(remembering(frame), with_length(frame + b"\0")) == (0, 0, [])
    assert taken(remembering(frame), with_length(frame[:-1])) == (0, 0, [])


@pytest.mark.parametrize("version", range(9, 13))
@pytest.mark.parametrize("place", [1, 2, 3])
def test_tagged_fields_are_another_question(version: int, place: int) -> None:
    """Of the request, of the topic, of the partition."""
    frame = produce(version)
    tagged = frame[: len(frame) - place] + b"\1\x63\0" + frame[len(frame) - place + 1 :]
    assert taken(remembering(frame), with_length(tagged)) == (0, 0, [])


def test_what_expects_no_answer_leaves_no_correlation_id() -> None:
    frame = produce(9, acks=0)
    assert taken(remembering(frame), frame * 3) == (3 * len(frame), 3, [])


def test_no_more_and_no_longer_frames_than_may_be() -> None:
    frame = produce(9)
    assert taken(remembering(frame), frame * 5, most=3)[1] == 3
    assert taken(remembering(frame), frame, longest=len(frame) - 5)[1] == 0
    assert taken(remembering(frame), frame, longest=len(frame) - 4)[1] == 1


@pytest.mark.parametrize(
    "frames", [[produce(9, f"t{n}") for n in range(5000)], [produce(9, client=f"{n}") for n in range(500)]]
)
def test_what_is_remembered_is_bounded(frames: list[bytes]) -> None:
    repeats = remembering(*frames)
    assert 0 < len(repeats) <= 64 + 2048
    assert taken(repeats, frames[-1])[1] == 1
    assert taken(repeats, frames[0]) == (0, 0, [])


def test_a_request_of_more_topics_than_are_kept_leaves_nothing_behind_that_does_not_fit() -> None:
    many = produce(9, *(f"t{n}" for n in range(3000)))
    repeats = remembering(produce(9, "a"), many)
    assert len(repeats) <= 64 + 2048


def test_what_is_forgotten_is_another_question() -> None:
    frame = produce(9)
    repeats = remembering(frame)
    repeats.forget()
    assert taken(repeats, frame) == (0, 0, [])


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


LARGE = batch(200_000)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_large_frame_is_known_before_it_is_whole(version: int) -> None:
    repeats = remembering(produce(version), produce(version, acks=0))
    frame = produce(version, records=LARGE, partitions=(5,), correlation_id=9)
    seen = [repeats.begin(frame[:cut], 0, LONGEST) for cut in range(200)]
    known = next(cut for cut, begun in enumerate(seen) if begun is not None)
    assert known < len(frame) - 200_000
    zeros = 3 if version >= 9 else 0
    assert seen[known:] == [Begun(len(frame) - cut, zeros, 9) for cut in range(known, 200)]
    assert repeats.begin(produce(version) + frame[:150], len(produce(version)), LONGEST) == seen[150]
    silent = repeats.begin(produce(version, records=LARGE, acks=0)[:150], 0, LONGEST)
    assert silent is not None
    assert silent.correlation_id is None


@pytest.mark.parametrize("version", range(3, 14))
@pytest.mark.parametrize(
    "other",
    [
        {"client": "other"},
        {"transactional_id": "u"},
        {"acks": 1},
        {"partitions": (0, 1)},
        {"records": batch(200_000, transactional=True)},
        {"records": batch(1000)},
    ],
)
def test_a_large_frame_that_asks_anything_else_has_to_come_whole(version: int, other: dict[str, object]) -> None:
    frame = produce(version, **({"records": LARGE} | other))  # type: ignore[arg-type]
    repeats = remembering(produce(version))
    for cut in range(min(len(frame), 300)):
        assert repeats.begin(frame[:cut], 0, LONGEST) is None
    assert repeats.begin(frame[:300], 0, LONGEST) is None


@pytest.mark.parametrize("version", range(3, 13))
def test_a_large_frame_for_another_topic_has_to_come_whole(version: int) -> None:
    repeats = remembering(produce(version, "orders"))
    for topics in (("orderz",), ("order",), ("orders2",), ("orders", "orders"), ("orders", "secret")):
        assert repeats.begin(produce(version, *topics, records=LARGE)[:300], 0, LONGEST) is None


@pytest.mark.parametrize("version", range(3, 14))
def test_large_records_in_a_transaction_are_known_of_their_own_head_alone(version: int) -> None:
    within = produce(version, transactional_id="t", records=batch(transactional=True))
    large = produce(version, transactional_id="t", records=batch(200_000, transactional=True))
    assert remembering(within).begin(large[:200], 0, LONGEST) is not None
    assert remembering(produce(version, transactional_id="t")).begin(large[:200], 0, LONGEST) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_large_frame_that_does_not_end_behind_its_records_has_to_come_whole(version: int) -> None:
    repeats = remembering(produce(version))
    frame = produce(version, records=LARGE)
    for longer in (-200, -4, -1, 1, 200):
        other = (len(frame) - 4 + longer).to_bytes(4, "big") + frame[4:200]
        assert repeats.begin(other, 0, LONGEST) is None
    assert repeats.begin(frame[:200], 0, len(frame) - 5) is None
    assert repeats.begin(frame[:200], 0, len(frame) - 4) is not None


@pytest.mark.parametrize("version", VERSIONS)
def test_what_begins_to_go_on_asks_what_was_remembered(version: int) -> None:
    """Bytes of its head that are changed at random are either another question, or read as the same when whole."""
    rng = seeded("begin", version)
    frame = produce(version, "orders", records=LARGE, transactional_id="t")
    repeats = remembering(frame)
    answers = {True: 0, False: 0}
    for _ in range(1000):
        changed = bytearray(frame)
        changed[rng.randrange(140)] = rng.choice((0, 1, 0x10, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        begun = repeats.begin(bytes(changed[:200]), 0, LONGEST)
        answers[begun is not None] += 1
        if begun is not None:
            assert begun.missing == len(frame) - 200
            assert asked(bytes(changed)) == asked(frame)
    assert min(answers.values()) > 100
