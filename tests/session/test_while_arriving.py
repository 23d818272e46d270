"""A large Produce that repeats one that was let go on is sent on while it arrives."""

from __future__ import annotations

from random import Random

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.codec import build, item_type
from proxy.session.commands import Timer
from proxy.session.context import SessionLimits
from tests.session.support import POLICY, Desk, Policy
from tests.session.test_serving import produce

SIZE = 300_000
VERSIONS = range(3, 13)


def large(version: int, topic: str = "orders", *, acks: int = 1, size: int = SIZE) -> object:
    """A Produce of one partition with so many bytes of records."""
    request = request_type(ApiKey.PRODUCE, version)
    topic_type = item_type(request, "topic_data")
    partition_type = item_type(topic_type, "partition_data")
    records = bytes(8) + (size - 12).to_bytes(4, "big") + bytes(4) + b"\x02" + bytes(size - 17)
    partition = build(partition_type, index=3, records=records)
    return build(request, acks=acks, topic_data=(build(topic_type, name=topic, partition_data=(partition,)),))


def served(
    version: int = 9, *, acks: int = 1, policy: Policy | None = None, limits: SessionLimits | None = None
) -> Desk:
    """A session in which a small Produce was let go on and answered."""
    desk = Desk(policy=policy, limits=limits)
    frame = desk.send(ApiKey.PRODUCE, version, produce(version, "orders", acks=acks))
    if acks:
        desk.answer(frame)
        assert desk.raw_at_client() is not None
    assert desk.at_broker() is not None
    desk.sent_to_broker = b""
    return desk


def feed(desk: Desk, *chunks: bytes) -> None:
    """These come from the client, one after the other."""
    for chunk in chunks:
        desk.do(desk.session.client_bytes(chunk))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_broker_has_what_has_come(version: int) -> None:
    desk = served(version)
    frame = desk.request(ApiKey.PRODUCE, version, large(version))
    for begin, end in ((0, 200), (200, 100_000), (100_000, len(frame) - 1)):
        feed(desk, frame[begin:end])
        assert desk.sent_to_broker == frame[:end]
    feed(desk, frame[-1:])
    assert desk.sent_to_broker == frame
    assert desk.answer(frame) == desk.raw_at_client()
    assert desk.context.requests == {ApiKey.PRODUCE.value: 2}


def test_a_small_one_goes_on_in_one_piece() -> None:
    desk = served()
    frame = desk.request(ApiKey.PRODUCE, 9, large(9, size=20_000))
    feed(desk, frame[:-1])
    assert desk.sent_to_broker == b""
    feed(desk, frame[-1:])
    assert desk.sent_to_broker == frame


@pytest.mark.parametrize("topic", ["secret", "orders2"])
def test_what_nobody_has_judged_waits_until_it_is_whole(topic: str) -> None:
    desk = served()
    frame = desk.request(ApiKey.PRODUCE, 9, large(9, topic))
    feed(desk, frame[:-1], frame[-1:])
    assert desk.sent_to_broker == b""
    (answer,) = desk.at_client(ApiKey.PRODUCE, 9).responses
    assert answer.partition_responses[0].error_code == ErrorCode.topic_authorization_failed


@pytest.mark.parametrize("version", VERSIONS)
def test_what_comes_behind_it_is_judged(version: int) -> None:
    desk = served(version)
    one = desk.request(ApiKey.PRODUCE, version, large(version))
    denied = desk.request(ApiKey.PRODUCE, version, produce(version, "secret"))
    two = desk.request(ApiKey.PRODUCE, version, large(version))
    whole = one + denied + two
    cut = len(one) + len(denied) + 300
    feed(desk, whole[:1000], whole[1000:cut], whole[cut:])
    assert desk.sent_to_broker == one + two
    assert desk.context.requests == {ApiKey.PRODUCE.value: 4}
    desk.answer(one)
    assert desk.raw_at_client() is not None
    (answer,) = desk.at_client(ApiKey.PRODUCE, version).responses
    assert answer.name == "secret"


@pytest.mark.parametrize("version", range(9, 13))
@pytest.mark.parametrize("where", [1, 2, 3])
@pytest.mark.parametrize("split", [[0], [1], [2], [3], [4], [1, 2], [1, 2, 3], [100_000, 2]])
def test_one_with_tagged_fields_never_reaches_the_broker_whole(version: int, where: int, split: list[int]) -> None:
    """They could say what was not judged; and they cannot be cut out of what is on its way."""
    desk = served(version)
    frame = bytearray(desk.request(ApiKey.PRODUCE, version, large(version)))
    frame[-where] = 1
    cuts = [200, *sorted(len(frame) - behind for behind in split), len(frame)]
    begin = 0
    for cut in cuts:
        if desk.closed is None:
            feed(desk, bytes(frame[begin:cut]))
        begin = cut
    assert desk.closed == "malformed_request"
    assert len(desk.sent_to_broker) < len(frame)
    assert bytes(frame).startswith(desk.sent_to_broker)


def test_a_policy_change_reaches_the_one_behind_it() -> None:
    policy = Policy()
    desk = served(policy=policy)
    one, two = (desk.request(ApiKey.PRODUCE, 9, large(9)) for _ in range(2))
    feed(desk, one[:1000])
    policy.change(POLICY.replace("[Read, Write, Create]", "[Read]"))
    feed(desk, one[1000:] + two[:1000], two[1000:])
    assert desk.sent_to_broker == one


