"""The clients: a process that reads jobs as JSON lines, and writes what it measured as such.

It reads the proxy's CPU clock itself, at the very moments when its window of measurement begins and ends.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from typing import Final

import msgspec
import uvloop

from bench import frames
from bench.accounting import cpu_seconds, resident_bytes
from bench.clients import Requester, Tally, Visitor
from bench.jobs import Failure, Flow, Idle, Job, Memory, Outcome, Request, Sample, Target, Visits
from protocol.apis import ApiKey

HOST: Final = "localhost"
_SETTLED_S: Final = 1.0
_OPENED_AT_ONCE: Final = 50


def client_context(target: Target) -> ssl.SSLContext:
    """TLS 1.3 with a client certificate."""
    context = ssl.create_default_context(cafile=target.client_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(target.certificate, target.key)
    return context


async def flow(job: Flow) -> Sample:
    """Run a steady stream of requests and measure its middle."""
    tally = Tally(keep_latencies=job.window == job.connections == 1)
    window = [_frame(job.request, number) for number in range(job.window)]
    requesters = [Requester(tally, window) for _ in range(job.connections)]
    context = client_context(job.target)
    await asyncio.gather(*(_connect(job.target, requester, context) for requester in requesters))
    for requester in requesters:
        requester.start()
    sample = await _measure(job, tally)
    for requester in requesters:
        requester.stop()
    errors = {code for each in requesters for code in frames.errors_of(job.request.api, each.first_answer)}
    return msgspec.structs.replace(sample, errors=tuple(sorted(errors)), latencies_us=tally.latencies_us())


async def visits(job: Visits) -> Sample:
    """Open and close connections, and measure the middle."""
    tally = Tally()
    context = client_context(job.target)

    async def visit() -> None:
        while True:
            visitor = Visitor(frames.api_versions())
            await _connect(job.target, visitor, context)
            await visitor.answered
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


async def idle(job: Idle) -> Memory:
    """Open many connections and leave them alone."""
    before = resident_bytes(job.target.pid)
    context = client_context(job.target)
    limit = asyncio.Semaphore(_OPENED_AT_ONCE)
    visitors = [Visitor(frames.api_versions()) for _ in range(job.connections)]

    async def come(visitor: Visitor) -> None:
        async with limit:
            await _connect(job.target, visitor, context)
            await visitor.answered

    await asyncio.gather(*map(come, visitors))
    await asyncio.sleep(_SETTLED_S)
    after = resident_bytes(job.target.pid)
    for visitor in visitors:
        visitor.close()
    await asyncio.gather(*(visitor.closed for visitor in visitors))
    return Memory(before, after, job.connections)


async def _measure(job: Flow | Visits, tally: Tally) -> Sample:
    await asyncio.sleep(job.warm_up_s)
    began, cpu = time.perf_counter(), cpu_seconds(job.target.pid)
    tally.reset()
    await asyncio.sleep(job.seconds)
    cpu = cpu_seconds(job.target.pid) - cpu
    seconds = time.perf_counter() - began
    if tally.lost or not tally.done:
        raise ConnectionError(f"{tally.done} answers, {tally.lost} connections closed by the proxy")
    return Sample(seconds, tally.done, tally.transferred, cpu)


async def _connect(target: Target, protocol: asyncio.Protocol, context: ssl.SSLContext) -> None:
    await asyncio.get_running_loop().create_connection(lambda: protocol, HOST, target.port, ssl=context)


def _frame(request: Request, number: int) -> bytes:
    if request.api == ApiKey.PRODUCE:
        return frames.produce(request.size, request.topics, correlation_id=number)
    return frames.fetch(request.size, correlation_id=number)


async def _perform(job: Job) -> Outcome:
    try:
        async with asyncio.timeout(60):
            if isinstance(job, Flow):
                return await flow(job)
            return await visits(job) if isinstance(job, Visits) else await idle(job)
    except (OSError, TimeoutError) as error:
        return Failure(f"{type(error).__name__}: {error}")


def main() -> None:
    """Take jobs until standard input ends."""
    for line in sys.stdin:
        job = msgspec.json.decode(line, type=Job)
        sys.stdout.write(msgspec.json.encode(uvloop.run(_perform(job))).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
