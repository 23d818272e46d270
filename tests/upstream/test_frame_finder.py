"""The answers to our own requests are taken out of the stream, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.frame_finder import FrameFinder
from tests.upstream.support import request

OURS = -4_711


@given(
    before=st.lists(st.binary(max_size=30), max_size=4),
    after=st.lists(st.binary(max_size=30), max_size=4),
    body=st.binary(max_size=30),
    cuts=st.lists(st.integers(1, 20), min_size=1, max_size=30),
)
def test_one_frame_is_found_and_the_others_pass_unchanged(before, after, body, cuts):
    first = b"".join(request(n, each) for n, each in enumerate(before))
    last = b"".join(request(n, each) for n, each in enumerate(after))
    ours = len(body + b"1234").to_bytes(4, "big") + OURS.to_bytes(4, "big", signed=True) + body
    stream = first + ours + last
    finder = FrameFinder()
    finder.wanted = OURS
    passed, found, position, turn = b"", [], 0, 0
    while position < len(stream):
        end = position + cuts[turn % len(cuts)]
        passing, frames = finder.feed(stream[position:end])
        passed, found, position, turn = passed + passing, found + frames, end, turn + 1
    assert found == [ours]
    assert passed == first + last


@pytest.mark.parametrize("wanted", [None, 5])
def test_what_is_not_wanted_passes_at_once(wanted):
    finder = FrameFinder()
    finder.wanted = wanted
    frame = request(4, bytes(100))
    assert finder.feed(frame[:50]) == (frame[:50], [])
    assert finder.feed(frame[50:]) == (frame[50:], [])


def test_a_frame_that_has_begun_is_not_ours_whatever_is_wanted_later():
    finder = FrameFinder()
    frame = request(5, bytes(100))
    assert finder.feed(frame[:50]) == (frame[:50], [])
    finder.wanted = 5
    assert finder.feed(frame[50:] + frame) == (frame[50:], [frame])


def test_it_is_taken_once():
    finder = FrameFinder()
    finder.wanted = 5
    assert finder.feed(request(5) * 2) == (request(5), [request(5)])
