"""Who is no user is shown the same challenge by all processes of one doorkeeper, however often they start anew."""

import os
import signal

import pytest

from tests.supervisor.logins import Guarded, Stranger

CONNECTIONS = 16


@pytest.fixture
async def doorkeeper(tmp_path):
    running = Guarded(tmp_path)
    yield running
    await running.clean()


async def challenges(doorkeeper, user):
    """What several connections are shown: salt and iterations."""
    shown = set()
    for _ in range(CONNECTIONS):
        client = await Stranger.at(doorkeeper)
        await client.choose("SCRAM-SHA-256")
        answer = await client.say(f"n,,n={user},r=abc".encode())
        shown.add(answer.auth_bytes.partition(b",")[2])
        client.leave()
    return shown


async def test_a_stranger_is_shown_one_challenge_by_all_workers_and_those_that_follow_them(doorkeeper):
    await doorkeeper.start(workers=2)
    await doorkeeper.ready()
    await doorkeeper.logged("listening", 2)
    before = await challenges(doorkeeper, "mallory")
    workers = doorkeeper.workers()
    for dead, pid in enumerate(workers, start=1):
        os.kill(pid, signal.SIGKILL)
        await doorkeeper.logged("a worker has died", dead)
        await doorkeeper.logged("listening", 2 + dead)
    assert not set(doorkeeper.workers()) & set(workers)
    await doorkeeper.ready()
    assert len(before) == 1
    assert await challenges(doorkeeper, "mallory") == before
    assert await challenges(doorkeeper, "trudy") != before
    assert len(await challenges(doorkeeper, "alice")) == 1
