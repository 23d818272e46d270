"""A storm of connections is bounded: those that are not known yet, and those from where logins keep failing."""

from ipaddress import ip_network

import pytest

from proxy.session.commands import Close, Emit
from proxy.session.events import CloseReason
from proxy.transport.newcomers import FailedLogins, Newcomers, neighbourhood
from tests.observability.facts import authenticated, authentication_failed
from tests.transport.support import Recorder, everything, until, within

HELLO = (20).to_bytes(4, "big") + bytes(20)
LOOPBACK = [ip_network("127.0.0.0/8")]


def answering(**answers):
    """A session that does this."""

    def make(client):
        session = Recorder(client)
        session.answers = answers
        return session

    return make


def header(host):
    return f"PROXY TCP4 {host} 10.0.0.1 5555 9092\r\n".encode()


async def served(world, port, first=HELLO):
    """A connection that has got its session."""
    count = len(world.sessions)
    reader, writer = await world.connect(port)
    writer.write(first)
    await until(lambda: len(world.sessions) > count)
    return reader, writer


async def refused(world, port, first=b""):
    """Whether a connection is closed without a word and without a session."""
    count = len(world.sessions)
    reader, writer = await world.connect(port)
    writer.write(first)
    try:
        answer = await everything(reader)
    finally:
        writer.close()
    return answer == b"" and len(world.sessions) == count


# Those who are not known yet


async def test_beyond_the_limit_connections_wait_until_one_is_known_or_has_gone(world):
    """In the accept queue: they are served later, not turned away."""
    world.around.newcomers = Newcomers(2, 2)
    known = [Emit(authenticated())]
    port = await world.open(answering(client_bytes=lambda data: known if b"known" in data else []))
    _, first = await served(world, port)
    _, silent = await world.connect(port)  # takes part before it has said a word
    await until(lambda: world.around.newcomers.used == 2)
    waiting = [(await world.connect(port))[1] for _ in range(2)]
    for writer in waiting:
        writer.write(HELLO)
    await until(lambda: any("max_handshakes is reached" in entry.get("detail", "") for entry in world.warnings()))
    assert len(world.sessions) == 1
    first.write(b"known")
    await until(lambda: len(world.sessions) == 2)
    silent.close()
    await until(lambda: len(world.sessions) == 3)
    assert "client_closed" not in world.sessions[0].names()
    for writer in (first, *waiting):
        writer.close()
    await until(lambda: not world.capacity.used)
    assert world.around.newcomers.used == 0


async def test_known_clients_take_no_part(world):
    world.around.newcomers = Newcomers(1, 1)
    port = await world.open(answering(started=lambda: [Emit(authenticated())]))
    writers = [(await served(world, port))[1] for _ in range(3)]
    assert world.around.newcomers.used == 0
    for writer in writers:
        writer.close()
    await until(lambda: not world.capacity.used)
    assert world.around.newcomers.used == 0


async def test_one_address_cannot_take_them_all(world):
    """The address behind a header that is believed."""
    world.around.newcomers = Newcomers(10, 2)
    port = await world.open(Recorder, balancers=LOOPBACK)
    writers = [(await served(world, port, header("10.1.2.3") + HELLO))[1] for _ in range(2)]
    assert await refused(world, port, header("10.1.2.3"))
    assert world.count("connections_refused_total", listener="clients", reason="handshakes") == 1
    assert world.warnings()[-1]["detail"] == "limits.max_handshakes_per_address is reached"
    writers.append((await served(world, port, header("10.1.2.4") + HELLO))[1])
    writers.pop(0).close()
    await until(lambda: world.capacity.used == 2)
    writers.append((await served(world, port, header("10.1.2.3") + HELLO))[1])
    for writer in writers:
        writer.close()


async def test_a_header_that_is_not_believed_moves_nobody_elsewhere(world):
    world.around.newcomers = Newcomers(10, 1)
    port = await world.open(Recorder)
    _, writer = await served(world, port)
    assert await refused(world, port, header("10.1.2.4") + HELLO)
    assert world.count("connections_refused_total", listener="clients", reason="handshakes") == 1
    writer.close()


