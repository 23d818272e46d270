"""What is not a steady flow: latency at a fixed rate, memory, storms, the start, one decision."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bench.load.accounting import cpu_seconds
from bench.load.jobs import Arrival, Crowd, Idle, Latencies, Memory, Paced, Sample
from bench.stage.contestants import Contestant, Doors
from bench.stage.processes import Load
from bench.stage.site import Site
from bench.suites.turns import Plan, Say, turns
from bench.suites.workloads import produce

RATE: Final = 1_000
PACED_CONNECTIONS: Final = 4
LATENCY_AT_LEAST_S: Final = 6.0
"""At this rate 60 requests of a sample are slower than its 99th percentile: with a few, one hiccup decides."""
IDLE_CONNECTIONS: Final = 1_000
CROWD: Final = 1_000
_STORM_RATE: Final = 500
_STORM_S: Final = 8.0
_CALM_S: Final = 2.0
BINDINGS: Final = (10, 1_000, 100_000, 1_000_000)


def latency(
    contestants: Sequence[Contestant], ready: Mapping[str, Doors], load: Load, plan: Plan, say: Say
) -> Mapping[str, Sequence[Sample]]:
    """Send 1 KB a thousand times a second, whether answers come or not.

    :raises MeasurementFailed: if a process broke off.
    """
    samples: dict[str, list[Sample]] = defaultdict(list)
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}: {RATE} requests of 1 KB a second")
        for contestant in turns(contestants, number):
            target = ready[contestant.name].usual
            seconds = max(plan.seconds, LATENCY_AT_LEAST_S)
            job = Paced(target, produce(1_000), PACED_CONNECTIONS, RATE, seconds, plan.warm_up_s)
            samples[contestant.name].append(load.sample(job))
    return samples


def memory(
    contestants: Sequence[Contestant], site: Site, broker_port: int, load: Load, say: Say
) -> Mapping[str, Memory]:
    """Look at the memory of idle, logged-in connections; each contestant is started anew for it.

    :raises MeasurementFailed: if a process did not start or broke off.
    """
    found = {}
    for contestant in contestants:
        say(f"{IDLE_CONNECTIONS} idle connections: {contestant.name}")
        with contestant.start(site, broker_port) as doors:
            found[contestant.name] = load.memory(Idle(doors.usual, IDLE_CONNECTIONS))
    return found


class Storm(msgspec.Struct, frozen=True):
    """A crowd that came at once, and what those felt meanwhile who were there: before it, and with it."""

    arrival: Arrival
    calm: Latencies
    stormy: Latencies


def storms(
    contestants: Sequence[Contestant], ready: Mapping[str, Doors], loads: tuple[Load, Load], plan: Plan, say: Say
) -> Mapping[str, Sequence[Storm]]:
    """Let a thousand clients connect and log in at once, while others send at a steady rate.

    :raises MeasurementFailed: if a process broke off.
    """
    steady, crowd = loads
    found: dict[str, list[Storm]] = defaultdict(list)
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}: {CROWD} clients connect at once")
        for contestant in turns(contestants, number):
            target = ready[contestant.name].usual
            job = Paced(target, produce(1_000), PACED_CONNECTIONS, _STORM_RATE, _CALM_S, 0.5)
            calm = steady.sample(job).latencies
            steady.begin(msgspec.structs.replace(job, seconds=_STORM_S))
            arrival = crowd.arrival(Crowd(target, CROWD))
            stormy = steady.end()
            assert isinstance(stormy, Sample)
            assert calm is not None
            assert stormy.latencies is not None
            found[contestant.name].append(Storm(arrival, calm, stormy.latencies))
    return found


class Start(msgspec.Struct, frozen=True):
    """Seconds from starting a process until it takes connections, and the CPU seconds it used for that."""

    seconds: float
    cpu_s: float


def starts(
    contestants: Sequence[Contestant], site: Site, broker_port: int, plan: Plan, say: Say
) -> Mapping[str, Sequence[Start]]:
    """Start each, cluster up, again and again.

    :raises MeasurementFailed: if a process did not start.
    """
    found: dict[str, list[Start]] = defaultdict(list)
    for contestant in contestants:
        with contestant.start(site, broker_port):
            say(f"a first start, which may have to write bytecode: {contestant.name}")
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}: start to ready")
        for contestant in turns(contestants, number):
            began = time.perf_counter()
            with contestant.start(site, broker_port) as doors:
                seconds = time.perf_counter() - began
                found[contestant.name].append(Start(seconds, sum(map(cpu_seconds, doors.usual.pids))))
    return found


class Decision(msgspec.Struct, frozen=True):
    """One decision among so many bindings, in microseconds: never asked before, and remembered by its connection."""

    bindings: int
    fresh_us: float
    remembered_us: float


def decisions(numbers: Sequence[int], plan: Plan, say: Say) -> Mapping[int, Sequence[Decision]]:
    """Time decisions in a process of their own for each number of bindings."""
    found: dict[int, list[Decision]] = {}
    for bindings in numbers:
        say(f"decisions among {bindings:,} bindings")
        command = [sys.executable, "-m", "bench.suites.decide", str(bindings), str(plan.rounds)]
        done = subprocess.run(command, capture_output=True, check=True)
        found[bindings] = msgspec.json.decode(done.stdout, type=list[Decision])
    return found
