"""One session between two real sockets: commands performed, events brought, and no harm done to the others."""

import asyncio
import socket
import threading

import pytest

from proxy.authentication.outcome import WaitsFor
from proxy.session.commands import (
    CancelTimer,
    Close,
    Emit,
    OpenBroker,
    PauseClient,
    ResumeClient,
    SendClient,
    SetTimer,
    Timer,
    Verify,
)
from proxy.session.events import CloseReason, SessionClosed, SessionOpened
from proxy.transport import reception
from tests.transport.support import SOMEBODY, Echo, Recorder, Relay, everything, until, within

FRAME = b"\0\0\0\x0e\0\0\0\0" + bytes(10)


def answering(**answers):
    """Recorders that answer in the given way, each a function from the call's arguments to commands."""

    def make(client):
        session = Recorder(client)
        session.answers.update(answers)
        return session

    return make


async def hello(world, port, **options):
    """A client that has sent a frame."""
    reader, writer = await world.connect(port, **options)
    writer.write(FRAME)
    return reader, writer


# What the session asks for


@pytest.mark.parametrize("encrypted", [False, True])
async def test_passes_bytes_on_in_both_directions(world, encrypted):
    port = await world.relay(tls=world.certificates.tls() if encrypted else None)
    reader, writer = await hello(world, port, tls=world.certificates.client_context() if encrypted else None)
    broker_reader, broker_writer = await world.broker.accepted()
    assert await within(broker_reader.readexactly(len(FRAME))) == FRAME
    broker_writer.write(b"answer")
    assert await within(reader.readexactly(6)) == b"answer"
    assert world.around.take_bytes() == (len(FRAME), 6)
    assert world.around.take_bytes() == (0, 0)
    assert world.directory.reached == [("127.0.0.1", world.broker.port)]
    writer.close()


async def test_pieces_leave_in_order(world):
    """Small pieces are joined, large ones are not; the client cannot tell."""
    pieces = [b"a", memoryview(b"bc"), bytes(100_000), memoryview(bytes(70_000)), b"d"]
    port = await world.open(answering(client_bytes=lambda _: [SendClient(pieces[:2]), SendClient(pieces[2:])]))
    reader, writer = await hello(world, port)
    whole = b"".join(pieces)
    assert await within(reader.readexactly(len(whole))) == whole
    writer.close()


async def test_the_session_knows_who_called(world):
    port = await world.open(Recorder)
    _, writer = await hello(world, port)
    await until(lambda: world.sessions)
    client = world.sessions[0].client
    assert (client.listener, client.host, client.node_id, client.tls) == ("clients", "127.0.0.1", None, None)
    assert ("127.0.0.1", client.port) == writer.get_extra_info("sockname")
    writer.close()


async def test_close_flushes_what_was_sent(world):
    farewell = bytes(3_000_000)
    port = await world.open(
        answering(client_bytes=lambda _: [SendClient([farewell]), Close(CloseReason.AUTHENTICATION_FAILED)])
    )
    reader, writer = await hello(world, port)
    assert await everything(reader) == farewell
    await until(lambda: not world.capacity.used)
    writer.close()


async def test_timers_fire(world):
    port = await world.open(answering(client_bytes=lambda _: [SetTimer(Timer.DELAY, 0.001)]))
    _, writer = await hello(world, port)
    await until(lambda: world.sessions)
    assert await world.sessions[0].told("timer_fired") == ("timer_fired", Timer.DELAY)
    writer.close()


async def test_a_timer_set_again_fires_once_and_a_cancelled_one_never(world):
    timers = [
        SetTimer(Timer.IDLE, 0.001),
        SetTimer(Timer.IDLE, 0.03),
        SetTimer(Timer.DELAY, 60),
        SetTimer(Timer.DELAY, 0.02),
        SetTimer(Timer.AUTHENTICATION, 0.01),
        CancelTimer(Timer.AUTHENTICATION),
        CancelTimer(Timer.CONNECT),
    ]
    port = await world.open(answering(client_bytes=lambda _: timers))
    _, writer = await hello(world, port)
    await until(lambda: world.sessions and world.sessions[0].names().count("timer_fired") == 2)
    fired = [call for call in world.sessions[0].calls if call[0] == "timer_fired"]
    assert fired == [("timer_fired", Timer.DELAY), ("timer_fired", Timer.IDLE)]
    writer.close()


