"""A stream of frames, wherever it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import FrameTooLarge, MalformedFrame
from protocol.framing import FrameSplitter


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


def test_a_frame_that_came_whole_is_not_copied() -> None:
    splitter = FrameSplitter(1000)
    chunk = framed(b"one") + framed(b"two")
    splitter.feed(chunk)
    assert [frame.obj is chunk for frame in splitter.frames()] == [True, True]


def test_a_length_beyond_the_limit_is_refused_before_the_bytes_come() -> None:
    splitter = FrameSplitter(10)
    splitter.feed((11).to_bytes(4, "big"))
    with pytest.raises(FrameTooLarge):
        splitter.next()


def test_a_negative_length_is_malformed() -> None:
    splitter = FrameSplitter(10)
    splitter.feed(b"\xff\xff\xff\xff")
    with pytest.raises(MalformedFrame):
        splitter.next()


def test_a_frame_put_back_comes_again() -> None:
    splitter = FrameSplitter(1000)
    splitter.feed(framed(b"one") + framed(b"two"))
    first = splitter.next()
    assert first is not None
    splitter.put_back(first)
    assert list(map(bytes, splitter.frames())) == [framed(b"one"), framed(b"two")]