def test_all_of_one_read_are_counted() -> None:
    desk = served()
    small = [desk.request(ApiKey.PRODUCE, 9, produce(9, "orders")) for _ in range(3)]
    frame = desk.request(ApiKey.PRODUCE, 9, large(9))
    feed(desk, b"".join(small) + frame[:1000])
    assert desk.sent_to_broker == b"".join(small) + frame[:1000]
    assert desk.context.requests == {ApiKey.PRODUCE.value: 5}


def test_the_last_slot_does_not_keep_its_own_bytes_away() -> None:
    desk = served(limits=SessionLimits(max_in_flight=1))
    one, two = (desk.request(ApiKey.PRODUCE, 9, large(9)) for _ in range(2))
    feed(desk, one[:1000])
    desk.do(desk.session.broker_bytes(b""))
    assert desk.reading
    feed(desk, one[1000:] + two[:1000])
    assert desk.sent_to_broker == one
    assert not desk.reading
    desk.answer(one)
    assert desk.reading
    feed(desk, two[1000:])
    assert desk.sent_to_broker == one + two


def test_without_a_free_slot_it_waits() -> None:
    desk = served(limits=SessionLimits(max_in_flight=1))
    small, frame = desk.request(ApiKey.PRODUCE, 9, produce(9, "orders")), desk.request(ApiKey.PRODUCE, 9, large(9))
    feed(desk, small + frame[:1000])
    assert desk.sent_to_broker == small
    desk.answer(small)
    feed(desk, frame[1000:])
    assert desk.sent_to_broker == small + frame


def test_draining_waits_for_it() -> None:
    desk = served(limits=SessionLimits(max_in_flight=1))
    one, two = (desk.request(ApiKey.PRODUCE, 9, large(9)) for _ in range(2))
    feed(desk, one[:1000])
    desk.do(desk.session.drain())
    assert desk.reading
    feed(desk, one[1000:] + two)
    assert desk.sent_to_broker == one
    assert desk.closed is None
    desk.answer(one)
    assert desk.closed == "drained"


def test_a_client_that_goes_in_the_middle_of_it_is_gone() -> None:
    desk = served()
    frame = desk.request(ApiKey.PRODUCE, 9, large(9))
    feed(desk, frame[:1000])
    desk.do(desk.session.client_closed())
    assert desk.closed == "client_closed"
    assert desk.sent_to_broker == frame[:1000]


def test_a_client_that_falls_silent_in_the_middle_of_it_is_idle() -> None:
    desk = served()
    feed(desk, desk.request(ApiKey.PRODUCE, 9, large(9))[:1000])
    desk.do(desk.session.timer_fired(Timer.IDLE))
    assert desk.closed is None
    desk.do(desk.session.timer_fired(Timer.IDLE))
    assert desk.closed == "idle_timeout"


def test_a_client_that_waits_for_the_answer_to_it_is_not_idle() -> None:
    desk = served()
    feed(desk, desk.request(ApiKey.PRODUCE, 9, large(9)))
    for _ in range(3):
        desk.do(desk.session.timer_fired(Timer.IDLE))
    assert desk.closed is None


def test_without_acknowledgement_it_leaves_no_slot() -> None:
    desk = served(acks=0)
    frame = desk.request(ApiKey.PRODUCE, 9, large(9, acks=0))
    feed(desk, frame[:1000], frame[1000:])
    assert desk.sent_to_broker == frame
    assert not desk.session._answers.slots


def test_one_that_is_larger_than_a_request_may_be_is_refused() -> None:
    desk = served(limits=SessionLimits(socket_request_max_bytes=SIZE))
    feed(desk, desk.request(ApiKey.PRODUCE, 9, large(9))[:1000])
    assert desk.closed == "request_too_large"
    assert desk.sent_to_broker == b""


def test_an_audit_trail_of_grants_has_each() -> None:
    desk = Desk(grants=True)
    for _ in range(2):
        frame = desk.request(ApiKey.PRODUCE, 9, large(9))
        before = desk.sent_to_broker
        feed(desk, frame[:1000])
        assert desk.sent_to_broker == before
        feed(desk, frame[1000:])
        assert desk.sent_to_broker == before + frame


@pytest.mark.parametrize("version", VERSIONS)
def test_however_it_is_cut_the_broker_gets_the_same(version: int) -> None:
    rng = Random(version)
    desk = served(version)
    frames = [
        desk.request(ApiKey.PRODUCE, version, large(version, rng.choice(("orders", "orders", "secret")), size=size))
        for size in (70_000, 100, 250_000, 65_000, 1000, 400_000, 64_000, 80_000)
        for _ in range(3)
    ]
    allowed = [frame for frame in frames if b"secret" not in frame]
    data = b"".join(frames)
    while data:
        cut = rng.choice((1, 50, 500, 5_000, 50_000, 256 * 1024))
        feed(desk, data[:cut])
        data = data[cut:]
        while (found := desk.at_broker()) is not None:
            desk.answer(found[0])
    assert desk.sent_to_broker == b"".join(allowed)