async def test_slow_work_is_done_in_another_thread(world):
    threads = []

    def work():
        threads.append(threading.current_thread())
        return True

    port = await world.open(answering(client_bytes=lambda _: [Verify(work)]))
    _, writer = await hello(world, port)
    await until(lambda: world.sessions)
    assert await world.sessions[0].told("verified") == ("verified", True)
    assert threads[0] is not threading.main_thread()
    writer.close()


@pytest.mark.parametrize(("one", "other"), [(one, other) for one in WaitsFor for other in WaitsFor if one is not other])
async def test_who_waits_holds_up_nobody_who_waits_for_something_else(world, one, other):
    started, go_on = threading.Event(), threading.Event()

    def waiting():
        started.set()
        return go_on.wait(10)

    port = await world.open(
        answering(client_bytes=lambda data: [Verify(waiting, one) if data == FRAME else Verify(lambda: "done", other)])
    )
    _, writer = await hello(world, port)
    await until(started.is_set)
    _, second = await world.connect(port)
    second.write(FRAME + b"x")
    await until(lambda: len(world.sessions) == 2)
    assert await world.sessions[1].told("verified") == ("verified", "done")
    go_on.set()
    assert await world.sessions[0].told("verified") == ("verified", True)
    writer.close()
    second.close()


async def test_slow_work_for_a_client_that_has_gone_is_dropped(world):
    """Whoever connects and leaves in a loop must not fill the queue of password hashings."""
    started, go_on = threading.Event(), threading.Event()

    def first():
        started.set()
        return go_on.wait(10)

    done = []
    port = await world.open(
        answering(client_bytes=lambda data: [Verify(first if data == FRAME else lambda: done.append(1) or True)])
    )
    _, writer = await hello(world, port)
    _, other = await world.connect(port)
    await until(started.is_set)
    other.write(FRAME + b"x")
    await until(lambda: len(world.sessions) == 2 and world.sessions[1].received())
    other.close()
    await until(lambda: "client_closed" in world.sessions[1].names())
    go_on.set()
    await world.sessions[0].told("verified")
    assert done == []
    writer.close()


async def test_a_paused_client_is_not_read(world):
    port = await world.open(answering(client_bytes=lambda _: [PauseClient(), SetTimer(Timer.DELAY, 0.02)]))
    _, writer = await hello(world, port)
    await until(lambda: world.sessions)
    session = world.sessions[0]
    session.answers["timer_fired"] = lambda _: [ResumeClient()]
    await session.told("client_bytes")
    writer.write(FRAME)
    await until(lambda: session.names().count("client_bytes") == 2)
    assert session.names().index("timer_fired") == 2
    writer.close()


async def test_events_are_told(world):
    def started():
        client = world.sessions[0].client
        return [Emit(SessionOpened(session_id=client.session_id, listener="clients", host=client.host))]

    port = await world.open(answering(started=started))
    _, writer = await hello(world, port)
    await until(lambda: world.count("connections_opened_total", listener="clients") == 1)
    writer.close()


# Brokers


async def test_a_broker_that_is_not_there_is_told(world):
    await world.broker.start()
    await world.broker.stop()
    port = await world.open(lambda client: Relay(client, "127.0.0.1", world.broker.port))
    reader, writer = await hello(world, port)
    assert await everything(reader) == b""
    (_, why) = await world.sessions[0].told("broker_closed")
    assert why.startswith(f"cannot connect to 127.0.0.1:{world.broker.port}: ")
    assert world.directory.failed == [("127.0.0.1", world.broker.port)]
    writer.close()


async def test_a_broker_that_dies_is_told(world):
    port = await world.relay()
    reader, writer = await hello(world, port)
    _, broker_writer = await world.broker.accepted()
    broker_writer.transport.abort()
    assert await everything(reader) == b""
    (_, why) = await world.sessions[0].told("broker_closed")
    assert "broke" in why
    writer.close()


async def test_a_session_may_go_on_with_another_broker(world):
    port = await world.relay()
    _, writer = await hello(world, port)
    _, broker_writer = await world.broker.accepted()
    session = world.sessions[0]
    session.answers["broker_closed"] = lambda _: [OpenBroker("127.0.0.1", world.broker.port, SOMEBODY)]
    broker_writer.close()
    await world.broker.accepted()
    await until(lambda: session.names().count("broker_opened") == 2)
    writer.close()