async def test_what_is_no_kafka_leaves_no_trace(world):
    world.around.newcomers = Newcomers(1, 1)
    port = await world.open(Recorder)
    for _ in range(3):
        assert await refused(world, port, b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: not world.capacity.used)
    assert world.around.newcomers.used == 0
    assert world.count("connections_refused_total", listener="clients", reason="handshakes") == 0


# Those who fail


def failing(_data):
    return [Emit(authentication_failed()), Close(CloseReason.AUTHENTICATION_FAILED)]


async def test_after_some_failures_an_address_is_closed_at_once_for_a_while(world):
    port = await world.open(answering(client_bytes=failing))
    calm = await world.open(Recorder)
    _, before = await served(world, calm)
    for _ in range(3):
        reader, writer = await served(world, port)
        assert await everything(reader) == b""
        writer.close()
    assert await refused(world, port)
    assert await refused(world, calm)  # it is the address that has to pause
    assert world.count("connections_refused_total", listener="clients", reason="failed_logins") == 2
    assert world.warnings()[-1]["detail"] == "limits.failed_logins_per_address is reached"
    before.write(b"more")
    await until(lambda: b"more" in world.sessions[0].received())
    world.now = 2.0
    _, after = await served(world, calm)
    for writer in (before, after):
        writer.close()


async def test_others_are_not_closed(world):
    port = await world.open(answering(client_bytes=failing), balancers=LOOPBACK)
    for _ in range(3):
        reader, writer = await served(world, port, header("10.1.2.3") + HELLO)
        assert await everything(reader) == b""
        writer.close()
    assert await refused(world, port, header("10.1.2.3"))
    reader, writer = await served(world, port, header("10.1.2.4") + HELLO)
    assert await within(reader.read()) == b""
    writer.close()


class Clock:
    """Time that a test makes pass."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_failures_far_apart_do_not_add_up(clock):
    failed = FailedLogins(2, 10, 5, clock)
    for _ in range(10):
        failed.failed("10.1.2.3")
        clock.now += 10
        assert not failed.pauses("10.1.2.3")


def test_a_pause_ends_and_may_come_again(clock):
    failed = FailedLogins(2, 10, 5, clock)
    for _ in range(3):
        failed.failed("10.1.2.3")
        assert not failed.pauses("10.1.2.3")
        failed.failed("10.1.2.3")
        assert failed.pauses("10.1.2.3")
        assert not failed.pauses("10.1.2.4")
        clock.now += 4.9
        assert failed.pauses("10.1.2.3")
        clock.now += 0.2
        assert not failed.pauses("10.1.2.3")


def test_a_limit_of_0_never_bids_anybody_to_pause(clock):
    failed = FailedLogins(0, 10, 5, clock)
    for _ in range(1_000):
        failed.failed("10.1.2.3")
    assert not failed.pauses("10.1.2.3")


def test_the_latest_addresses_are_remembered_and_no_more(clock):
    failed = FailedLogins(1, 10, 5, clock, most_addresses=3)
    for last in range(10):
        failed.failed(f"10.0.0.{last}")
    assert [last for last in range(10) if failed.pauses(f"10.0.0.{last}")] == [7, 8, 9]
    counted = FailedLogins(2, 10, 5, clock, most_addresses=3)
    for last in range(10):
        counted.failed(f"10.0.0.{last}")
    assert len(counted._failures) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", False),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1:aaaa:bbbb:cccc:dddd", True),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:2:0:0:0:1", False),
    ],
)
def test_all_of_an_ipv6_network_is_one_address(one, other, same):
    assert (neighbourhood(one) == neighbourhood(other)) is same


def test_addresses_that_have_gone_are_forgotten():
    newcomers = Newcomers(10, 10)
    for last in range(5):
        newcomer = newcomers.arrive()
        assert newcomer.comes_from(f"10.0.0.{last}")
        newcomer.over()
        newcomer.over()
    assert newcomers.used == 0
    assert not newcomers._by_address
