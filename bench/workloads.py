"""What is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.frames import DENIED_TOPIC, TOPIC
from bench.jobs import Flow, Job, Kind, Request, Target, Visits
from protocol.apis import ApiKey

_TOPIC_AUTHORIZATION_FAILED: Final = 29

MakeJob = Callable[[Target, float, float], Job]
"""From a target, the seconds to measure and the seconds to warm up."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the table.

    `denied` are the error codes that an answer must hold where the policy is enforced. `goal` are the costs
    of the bare relay and of the doorkeeper, policy on, that were once measured and set as an aim on a machine of two
    cores: another machine has other figures, but their quotient and difference should be like these.
    """

    name: str
    title: str
    kind: Kind
    job: MakeJob
    goal: tuple[float, float] | None = None
    denied: tuple[int, ...] = ()


def _flow(request: Request, connections: int, window: int) -> MakeJob:
    def job(target: Target, seconds: float, warm_up_s: float) -> Job:
        return Flow(target, request, connections, window, seconds, warm_up_s)

    return job


def _visits(at_once: int) -> MakeJob:
    def job(target: Target, seconds: float, warm_up_s: float) -> Job:
        return Visits(target, at_once, seconds, warm_up_s)

    return job


_produce = partial(Request, ApiKey.PRODUCE)
_fetch = partial(Request, ApiKey.FETCH)

WORKLOADS: Final = (
    Workload("produce-16k", "produce 16 KB, c16 w5", Kind.BULK, _flow(_produce(16_384), 16, 5), (0.88, 1.25)),
    Workload("produce-1m", "produce 1 MB, c16 w1", Kind.BULK, _flow(_produce(1_000_000), 16, 1), (0.92, 1.05)),
    Workload("fetch-1m", "fetch 1 MB, c16 w1", Kind.BULK, _flow(_fetch(1_000_000), 16, 1), (0.85, 0.95)),
    Workload("small", "produce 100 B, c16 w50", Kind.SMALL, _flow(_produce(100), 16, 50), (2.9, 10.0)),
    Workload("single", "produce 100 B, c1 w1", Kind.SMALL, _flow(_produce(100), 1, 1), (56.0, 75.0)),
    Workload(
        "denied",
        "produce 2 x 1 KB, one denied, c16 w50",
        Kind.SMALL,
        _flow(_produce(1_000, (TOPIC, DENIED_TOPIC)), 16, 50),
        denied=(_TOPIC_AUTHORIZATION_FAILED,),
    ),
    Workload("connect", "new mTLS connection + ApiVersions", Kind.CONNECTIONS, _visits(8), (0.72, 1.2)),
)
IDLE: Final = "idle"