async def test_a_broker_that_takes_too_long_counts_as_failed(world):
    """The session has the clock; the transport knows that it was the connection that was waited for."""
    port = await world.open(
        answering(
            # an address that leads nowhere (RFC 5737)
            started=lambda: [OpenBroker("192.0.2.1", 9092, SOMEBODY), SetTimer(Timer.CONNECT, 0.01)],
            timer_fired=lambda _: [Close(CloseReason.BROKER_UNREACHABLE)],
        )
    )
    reader, writer = await hello(world, port)
    assert await everything(reader) == b""
    assert world.directory.failed == [("192.0.2.1", 9092)]
    writer.close()


# Clients that leave


@pytest.mark.parametrize("encrypted", [False, True])
async def test_the_last_bytes_of_a_client_reach_the_broker(world, encrypted):
    """Case 11: a producer with acks=0 that writes and closes at once."""
    port = await world.relay(tls=world.certificates.tls() if encrypted else None)
    _, writer = await world.connect(port, world.certificates.client_context() if encrypted else None)
    last = FRAME * 50_000
    writer.write(last)
    writer.close()
    broker_reader, broker_writer = await world.broker.accepted()
    assert await within(broker_reader.read(-1)) == last
    broker_writer.close()
    await until(lambda: not world.capacity.used)


