"""How cost grows with what a cluster may have many of, each as a curve: flat where it should be flat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from bench.load.jobs import Kind, Sample
from bench.stage.contestants import RELAY, Contestant, Doorkeeper, Doors, Relay
from bench.stage.processes import Load
from bench.stage.site import Site, Variant
from bench.suites.turns import Plan, Say, sample_of, turns
from bench.suites.workloads import Flowing, Workload, produce

DOORKEEPER: Final = "doorkeeper"
_BULK: Final = 16_384


class Point(msgspec.Struct, frozen=True):
    """The samples of one contestant at one place of the axis."""

    x: int
    samples: tuple[Sample, ...]


class Curve(msgspec.Struct, frozen=True):
    """A plot: what was varied, what a figure is counted by, and the points of each contestant."""

    name: str
    title: str
    axis: str
    kind: Kind
    points: Mapping[str, tuple[Point, ...]]


class Axis(msgspec.Struct, frozen=True):
    """What is varied, and what is done at each place of it."""

    name: str
    title: str
    axis: str
    kind: Kind
    works: Mapping[int, Flowing]


AXES: Final = (
    Axis(
        "connections",
        "produce 16 KB, 64 in flight in all (200 at 200)",
        "connections",
        Kind.BULK,
        {n: Flowing(produce(_BULK), n, max(1, 64 // n)) for n in (1, 4, 16, 64, 200)},
    ),
    Axis(
        "connections-small",
        "produce 100 B, 200 in flight in all",
        "connections",
        Kind.SMALL,
        {n: Flowing(produce(100), n, 200 // n) for n in (1, 4, 16, 64, 200)},
    ),
    Axis(
        "partitions",
        "produce 100 B to each partition, c16 w1",
        "partitions in a request",
        Kind.SMALL,
        {n: Flowing(produce(100 * n, partitions=n), 16, 1) for n in (1, 10, 100, 1_000)},
    ),
    Axis(
        "topics",
        "produce 100 B, to another topic each time, c16 w50",
        "topics in turn",
        Kind.SMALL,
        {n: Flowing(produce(100, turns=n), 16, 50) for n in (1, 100, 1_000, 10_000, 100_000)},
    ),
)


def curve(axis: Axis, ready: Mapping[str, Doors], load: Load, plan: Plan, say: Say) -> Curve:
    """Take the samples of one axis; the same two processes serve all its places.

    :raises MeasurementFailed: if a process broke off.
    """
    contestants: list[Contestant] = [Relay(), Doorkeeper(DOORKEEPER)]
    found: dict[str, dict[int, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}: {axis.title}")
        for x, work in axis.works.items():
            for contestant in turns(contestants, number):
                workload = Workload(axis.name, f"{axis.title}, {x} {axis.axis}", axis.kind, work)
                found[contestant.name][x].append(sample_of(load, workload, contestant, ready[contestant.name], plan))
    points = {each: tuple(Point(x, tuple(samples)) for x, samples in by_x.items()) for each, by_x in found.items()}
    return Curve(axis.name, axis.title, axis.axis, axis.kind, points)


def by_bindings(site: Site, broker_port: int, load: Load, plan: Plan, say: Say) -> Curve:
    """One doorkeeper for each size of the policy.

    :raises MeasurementFailed: if a process did not start or broke off.
    """
    points = []
    workload = Workload("bindings", "produce 100 B, c16 w50", Kind.SMALL, Flowing(produce(100), 16, 50))
    for number in (10, 1_000, 10_000, 100_000):
        contestant = Doorkeeper(DOORKEEPER, Variant(bindings=number))
        say(f"{number:,} ACL bindings")
        with contestant.start(site, broker_port) as doors:
            found = tuple(sample_of(load, workload, contestant, doors, plan) for _ in range(plan.rounds))
        points.append(Point(number, found))
    return Curve("bindings", workload.title, "ACL bindings", Kind.SMALL, {DOORKEEPER: tuple(points)})


def by_workers(site: Site, broker_port: int, load: Load, plan: Plan, say: Say) -> Mapping[int, Sequence[Sample]]:
    """Produce 16 KB through one worker and through two; both may use every core, and so may clients and broker.

    :raises MeasurementFailed: if a process did not start or broke off.
    """
    workload = Workload("workers", "produce 16 KB, c16 w5", Kind.BULK, Flowing(produce(_BULK), 16, 5))
    found = {}
    for number in (1, 2):
        contestant = Doorkeeper(DOORKEEPER, Variant(workers=number))
        say(f"{number} workers")
        with contestant.start(site, broker_port) as doors:
            found[number] = [sample_of(load, workload, contestant, doors, plan) for _ in range(plan.rounds)]
    return found


@contextmanager
def relay_and_doorkeeper(site: Site, broker_port: int) -> Iterator[Mapping[str, Doors]]:
    """The two that are compared."""
    with Relay().start(site, broker_port) as relay, Doorkeeper(DOORKEEPER).start(site, broker_port) as ours:
        yield {RELAY: relay, DOORKEEPER: ours}
