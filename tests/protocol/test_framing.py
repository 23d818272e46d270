"""A stream of frames, wherever it is cut."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.errors import FrameTooLarge, MalformedFrame, ProxyHeader
from protocol.framing import MOST_BYTES, FrameSplitter
from protocol.header import read_request_head
from protocol.splice import Message, encode_request

CHUNK = 1 << 18


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@given(bodies=st.lists(st.binary(max_size=50)), cuts=st.lists(st.integers(1, 30)))
def test_any_cut_of_the_stream_gives_the_same_frames(bodies: list[bytes], cuts: list[int]) -> None:
    splitter = FrameSplitter(1000)
    stream = b"".join(map(framed, bodies))
    seen: list[bytes] = []
    for cut in [*cuts, max(len(stream), 1)]:
        chunk, stream = stream[:cut], stream[cut:]
        splitter.feed(chunk)
        seen += map(bytes, splitter.frames())
    assert seen == list(map(framed, bodies))
    assert splitter.buffered == 0


@pytest.mark.parametrize("cut", range(1, 12))
@pytest.mark.parametrize("limit", [100, MOST_BYTES])
def test_a_proxy_header_is_no_frame_whatever_the_limit(limit: int, cut: int) -> None:
    splitter = FrameSplitter(limit)
    splitter.feed(b"\r\n\r\n\0\r\nQUIT\n"[:cut])
    if cut < 4:
        assert splitter.next() is None
        splitter.feed(b"\r\n\r\n\0\r\nQUIT\n"[cut:])
    with pytest.raises(ProxyHeader):
        splitter.next()


@given(
    bodies=st.lists(st.binary(max_size=20), min_size=1),
    steps=st.lists(st.one_of(st.integers(1, 30), st.sampled_from(["next", "put back"]))),
)
def test_frames_taken_and_put_back_at_any_time_are_the_same(bodies: list[bytes], steps: list[int | str]) -> None:
    """Whoever must wait puts a frame back, whatever of the next one has come by then."""
    splitter = FrameSplitter(1000)
    stream = b"".join(map(framed, bodies))
    seen: list[memoryview] = []
    for step in [*steps, max(len(stream), 1)]:
        if isinstance(step, int):
            splitter.feed(stream[:step])
            stream = stream[step:]
        elif step == "put back" and seen:
            splitter.put_back(seen.pop())
        elif step == "next" and (frame := splitter.next()) is not None:
            seen.append(frame)
    seen += splitter.frames()
    assert list(map(bytes, seen)) == list(map(framed, bodies))


@given(body=st.binary(max_size=50), cut=st.integers(1, 60), more=st.binary(max_size=20))
def test_what_is_held_is_what_came_and_was_not_handed_out(body: bytes, cut: int, more: bytes) -> None:
    splitter = FrameSplitter(1000)
    chunk = framed(body)[:cut]
    splitter.feed(chunk)
    handed_out = sum(map(len, splitter.frames()))
    splitter.feed(more[:2])
    assert splitter.buffered == len(chunk) - handed_out + len(more[:2])


def test_frames_that_came_whole_are_views_of_their_chunk() -> None:
    splitter = FrameSplitter(1000)
    chunk = framed(b"one") + framed(b"two")
    splitter.feed(chunk)
    assert [frame.obj is chunk for frame in splitter.frames()] == [True, True]


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_broken_frame_alone_is_joined_not_what_follows_it(cut: int) -> None:
    splitter = FrameSplitter(1000)
    stream = framed(b"first") + framed(b"second")
    splitter.feed(stream[:cut])
    assert splitter.next() is None
    chunk = stream[cut:]
    splitter.feed(chunk)
    first, second = splitter.frames()
    assert (bytes(first), bytes(second)) == (framed(b"first"), framed(b"second"))
    assert second.obj is chunk


def test_the_beginning_of_a_frame_does_not_keep_its_chunk_alive() -> None:
    splitter = FrameSplitter(1000)
    chunk = framed(b"whole") + framed(b"broken")[:-1]
    before = sys.getrefcount(chunk)
    splitter.feed(chunk)
    assert len(list(splitter.frames())) == 1
    assert sys.getrefcount(chunk) == before


def test_memory_grows_with_what_comes_not_with_what_is_announced_nor_with_the_number_of_chunks() -> None:
    splitter = FrameSplitter(100 << 20)
    stream = (100 << 20).to_bytes(4, "big") + bytes(5000)
    for position in range(len(stream)):
        splitter.feed(stream[position : position + 1])
        assert splitter.next() is None
    assert splitter._broken is not None
    assert sys.getsizeof(splitter._broken) < 2 * len(stream)


@pytest.mark.parametrize("first", [1, 4, 8, 10])
def test_every_frame_is_read_only_and_can_be_decoded(first: int) -> None:
    """kio's readers want read-only buffers, also of a frame that was joined."""
    wanted = build(request_type(ApiKey.HEARTBEAT, 4), group_id="g", member_id="m")
    frame = encode_request(ApiKey.HEARTBEAT, 4, 1, "client", wanted)
    splitter = FrameSplitter(1000)
    splitter.feed(frame[:first])
    assert splitter.next() is None
    splitter.feed(frame[first:])
    found = splitter.next()
    assert found is not None
    assert found.readonly
    assert Message.request(read_request_head(found), found).entity == wanted


def test_a_frame_as_large_as_the_limit_passes() -> None:
    splitter = FrameSplitter(10)
    splitter.feed(framed(bytes(10)))
    assert splitter.next() == framed(bytes(10))


@pytest.mark.parametrize("cut", [1, 3, 4])
@pytest.mark.parametrize(
    ("prefix", "fault"),
    [((11).to_bytes(4, "big"), FrameTooLarge), (b"\xff\xff\xff\xff", MalformedFrame), (b"\x80\0\0\0", MalformedFrame)],
)
def test_a_length_that_cannot_be_is_refused_before_the_bytes_come(
    prefix: bytes, fault: type[Exception], cut: int
) -> None:
    splitter = FrameSplitter(10)
    splitter.feed(prefix[:cut])
    if cut < 4:
        assert splitter.next() is None
        splitter.feed(prefix[cut:])
    with pytest.raises(fault):
        splitter.next()


def test_the_limit_may_be_raised_between_frames() -> None:
    splitter = FrameSplitter(10)
    splitter.feed(framed(b"small") + framed(bytes(11)))
    assert splitter.next() == framed(b"small")
    splitter.limit = 11
    assert splitter.next() == framed(bytes(11))


def test_a_large_frame_in_many_chunks_is_whole() -> None:
    body = bytes(range(256)) * (CHUNK // 64)
    splitter = FrameSplitter(1 << 23)
    stream = framed(body)
    seen = []
    for begin in range(0, len(stream), CHUNK):
        splitter.feed(stream[begin : begin + CHUNK])
        seen += list(splitter.frames())
    assert seen == [stream]


@given(
    held=st.binary(max_size=40), cut=st.integers(0, 40), count=st.integers(0, 20), length=st.sampled_from([1001, 2**30])
)
def test_what_is_abandoned_is_gone_but_for_its_beginning(held: bytes, cut: int, count: int, length: int) -> None:
    splitter = FrameSplitter(1000)
    stream = length.to_bytes(4, "big") + held
    try:
        for chunk in (stream[:cut], stream[cut:]):
            splitter.feed(chunk)
            splitter.next()
    except FrameTooLarge:
        pass
    stream = stream[:cut] if cut >= 4 else stream
    assert splitter.abandon(count) == stream[:count]
    assert splitter.buffered == 0
