"""Broker and proxy together, in front of real Kafkas: cheaper than the brokers' own TLS?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

import msgspec

from bench.load.jobs import Flow, Request, Sample, Target
from bench.stage.brokers import RealBroker, fetch_from_real, produce_to_real, real_broker
from bench.stage.contestants import Contestant
from bench.stage.processes import Load, MeasurementFailed
from bench.stage.releases import Release
from bench.stage.site import Site
from bench.suites.turns import Plan, Say, turns
from proxy.embedded.jvm import Jvm

OWN_TLS: Final = "broker's own TLS"
PLAINTEXT: Final = "broker, plaintext"
_WARM_UP_ROUNDS: Final = 2
_WARM_UP_S: Final = 1.0
_AT_LEAST_S: Final = 2.0
"""A broker takes its time."""
_WORKS: Final[Mapping[str, tuple[Request, int, int]]] = {
    "produce 16 KB, c8 w1": (produce_to_real(16_384), 8, 1),
    "produce 16 KB, c8 w5": (produce_to_real(16_384), 8, 5),
    "produce 16 KB, c8 w50": (produce_to_real(16_384), 8, 50),
    "fetch 1 MB, c8 w1": (fetch_from_real(1_000_000), 8, 1),
}
"""On a connection Java's producer has five requests in flight at most by default, librdkafka's a million."""
GOALS: Final = {"produce 16 KB, c8 w1": 1.0, "produce 16 KB, c8 w5": 1.0, "fetch 1 MB, c8 w1": 1.2}
"""What broker and doorkeeper together may cost, as a multiple of the broker with its own TLS in the same run. Not every
workload has one."""


class RealFlows(msgspec.Struct, frozen=True):
    """By workload and contestant, in the order of the rounds."""

    release: Release
    samples: Mapping[str, Mapping[str, Sequence[Sample]]]


def real_flows(
    contestants: Sequence[Contestant], site: Site, release: Release, jvm: Jvm, load: Load, plan: Plan, say: Say
) -> RealFlows:
    """Measure one release. The first rounds are for the broker's compiler, and are not kept.

    :raises MeasurementFailed: if a process did not start, broke off, or answered with an error.
    """
    samples: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    kafka = f"Kafka {release.version}"
    with real_broker(site, release, jvm) as broker, ExitStack() as stack:
        targets = {PLAINTEXT: broker.plaintext, OWN_TLS: broker.own_tls}
        for contestant in contestants:
            doors = stack.enter_context(contestant.start(site, broker.port))
            targets[contestant.name] = _with_broker(doors.usual, broker)
        for number in range(-_WARM_UP_ROUNDS, plan.rounds):
            for title, (request, connections, window) in _WORKS.items():
                say(f"{kafka}, round {number + 1} of {plan.rounds}: {title}")
                for name in turns(list(targets), number):
                    job = Flow(targets[name], request, connections, window, max(plan.seconds, _AT_LEAST_S), _WARM_UP_S)
                    sample = _sample(load, job, f"{kafka}, {title}, {name}")
                    if number >= 0:
                        samples[title][name].append(sample)
    return RealFlows(release, samples)


def _with_broker(target: Target, broker: RealBroker) -> Target:
    return msgspec.structs.replace(target, pids=(broker.pid, *target.pids))


def _sample(load: Load, job: Flow, about: str) -> Sample:
    try:
        sample = load.sample(job)
    except MeasurementFailed as failure:
        raise MeasurementFailed(f"{about}: {failure}") from failure
    if sample.errors != (0,):
        raise MeasurementFailed(f"{about}: error codes {sample.errors}")
    return sample
