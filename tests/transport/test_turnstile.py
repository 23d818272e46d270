"""A crowd of newcomers does not keep those waiting who are there already."""

import asyncio

import pytest

from proxy.transport.turnstile import Turnstile
from tests.transport.support import within

FRAME = b"\0\0\0\x0e\0\0\0\0" + bytes(10)


async def enter(turnstile, name, entered):
    await turnstile.enter()
    entered.append(name)


async def turn_of_the_loop():
    await asyncio.sleep(0)


async def test_in_each_turn_of_the_loop_a_few_enter_and_others_run_in_between():
    turnstile, entered = Turnstile(at_once=3), []
    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(enter(turnstile, number, entered))
        seen = 0
        while len(entered) < 30:
            await turn_of_the_loop()
            assert len(entered) - seen <= 3
            seen = len(entered)
    assert entered == list(range(30))


async def test_after_a_crowd_the_next_one_enters_at_once():
    turnstile, entered = Turnstile(at_once=1), []
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(enter(turnstile, number, entered))
    await turn_of_the_loop()
    await turn_of_the_loop()
    await enter(turnstile, "late", entered)
    assert entered == [0, 1, 2, 3, 4, "late"]


async def test_who_gave_up_waiting_takes_nobodys_place():
    turnstile, entered = Turnstile(at_once=1), []
    tasks = [asyncio.get_running_loop().create_task(enter(turnstile, number, entered)) for number in range(4)]
    await turn_of_the_loop()
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert entered == [0, 1, 3]
    with pytest.raises(asyncio.CancelledError):
        await tasks[2]


class Closed(Turnstile):
    """Tells that somebody came, and lets nobody in until it is opened."""

    def __init__(self):
        super().__init__()
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def enter(self):
        self.reached.set()
        await self.open.wait()


async def test_a_handshake_waits_for_its_turn_while_established_connections_go_on(world):
    port = await world.relay(tls=world.certificates.tls())
    context = world.certificates.client_context()
    reader, writer = await world.connect(port, tls=context)
    writer.write(FRAME)
    broker_reader, broker_writer = await world.broker.accepted()
    world.around.turnstile = closed = Closed()
    late = asyncio.get_running_loop().create_task(world.connect(port, tls=context))
    await within(closed.reached.wait())
    assert await within(broker_reader.readexactly(len(FRAME))) == FRAME
    broker_writer.write(b"answer")
    assert await within(reader.readexactly(6)) == b"answer"
    assert not late.done()
    closed.open.set()
    _, late_writer = await within(late)
    for each in (writer, late_writer):
        each.close()
