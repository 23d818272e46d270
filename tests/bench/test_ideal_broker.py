"""The broker of the bench answers the same, however the requests are cut."""

import pytest

from bench.load.frames import errors_of, frames_of
from bench.load.jobs import TOPIC, Request
from bench.stage.ideal_broker import IdealBroker
from protocol.apis import ApiKey
from protocol.framing import FrameSplitter

REQUESTS = [
    Request(ApiKey.PRODUCE, 9, 1_000),
    Request(ApiKey.PRODUCE, 9, 300, (TOPIC, "denied"), partitions=3),
    Request(ApiKey.FETCH, 12, 100),
    Request(ApiKey.METADATA, 9, partitions=2),
]


class Answers:
    """Stands in the place of a transport."""

    def __init__(self):
        self.sent = b""

    def writelines(self, pieces):
        self.sent += b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 16, 20, 33, 1_000, 100_000])
def test_requests_are_answered_in_order_however_they_are_cut(size):
    broker, answers = IdealBroker(9092), Answers()
    broker.connection_made(answers)
    stream = b"".join(frame for request in REQUESTS for frame in frames_of(request, 0, 3))
    for at in range(0, len(stream), size):
        broker.data_received(stream[at : at + size])
    splitter = FrameSplitter(1 << 20)
    splitter.feed(answers.sent)
    frames = list(splitter.frames())
    assert len(frames) == 3 * len(REQUESTS)
    for number, frame in enumerate(frames):
        assert errors_of(REQUESTS[number // 3], bytes(frame)) == (0,)
