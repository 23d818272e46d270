"""Samples of several contestants, taken in turns: what disturbs the machine disturbs all of them."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from bench.load.accounting import cpu_seconds, machine_seconds
from bench.load.jobs import Sample
from bench.stage.contestants import Contestant, Doors
from bench.stage.processes import Load, MeasurementFailed
from bench.stage.site import Site
from bench.suites.workloads import Workload

Say = Callable[[str], None]
Samples = Mapping[str, Mapping[str, Sequence[Sample]]]
"""By workload and contestant, in the order of the rounds."""

_NO_ERROR: Final = 0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and how many seconds each."""

    rounds: int
    seconds: float
    warm_up_s: float


class Bystanders:
    """How much CPU others on this machine have used since the beginning: they warm and cool the same caches."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._others = self._now()

    def cores(self) -> float:
        """In cores, on average. Our own processes must still be there."""
        return max(0.0, self._now() - self._others) / (time.monotonic() - self._began)

    @staticmethod
    def _now() -> float:
        return machine_seconds() - cpu_seconds(os.getpid())


@contextmanager
def all_ready(contestants: Sequence[Contestant], site: Site, broker_port: int) -> Iterator[Mapping[str, Doors]]:
    """Start all of them in front of one broker; in the block they stand ready side by side."""
    with ExitStack() as stack:
        yield {each.name: stack.enter_context(each.start(site, broker_port)) for each in contestants}


def turns(contestants: Sequence[_T], number: int) -> Sequence[_T]:
    """Another one begins in every round, so that none always comes after the same."""
    first = number % len(contestants)
    return [*contestants[first:], *contestants[:first]]


def take(
    contestants: Sequence[Contestant],
    ready: Mapping[str, Doors],
    load: Load,
    workloads: Sequence[Workload],
    plan: Plan,
    say: Say,
) -> tuple[Samples, float]:
    """Take the samples; also told are the cores that others used meanwhile, in the round when they used most.

    :raises MeasurementFailed: if a process broke off, or answered what it should not.
    """
    samples: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    others = []
    for number in range(plan.rounds):
        bystanders = Bystanders()
        for workload in workloads:
            say(f"round {number + 1} of {plan.rounds}: {workload.title}")
            for contestant in turns(contestants, number):
                sample = sample_of(load, workload, contestant, ready[contestant.name], plan)
                samples[workload.name][contestant.name].append(sample)
        others.append(bystanders.cores())
    return samples, max(others)


def sample_of(load: Load, workload: Workload, contestant: Contestant, doors: Doors, plan: Plan) -> Sample:
    """Take one sample.

    :raises MeasurementFailed: if the job breaks off, or is answered what it should not be.
    """
    try:
        sample = load.sample(workload.work.job(doors, plan.seconds, plan.warm_up_s))
    except MeasurementFailed as failure:
        raise MeasurementFailed(f"{workload.title}, {contestant.name}: {failure}") from failure
    expected = (_NO_ERROR, *(workload.denied if contestant.enforces else ()))
    if sample.errors and sample.errors != expected:
        raise MeasurementFailed(f"{workload.title}, {contestant.name}: errors {sample.errors} instead of {expected}")
    return sample
