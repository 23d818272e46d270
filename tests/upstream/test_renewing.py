"""Authenticating again on a connection in use: nobody notices, and requests are never lost, doubled or out of order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.upstream.hop import SecuredHop
from proxy.upstream.mechanisms import MechanismFailed
from tests.transport.support import until, within
from tests.upstream.support import SecuredBroker, plain_client, request, scram_client

LIFE_S = 0.1


class User(asyncio.Protocol):
    """Sends when it is told to, and knows whether it may."""

    def __init__(self) -> None:
        self.received = b""
        self.may_write = True
        self.ended = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data

    def pause_writing(self):
        self.may_write = False

    def resume_writing(self):
        self.may_write = True

    def connection_lost(self, _exc):
        self.ended = True


class World:
    def __init__(self):
        self.executor = ThreadPoolExecutor(4)
        self.told = []

    def upstream_failed(self, _broker, step, detail, _remedy):
        self.told.append((step, detail))

    async def connect(self, mechanism):
        hop = SecuredHop(self, self.executor, mechanism=lambda _host: mechanism())
        self.user = await within(hop.connect(User, "127.0.0.1", self.broker.port, None))
        return self.user


@pytest.fixture
async def world():
    world = World()
    world.broker = await SecuredBroker(life_s=LIFE_S).start()
    yield world
    world.user.transport.abort()
    await world.broker.stop()
    world.executor.shutdown()


@pytest.mark.parametrize("mechanism", [plain_client, scram_client])
async def test_requests_go_on_while_we_authenticate_again(world, mechanism):
    user = await world.connect(mechanism)
    desk = world.broker.desks[0]
    sent = b""
    number = 0
    while desk.logins < 4:
        number += 1
        frame = request(number, bytes(number % 50))
        user.transport.write(frame)
        sent += frame
        await asyncio.sleep(0)
    await until(lambda: len(user.received) == len(sent))
    assert user.received == sent
    assert not user.ended
    assert world.told == []
    assert len(world.broker.desks) == 1


async def test_what_is_sent_meanwhile_waits_and_the_user_is_told(world):
    user = await world.connect(plain_client)
    desk = world.broker.desks[0]
    world.broker.silent = True
    await until(lambda: not user.may_write)
    user.transport.write(request(1))
    await until(lambda: len(world.broker.received) == 4)  # the two logins have begun, and nothing else has come
    assert request(1) not in world.broker.received
    world.broker.silent = False
    answer = desk.answer(world.broker.received[-1])
    world.broker.writers[0].write(answer)
    await until(lambda: user.received == request(1))
    await until(lambda: user.may_write)


@pytest.mark.parametrize("end", ["close", "write_eof"])
async def test_what_waits_is_sent_before_the_end(world, end):
    user = await world.connect(plain_client)
    desk = world.broker.desks[0]
    world.broker.silent = True
    await until(lambda: not user.may_write)
    user.transport.write(request(1))
    getattr(user.transport, end)()
    assert user.transport.is_closing()
    world.broker.silent = False
    await until(lambda: len(world.broker.received) == 4)
    world.broker.writers[0].write(desk.answer(world.broker.received[-1]))
    await until(lambda: world.broker.received[-1] == request(1))


async def test_a_broker_that_does_not_take_us_again_ends_it(world):
    passwords = iter(["sesame, open=1", "changed"])
    user = await world.connect(lambda: plain_client(next(passwords)))
    await until(lambda: user.ended)
    ((step, detail),) = world.told
    assert step == "sasl_authenticate"
    assert "Authentication failed" in detail


async def test_without_new_credentials_the_old_login_serves_on(world):
    made = []

    def once():
        if made:
            raise MechanismFailed("no token")
        made.append(1)
        return plain_client()

    user = await world.connect(once)
    await until(lambda: world.told)
    assert world.told == [("credentials", "no token")]
    user.transport.write(request(1))
    await until(lambda: user.received == request(1))


async def test_nothing_is_left_of_a_connection_that_has_ended(world):
    user = await world.connect(plain_client)
    waiting = [task for task in asyncio.all_tasks() if "_renew_for_ever" in repr(task)]
    assert len(waiting) == 1
    world.broker.writers[0].transport.abort()
    await until(lambda: user.ended)
    await until(lambda: all(task.done() for task in waiting))


async def test_who_is_known_for_ever_never_authenticates_again(world):
    world.broker.life_s = 0
    user = await world.connect(plain_client)
    assert user.transport.get_extra_info("socket") is not None
    assert type(user.transport).__name__ != "Renewing"
