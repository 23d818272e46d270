"""A thousand strangers at once, from one address: whoever is known is served on, and others still come in."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.splice import encode_request
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK
from tests.integration.conftest import make_topic
from tests.integration.door import ENOUGH_S, Door, eventually
from tests.integration.wire import Wire, produce_values

pytestmark = pytest.mark.kafka

STRANGERS = 1_000
ELSEWHERE = "127.0.0.2"
REQUESTS = 200
LOGINS = 10
PER_ADDRESS = 500
FAILURES = 100

Storm = Callable[[Door, asyncio.Event], Awaitable[None]]


@pytest.fixture
def door(kafka_4_1: KafkaCluster, tmp_path: Path) -> Iterator[Door]:
    """One of its own: what a storm leaves behind is nobody else's business."""
    door = Door(tmp_path / "door", kafka_4_1.bootstrap_servers, "limits: {handshake_timeout_s: 120}\n").start()
    yield door
    door.stop()


class Traffic(threading.Thread):
    """A client that was known before: writes and asks, and counts what it is answered."""

    def __init__(self, door: Door, topic: str) -> None:
        super().__init__()
        self.over = threading.Event()
        self.asked = self.answered = 0
        self.failure: BaseException | None = None
        self._topic = topic
        self._client = Wire(door.ports["sasl_plaintext"], source=ELSEWHERE)
        assert self._client.log_in("alice", "alice-password").error_message is None
        self._ask()

    def run(self) -> None:
        try:
            while self.asked < REQUESTS or not self.over.is_set():
                self._ask()
        except BaseException as failure:  # noqa: BLE001 - the test tells it
            self.failure = failure
        finally:
            self._client.close()

    def _ask(self) -> None:
        self.asked += 1
        if self.asked % 2:
            answer = self._client.ask(ApiKey.PRODUCE, 9, **produce_values({self._topic: b"x"}))
            found = answer.responses[0].partition_responses[0].error_code
        else:
            answer = self._client.ask(ApiKey.METADATA, 9, topics=[{"name": self._topic}])
            found = answer.topics[0].error_code
        assert found is ErrorCode.none
        self.answered += 1


async def reconnects(door: Door, _over: asyncio.Event) -> None:
    """Come, say a word and go, again and again."""
    for _ in range(3):
        _, writer = await asyncio.open_connection(LOOPBACK, door.ports["sasl_plaintext"])
        writer.write(_request(ApiKey.SASL_HANDSHAKE, mechanism="PLAIN"))
        writer.close()


async def tells_a_wrong_password(door: Door, _over: asyncio.Event) -> None:
    """As often as a client that tries again does."""
    for attempt in range(3):
        reader, writer = await asyncio.open_connection(LOOPBACK, door.ports["sasl_plaintext"])
        writer.write(_request(ApiKey.SASL_HANDSHAKE, mechanism="PLAIN"))
        writer.write(_request(ApiKey.SASL_AUTHENTICATE, auth_bytes=b"\0alice\0wrong%d" % attempt))
        await reader.read()
        writer.close()


async def never_finishes_its_handshake(door: Door, over: asyncio.Event) -> None:
    """The beginning of a ClientHello, and no more."""
    _, writer = await asyncio.open_connection(LOOPBACK, door.ports["sasl_ssl"])
    writer.write(b"\x16\x03\x01\x02\x00")
    await over.wait()
    writer.close()


def _request(api_key: ApiKey, **values: object) -> bytes:
    return encode_request(api_key, 1, 1, "stranger", build(request_type(api_key, 1), **values))


async def rage(door: Door, storm: Storm) -> None:
    """A thousand of them; while they are there, somebody from elsewhere logs in some times."""
    over = asyncio.Event()

    async def one() -> None:
        with contextlib.suppress(ConnectionError):
            await storm(door, over)

    async with asyncio.timeout(120), asyncio.TaskGroup() as strangers:
        for _ in range(STRANGERS):
            strangers.create_task(one())
        for _ in range(LOGINS):
            await asyncio.to_thread(_log_in, door, ELSEWHERE)
        if storm is never_finishes_its_handshake:
            await asyncio.to_thread(eventually, lambda: _refused(door, "handshakes") >= STRANGERS - PER_ADDRESS)
            assert door.counter("doorkeeper_handshakes") == PER_ADDRESS
        over.set()


def _log_in(door: Door, source: str) -> None:
    with Wire(door.ports["sasl_plaintext"], source=source) as client:
        assert client.log_in("bob", "bob-password").error_message is None


def _refused(door: Door, reason: str) -> float:
    return door.counter("doorkeeper_connections_refused_total", reason=reason)


@pytest.mark.parametrize("storm", [reconnects, tells_a_wrong_password, never_finishes_its_handshake])
def test_whoever_is_known_is_served_on_and_others_still_come_in(
    door: Door, kafka_4_1: KafkaCluster, unique_name: Callable[[str], str], storm: Storm
) -> None:
    traffic = Traffic(door, make_topic(kafka_4_1, unique_name("a")))
    traffic.start()
    try:
        asyncio.run(rage(door, storm))
    finally:
        traffic.over.set()
        traffic.join(ENOUGH_S)
    assert traffic.failure is None
    assert traffic.answered == traffic.asked >= REQUESTS
    known = [line["principal"] for line in door.audited("authentication.succeeded")]
    assert sorted(known) == ["User:alice"] + ["User:bob"] * LOGINS
    if storm is tells_a_wrong_password:
        assert len(door.audited("authentication.failed", username="alice")) >= FAILURES
        assert _refused(door, "failed_logins") > 0
    eventually(lambda: door.counter("doorkeeper_handshakes") == 0)
    eventually(lambda: _comes_in(door))  # where the storm came from, too
    assert door.counter("doorkeeper_session_bugs_total") == 0
    assert "bug:" not in door.log()


def _comes_in(door: Door) -> bool:
    try:
        _log_in(door, LOOPBACK)
    except ConnectionError:
        return False
    return True
