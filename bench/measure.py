"""Runs every workload against every contestant, in turns."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from bench.accounting import cpu_seconds, machine_seconds
from bench.jobs import Idle, Memory, Sample, Target
from bench.processes import CONTESTANTS, POLICY_ON, Load, MeasurementFailed, Stage
from bench.workloads import Workload

Say = Callable[[str], None]
Samples = Mapping[str, Mapping[str, Sequence[Sample]]]
"""By workload and contestant, in the order of the rounds."""

_NO_ERROR: Final = 0


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


@dataclass(frozen=True, slots=True)
class Flows:
    """The samples, and the cores that others used meanwhile in the round when they used most."""

    samples: Samples
    bystanders: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and how many seconds each."""

    rounds: int
    seconds: float
    warm_up_s: float


def measure_flows(stage: Stage, load: Load, workloads: Sequence[Workload], plan: Plan, say: Say) -> Flows:
    """Take the samples. All contestants stand ready all the time; in every round each has its turn at every workload.

    :raises MeasurementFailed: if a process did not start, broke off, or answered what it should not.
    """
    samples: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    others = []
    with ExitStack() as stack:
        targets = {name: stack.enter_context(stage.contestant(name)) for name in CONTESTANTS}
        for number in range(plan.rounds):
            bystanders = Bystanders()
            for workload in workloads:
                say(f"round {number + 1} of {plan.rounds}: {workload.title}")
                for name in _turns(number):
                    samples[workload.name][name].append(_sample(load, workload, name, targets[name], plan))
            others.append(bystanders.cores())
    return Flows(samples, max(others))


def measure_idle(stage: Stage, load: Load, connections: int, say: Say) -> Mapping[str, Memory]:
    """Look at the memory of idle connections; each contestant is started anew for it.

    :raises MeasurementFailed: if a process did not start or broke off.
    """
    found = {}
    for name in CONTESTANTS:
        say(f"{connections} idle connections: {name}")
        with stage.contestant(name) as target:
            found[name] = load.memory(Idle(target, connections))
    return found


def _turns(number: int) -> Sequence[str]:
    """Another one begins in every round, so that none always comes after the same."""
    first = number % len(CONTESTANTS)
    return CONTESTANTS[first:] + CONTESTANTS[:first]


def _sample(load: Load, workload: Workload, name: str, target: Target, plan: Plan) -> Sample:
    try:
        sample = load.sample(workload.job(target, plan.seconds, plan.warm_up_s))
    except MeasurementFailed as failure:
        raise MeasurementFailed(f"{workload.title}, {name}: {failure}") from failure
    denied = workload.denied if name == POLICY_ON else ()
    expected = (_NO_ERROR, *denied)
    if sample.errors and sample.errors != expected:
        raise MeasurementFailed(f"{workload.title}, {name}: error codes {sample.errors} instead of {expected}")
    return sample