@pytest.mark.parametrize("size", [len(FRAME), 50_000 * len(FRAME)])
@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_client_that_left_before_its_session_began_has_not_spoken_in_vain(world, monkeypatch, encrypted, size):
    """A client of 0.8 or 0.9 asks a new connection nothing before it produces with acks=0, and closes."""
    arrivals = []

    class Seen(reception._Arrival):
        def __init__(self):
            super().__init__()
            arrivals.append(self)

    monkeypatch.setattr(reception, "_Arrival", Seen)
    port = await world.relay(tls=world.certificates.tls() if encrypted else None)
    world.directory.looks_up.clear()

    def produce():
        with socket.create_connection(("127.0.0.1", port)) as plain:
            tls = world.certificates.client_context()
            with tls.wrap_socket(plain, server_hostname="localhost") if encrypted else plain as client:
                client.sendall(FRAME * (size // len(FRAME)))
                client.shutdown(socket.SHUT_WR)
                # Closing with unread tickets of TLS would reset the connection, and lose what was not sent yet.
                while client.recv(65_536):
                    pass

    producing = asyncio.get_running_loop().run_in_executor(None, produce)
    await until(lambda: arrivals and (arrivals[0].lost or arrivals[0]._paused))
    world.directory.looks_up.set()
    broker_reader, broker_writer = await world.broker.accepted()
    assert len(await within(broker_reader.read(-1))) == size
    await within(producing)
    broker_writer.close()
    await until(lambda: not world.capacity.used)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_the_last_bytes_reach_a_broker_that_is_slow_and_talks(world, encrypted):
    """Flow control must not lose them, nor answers that nobody reads any more reset the connection under them."""
    port = await world.relay(tls=world.certificates.tls() if encrypted else None)
    _, writer = await world.connect(port, world.certificates.client_context() if encrypted else None)
    writer.write(FRAME)
    broker_reader, broker_writer = await world.broker.accepted()
    broker_writer.transport.pause_reading()
    (shell,) = world.around.registry
    sent = len(FRAME)
    while not shell.client_valve.held:
        writer.write(bytes(65536))
        sent += 65536
        await within(writer.drain())
        await asyncio.sleep(0)
    writer.write(b"the very last")
    broker_writer.write(b"answer" * 1000)
    writer.close()
    await asyncio.sleep(0)
    broker_writer.transport.resume_reading()
    received = await within(broker_reader.read(-1))
    assert len(received) == sent + len("the very last")
    assert received.endswith(b"the very last")
    broker_writer.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_what_a_client_sent_while_it_was_not_read_is_not_lost(world, encrypted):
    """It ends its connection without ceremony while we do not read; its bytes come before the news that it has gone."""
    port = await world.open(
        answering(
            client_bytes=lambda data: [PauseClient(), SetTimer(Timer.DELAY, 0.05)] if data == FRAME else [],
            timer_fired=lambda _: [ResumeClient()],
        ),
        tls=world.certificates.tls() if encrypted else None,
    )
    first_seen = threading.Event()

    def talk():
        with socket.create_connection(("127.0.0.1", port)) as plain:
            tls = world.certificates.client_context()
            with tls.wrap_socket(plain, server_hostname="localhost") if encrypted else plain as client:
                client.sendall(FRAME)
                first_seen.wait(10)
                client.sendall(b"the very last")
                client.shutdown(socket.SHUT_WR)

    talking = asyncio.get_running_loop().run_in_executor(None, talk)
    await until(lambda: world.sessions and world.sessions[0].received())
    first_seen.set()
    await world.sessions[0].told("client_closed")
    assert world.sessions[0].received() == FRAME + b"the very last"
    assert world.sessions[0].names()[-1] == "client_closed"
    await within(talking)


async def test_a_session_that_forgets_to_close_is_closed(world):
    world.around.broker_flush_s = 0.01
    port = await world.open(answering(client_closed=lambda: [CancelTimer(Timer.IDLE)]))
    _, writer = await hello(world, port)
    await until(lambda: world.sessions)
    writer.close()
    await until(lambda: not world.capacity.used)


async def test_a_client_that_does_not_take_its_last_answers_is_cut_off(world):
    world.around.client_flush_s = 0.01
    port = await world.open(
        answering(client_bytes=lambda _: [SendClient([bytes(50_000_000)]), Close(CloseReason.CLIENT_CLOSED)])
    )
    reader, writer = await hello(world, port)
    reader._transport.pause_reading()
    await until(lambda: not world.capacity.used and world.sessions)
    writer.close()


# Flow control


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_client_that_does_not_read_stops_its_broker(world, encrypted):
    """200 MB for a client that reads nothing at first: what we hold stays bounded."""
    total, chunk = 200_000_000, bytes(1_000_000)
    port = await world.relay(tls=world.certificates.tls() if encrypted else None)
    reader, writer = await hello(world, port, tls=world.certificates.client_context() if encrypted else None)
    reader._transport.pause_reading()
    _, broker_writer = await world.broker.accepted()

    async def produce():
        for _ in range(total // len(chunk)):
            broker_writer.write(chunk)
            await broker_writer.drain()

    producing = asyncio.get_running_loop().create_task(produce())
    (shell,) = world.around.registry
    session = world.sessions[0]
    await until(lambda: shell.broker_valve.held)
    taken = session.from_broker
    # The sockets' own buffers are the kernel's; ours is the high water mark and a chunk or two.
    assert shell._client.get_write_buffer_size() < 2_000_000
    for _ in range(100):
        await asyncio.sleep(0)
    assert session.from_broker == taken < 30_000_000

    reader._transport.resume_reading()
    received, most_held = 0, 0
    while received < total:
        received += len(await within(reader.read(1_000_000)))
        most_held = max(most_held, shell._client.get_write_buffer_size())
    await within(producing)
    assert session.from_broker == total
    assert most_held < 2_000_000
    writer.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_broker_that_does_not_read_stops_its_client(world, encrypted):
    total, chunk = 200_000_000, bytes(1_000_000)
    port = await world.relay(tls=world.certificates.tls() if encrypted else None)
    _, writer = await hello(world, port, tls=world.certificates.client_context() if encrypted else None)
    broker_reader, _ = await world.broker.accepted()
    broker_reader._transport.pause_reading()

    async def produce():
        for _ in range(total // len(chunk)):
            writer.write(chunk)
            await writer.drain()

    producing = asyncio.get_running_loop().create_task(produce())
    (shell,) = world.around.registry
    session = world.sessions[0]
    await until(lambda: shell.client_valve.held)
    taken = session.from_client
    for _ in range(100):
        await asyncio.sleep(0)
    assert session.from_client == taken < 30_000_000
    assert shell._broker.transport.get_write_buffer_size() < 2_000_000

    broker_reader._transport.resume_reading()
    received = 0
    while received < total + len(FRAME):
        received += len(await within(broker_reader.read(1_000_000)))
    await within(producing)
    assert session.from_client == total + len(FRAME)
    writer.close()


# Bugs, limits, the end


def exploding(*_):
    raise ZeroDivisionError("boom")


@pytest.mark.parametrize("method", ["client_bytes", "verified", "timer_fired"])
async def test_a_bug_ends_one_connection_only(world, method):
    def trouble(data):
        if not data.endswith(b"!"):
            return [SendClient([data])]
        if method == "client_bytes":
            exploding()
        return [SetTimer(Timer.DELAY, 0)] if method == "timer_fired" else [Verify(lambda: True)]

    port = await world.open(answering(client_bytes=trouble, verified=exploding, timer_fired=exploding))
    reader, writer = await hello(world, port)
    bad_reader, bad_writer = await world.connect(port)
    bad_writer.write(FRAME[:-1] + b"!")
    assert await everything(bad_reader) == b""
    await within(reader.readexactly(len(FRAME)))
    writer.write(b"alive")
    assert await within(reader.readexactly(5)) == b"alive"
    assert world.count("session_bugs_total") == 1
    (line,) = world.warnings()
    assert isinstance(line["exc_info"], ZeroDivisionError)
    writer.close()
    bad_writer.close()


async def test_an_unknown_command_is_a_bug(world):
    port = await world.open(answering(client_bytes=lambda _: ["what?"]))
    reader, writer = await hello(world, port)
    assert await everything(reader) == b""
    assert world.count("session_bugs_total") == 1
    writer.close()


async def test_work_that_raises_is_a_bug(world):
    port = await world.open(answering(client_bytes=lambda _: [Verify(exploding)]))
    reader, writer = await hello(world, port)
    assert await everything(reader) == b""
    assert world.count("session_bugs_total") == 1
    writer.close()


async def test_a_session_that_is_cut_off_is_still_told_as_closed(world):
    """The number of open connections must come back to zero also when a session cannot say that it has ended."""

    def started():
        client = world.sessions[0].client
        return [Emit(SessionOpened(session_id=client.session_id, listener="clients", host=client.host))]

    port = await world.open(answering(started=started, client_bytes=exploding))
    reader, writer = await hello(world, port)
    assert await everything(reader) == b""
    await until(lambda: not world.capacity.used)
    assert world.count("connections", listener="clients", state="unauthenticated") == 0
    assert world.count("connections_closed_total", listener="clients", reason="bug") == 1
    writer.close()


async def test_a_session_that_said_so_is_told_as_closed_once(world):
    def started():
        client = world.sessions[0].client
        return [Emit(SessionOpened(session_id=client.session_id, listener="clients", host=client.host))]

    def closed():
        client = world.sessions[0].client
        reason = CloseReason.CLIENT_CLOSED
        event = SessionClosed(
            session_id=client.session_id, listener="clients", reason=reason, principal=None, host=client.host
        )
        return [Emit(event), Close(reason)]

    port = await world.open(answering(started=started, client_closed=closed))
    _, writer = await hello(world, port)
    await until(lambda: world.count("connections_opened_total", listener="clients"))
    writer.close()
    await until(lambda: not world.capacity.used)
    assert world.count("connections_closed_total", listener="clients", reason="client_closed") == 1
    assert world.count("connections", listener="clients", state="unauthenticated") == 0


async def test_no_more_connections_than_allowed(world):
    """The next one waits in the backlog until another ends."""
    world.capacity._limit = 1
    port = await world.open(Echo)
    reader, writer = await hello(world, port)
    await within(reader.readexactly(len(FRAME)))
    second_reader, second_writer = await hello(world, port)
    await until(world.warnings)
    assert len(world.sessions) == 1
    writer.close()
    assert await within(second_reader.readexactly(len(FRAME))) == FRAME
    second_writer.close()


async def test_drain_waits_for_what_is_in_flight(world):
    port = await world.open(answering(drain=lambda: [SetTimer(Timer.DELAY, 0.02)]))
    reader, writer = await hello(world, port)
    await until(lambda: world.sessions)
    session = world.sessions[0]
    session.answers["timer_fired"] = lambda _: [SendClient([b"last"]), Close(CloseReason.DRAINED)]
    world.acceptor.stop()
    assert await within(world.around.registry.drain(10)) == 0
    assert await everything(reader) == b"last"
    writer.close()


async def test_who_comes_late_is_drained_too(world):
    """Accepted before the listeners closed, with its session only now: it must not hold up the end."""
    port = await world.open(Echo)
    reader, writer = await hello(world, port)
    await within(reader.readexactly(len(FRAME)))
    world.sessions[0].answers["drain"] = lambda: [SetTimer(Timer.DELAY, 60)]
    draining = asyncio.get_running_loop().create_task(world.around.registry.drain(60))
    await world.sessions[0].told("drain")
    late_reader, late_writer = await hello(world, port)
    await within(everything(late_reader))
    assert "drain" in world.sessions[1].names()
    world.around.registry.abort()
    assert await within(draining) == 0
    writer.close()
    late_writer.close()


async def test_drain_has_a_deadline(world):
    port = await world.open(answering(drain=lambda: [SetTimer(Timer.DELAY, 60)]))
    reader, writer = await hello(world, port)
    await until(lambda: world.sessions)
    assert await within(world.around.registry.drain(0.01)) == 1
    assert await everything(reader) == b""
    assert not world.capacity.used
    writer.close()
