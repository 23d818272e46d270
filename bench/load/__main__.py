"""The clients: a process that reads jobs as JSON lines, and writes what it measured as such.

It reads the proxy's CPU clock itself, at the very moments when its window of measurement begins and ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import uvloop

from bench.load import frames
from bench.load.accounting import cpu_seconds, resident_bytes
from bench.load.clock import metronome
from bench.load.connections import PacedRequester, Requester, Tally, Visitor, WindowRequester
from bench.load.jobs import (
    Arrival,
    Crowd,
    Failure,
    Flow,
    Idle,
    Job,
    Latencies,
    Memory,
    Outcome,
    Paced,
    Request,
    Sample,
    Target,
    Visits,
)
from bench.load.login import Door

_SETTLED_S: Final = 1.0
_OPENED_AT_ONCE: Final = 50
_AT_MOST_S: Final = 120


async def flow(job: Flow) -> Sample:
    """Run a steady stream of requests and measure its middle."""
    tally = Tally(keep_latencies=job.window == job.connections == 1)
    door = Door(job.target)
    every = _frames(job.request, job.connections, job.window)
    requesters = [WindowRequester(door.login(), tally, each, job.window) for each in every]
    await _open(door, requesters)
    for requester in requesters:
        requester.start()
    return await _finish(job, tally, requesters)


async def paced(job: Paced) -> Sample:
    """Send at a fixed rate and measure the middle."""
    tally = Tally(keep_latencies=True)
    door = Door(job.target)
    requesters = [PacedRequester(door.login(), tally, each) for each in _frames(job.request, job.connections, 1)]
    await _open(door, requesters)
    turn = 0

    def tick(due: float) -> None:
        nonlocal turn
        requesters[turn].send_due(due)
        turn = (turn + 1) % len(requesters)

    with metronome(job.rate, tick):
        return await _finish(job, tally, requesters)


async def visits(job: Visits) -> Sample:
    """Open and close connections, and measure the middle."""
    tally = Tally()
    door = Door(job.target)

    async def visit() -> None:
        while True:
            visitor = await door.open(Visitor(door.login(), frames.api_versions()))
            await visitor.ask()
            visitor.close()
            await visitor.closed
            tally.add(1, 0)

    tasks = [asyncio.get_running_loop().create_task(visit()) for _ in range(job.at_once)]
    sample = await _measure(job, tally)
    for task in tasks:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end
    return sample


async def crowd(job: Crowd) -> Arrival:
    """Come all at once; a connection that fails is not tried again."""
    door = Door(job.target)
    visitors = [Visitor(door.login(), frames.api_versions()) for _ in range(job.connections)]
    cpu, began = sum(_cpu(job.target)), time.perf_counter()
    ends = await asyncio.gather(*(_come(door, visitor) for visitor in visitors), return_exceptions=True)
    seconds, cpu = time.perf_counter() - began, sum(_cpu(job.target)) - cpu
    for visitor, end in zip(visitors, ends, strict=True):
        if end is None:
            visitor.close()
    return Arrival(seconds, job.connections, sum(end is not None for end in ends), cpu)


async def idle(job: Idle) -> Memory:
    """Open many connections and leave them alone."""
    before = _resident(job.target)
    door = Door(job.target)
    limit = asyncio.Semaphore(_OPENED_AT_ONCE)
    visitors = [Visitor(door.login(), frames.api_versions()) for _ in range(job.connections)]

    async def come(visitor: Visitor) -> None:
        async with limit:
            await _come(door, visitor)

    await asyncio.gather(*map(come, visitors))
    await asyncio.sleep(_SETTLED_S)
    after = _resident(job.target)
    for visitor in visitors:
        visitor.close()
    await asyncio.gather(*(visitor.closed for visitor in visitors))
    return Memory(before, after, job.connections)


async def _come(door: Door, visitor: Visitor) -> None:
    await door.open(visitor)
    await visitor.ask()


async def _open(door: Door, requesters: Sequence[Requester]) -> None:
    limit = asyncio.Semaphore(_OPENED_AT_ONCE)

    async def come(requester: Requester) -> None:
        async with limit:
            await door.open(requester)

    await asyncio.gather(*map(come, requesters))


async def _finish(job: Flow | Paced, tally: Tally, requesters: Sequence[Requester]) -> Sample:
    sample = await _measure(job, tally)
    latencies = Latencies.of(tally.latencies)
    for requester in requesters:
        requester.stop()
    answers = filter(None, (each.first_answer for each in requesters))
    errors = {code for answer in answers for code in frames.errors_of(job.request, answer)}
    return msgspec.structs.replace(sample, errors=tuple(sorted(errors)), latencies=latencies)


async def _measure(job: Flow | Paced | Visits, tally: Tally) -> Sample:
    await asyncio.sleep(job.warm_up_s)
    began, before = time.perf_counter(), _cpu(job.target)
    tally.reset()
    await asyncio.sleep(job.seconds)
    used = tuple(after - cpu for after, cpu in zip(_cpu(job.target), before, strict=True))
    seconds = time.perf_counter() - began
    if tally.lost or not tally.done:
        raise ConnectionError(f"{tally.done} answers, {tally.lost} connections closed by the proxy")
    return Sample(seconds, tally.done, tally.transferred, used)


def _frames(request: Request, connections: int, window: int) -> list[list[bytes]]:
    if request.spread == 1:
        return [frames.frames_of(request, 0, window)] * connections
    return [frames.frames_of(request, number, window) for number in range(connections)]


def _cpu(target: Target) -> list[float]:
    return [cpu_seconds(pid) for pid in target.pids]


def _resident(target: Target) -> int:
    return sum(resident_bytes(pid) for pid in target.pids)


_PERFORM: Final[dict[type, Callable[[Any], Awaitable[Outcome]]]] = {
    Flow: flow,
    Paced: paced,
    Visits: visits,
    Crowd: crowd,
    Idle: idle,
}


async def _perform(job: Job) -> Outcome:
    try:
        async with asyncio.timeout(_AT_MOST_S):
            return await _PERFORM[type(job)](job)
    except (OSError, TimeoutError) as error:
        return Failure(f"{type(error).__name__}: {error}")


def main() -> None:
    """Take jobs until standard input ends."""
    decode = partial(msgspec.json.decode, type=Job)
    for line in sys.stdin:
        sys.stdout.write(msgspec.json.encode(uvloop.run(_perform(decode(line)))).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
