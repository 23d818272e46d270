"""Settings of logins in a running doorkeeper: what a client notices, what is logged and what is counted."""

import json

import pytest
from kio.schema.errors import ErrorCode

from tests.authentication.test_scram import SHA_256, prove
from tests.supervisor.logins import PASSWORD, Guarded, Stranger

FIRST = "n,,n=alice,r=abc"


@pytest.fixture
async def start(tmp_path):
    """Starts a doorkeeper with such settings."""
    started = []

    async def begin(**settings):
        started.append(Guarded(tmp_path, **settings))
        await started[0].start()
        await started[0].ready()
        return started[0]

    yield begin
    for running in started:
        await running.clean()


async def logs_in_as_librdkafka_2_6_0(door):
    """The answer to a proof with the client's own nonce once too often."""
    client = await Stranger.at(door)
    await client.choose(SHA_256)
    challenge = (await client.say(FIRST.encode())).auth_bytes
    whole = challenge.partition(b",")[0].removeprefix(b"r=").decode()
    answer = await client.say(prove(FIRST, challenge, PASSWORD, nonce=f"abc{whole}"))
    client.leave()
    return answer.error_code


async def test_librdkafka_before_2_6_1_is_let_in_on_demand_and_counted(start):
    door = await start(sasl=", accept_legacy_scram_nonce: true")
    assert await logs_in_as_librdkafka_2_6_0(door) is ErrorCode.none
    assert await door.metric("doorkeeper_legacy_scram_nonces_total") == 1


async def test_else_it_is_refused_and_the_log_names_cause_and_remedy(start):
    door = await start()
    assert await logs_in_as_librdkafka_2_6_0(door) is ErrorCode.sasl_authentication_failed
    line = json.loads(await door.logged("authentication failed"))
    assert "librdkafka before 2.6.1" in line["detail"]
    assert "update it, or set sasl.accept_legacy_scram_nonce" in line["detail"]
    assert await door.metric("doorkeeper_legacy_scram_nonces_total") == 0


async def test_an_address_where_logins_keep_failing_is_closed_at_once(start):
    door = await start(limits="failed_logins_per_address: 2, failed_logins_pause_s: 3600, ")
    known = await Stranger.at(door)
    assert (await known.log_in()).error_code is ErrorCode.none
    for _ in range(2):
        failing = await Stranger.at(door)
        assert (await failing.log_in("wrong")).error_code is ErrorCode.sasl_authentication_failed
        assert await failing.closed()
        failing.leave()
    late = await Stranger.at(door)
    assert await late.closed()
    line = json.loads(await door.logged("connection refused"))
    assert (line["reason"], line["host"]) == ("failed_logins", "127.0.0.1")
    assert await door.metric("doorkeeper_connections_refused_total") == 1
    assert (await known.ask_versions()).error_code is ErrorCode.none
    for client in (known, late):
        client.leave()


async def test_one_address_may_have_so_many_logins_that_are_not_finished(start):
    door = await start(limits="max_handshakes_per_address: 2, ")
    unfinished = [await Stranger.at(door) for _ in range(2)]
    for client in unfinished:
        await client.choose("PLAIN")
    late = await Stranger.at(door)
    assert await late.closed()
    assert json.loads(await door.logged("connection refused"))["reason"] == "handshakes"
    assert await door.metric("doorkeeper_handshakes") == 2
    assert (await unfinished[0].say(f"\0alice\0{PASSWORD}".encode())).error_code is ErrorCode.none
    next_one = await Stranger.at(door)
    assert (await next_one.log_in()).error_code is ErrorCode.none
    for client in (*unfinished, late, next_one):
        client.leave()


async def test_when_all_are_taken_others_wait_and_are_served_later(start):
    door = await start(limits="max_handshakes: 1, ")
    unfinished = await Stranger.at(door)
    await unfinished.choose("PLAIN")
    waiting = await Stranger.at(door)
    line = json.loads(await door.logged("no connections are accepted for now"))
    assert line["detail"] == "limits.max_handshakes is reached"
    assert (await unfinished.say(f"\0alice\0{PASSWORD}".encode())).error_code is ErrorCode.none
    assert (await waiting.log_in()).error_code is ErrorCode.none
    for client in (unfinished, waiting):
        client.leave()
