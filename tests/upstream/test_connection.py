"""A client behind a session, in front of a broker that asks for TLS and SASL: the whole way, without a real Kafka."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.config.cluster_model import ClusterTls
from proxy.session.commands import Close, OpenBroker, SetTimer, Timer
from proxy.session.events import CloseReason
from proxy.upstream.hop import SecuredHop
from proxy.upstream.tls import upstream_tls
from tests.transport.support import SOMEBODY, Authority, Certificates, Recorder, Relay, World, everything, until, within
from tests.upstream.support import SecuredBroker, plain_client, request, scram_client


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    authority = Authority(tmp_path, "ca")
    pair = authority.issue("broker", "127.0.0.1")
    world = World(Certificates(authority, pair, pair, pair), [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    world.secured = await SecuredBroker(context).start()
    world.upstream = ThreadPoolExecutor(2)
    yield world
    await world.close()
    await world.secured.stop()
    for executor in (world.executor, world.waiting, world.asking, world.upstream):
        executor.shutdown()
    assert not world.bugs


async def listen(world: World, mechanism=scram_client, session=Relay, **more) -> int:
    tls = upstream_tls(ClusterTls(world.certificates.authority.pem))
    make = lambda _host: mechanism()  # noqa: E731
    world.around.hop = SecuredHop(world.around.observer, world.upstream, tls=tls, mechanism=make, **more)
    return await world.open(lambda client: session(client, "127.0.0.1", world.secured.port))


async def test_requests_and_answers_pass_after_the_login(world):
    reader, writer = await world.connect(await listen(world))
    writer.write(request(1, b"x"))
    assert await within(reader.readexactly(9)) == request(1, b"x")
    assert world.secured.received[-1] == request(1, b"x")
    assert world.secured.desks[0].logged_in
    writer.close()


async def test_a_client_that_goes_at_once_leaves_its_requests_with_the_broker(world):
    _, writer = await world.connect(await listen(world))
    writer.write(request(1, b"x" * 100_000))
    writer.close()
    await until(lambda: world.secured.received[-1:] == [request(1, b"x" * 100_000)])


async def test_no_byte_of_a_client_goes_to_a_broker_that_refuses_us(world):
    reader, writer = await world.connect(await listen(world, lambda: plain_client("wrong")))
    writer.write(request(1, b"precious"))
    assert await everything(reader) == b""
    assert not any(b"precious" in frame for frame in world.secured.received)
    (_, why) = await world.sessions[0].told("broker_closed")
    assert "sasl_authenticate: the broker refuses us" in why
    assert world.directory.failed == [("127.0.0.1", world.secured.port)]
    assert world.count("upstream_failures_total", step="sasl_authenticate") == 1
    writer.close()


class Impatient(Recorder):
    """Gives a broker a moment, and no more."""

    def __init__(self, client, host, port):
        super().__init__(client)
        self.answers["started"] = lambda: [OpenBroker(host, port, SOMEBODY), SetTimer(Timer.CONNECT, 0.05)]
        self.answers["timer_fired"] = lambda _: [Close(CloseReason.BROKER_UNREACHABLE)]


async def test_a_login_that_takes_too_long_is_given_up_with_its_connection(world):
    world.secured.silent = True
    reader, writer = await world.connect(await listen(world, session=Impatient))
    writer.write(request(1))
    assert await everything(reader) == b""
    await until(world.secured.writers[0].is_closing)
    assert world.directory.failed == [("127.0.0.1", world.secured.port)]
    writer.close()


async def test_both_ends_may_send_much_at_once(world):
    reader, writer = await world.connect(await listen(world))
    frames = [request(n, bytes(200_000)) for n in range(20)]

    async def send() -> None:
        for frame in frames:
            writer.write(frame)
            await writer.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        received = await within(reader.readexactly(sum(map(len, frames))))
    assert received == b"".join(frames)
    writer.close()


async def test_a_broker_that_breaks_off_ends_the_client(world):
    reader, writer = await world.connect(await listen(world))
    writer.write(request(1))
    await within(reader.readexactly(8))
    world.secured.writers[0].transport.abort()
    assert await everything(reader) == b""
    writer.close()


async def test_renewing_under_load_loses_nothing(world):
    world.secured.life_s = 0.1
    reader, writer = await world.connect(await listen(world))
    number = 0

    async def exchange() -> None:
        nonlocal number
        while not (world.secured.desks and world.secured.desks[0].logins >= 4):
            number += 1
            frame = request(number, bytes(20_000))
            writer.write(frame)
            assert await reader.readexactly(len(frame)) == frame

    await within(exchange())
    assert len(world.secured.desks) == 1
    writer.close()
