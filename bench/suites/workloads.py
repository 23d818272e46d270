"""What is measured against the ideal broker, and what is aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.load.frames import FETCH_VERSION, METADATA_VERSION, PRODUCE_VERSION
from bench.load.jobs import DENIED_TOPIC, TOPIC, Flow, Job, Kind, Request, Target, Visits
from bench.stage.contestants import Doors
from protocol.apis import ApiKey

_TOPIC_AUTHORIZATION_FAILED: Final = 29


@dataclass(frozen=True, slots=True)
class Goal:
    """What the doorkeeper's cost may be: as a multiple of the relay's in the same run, or in the unit of the workload.

    A cost that was set on one machine means little on another; it is compared as it is all the same.
    """

    times_relay: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.times_relay:g} x" if self.times_relay else "", f"{self.at_most:g}" if self.at_most else ""]
        return " or ".join(filter(None, parts))

    def reached(self, times_relay: float, cost: float) -> bool:
        """Whether one of its bounds is kept."""
        return (self.times_relay is not None and times_relay <= self.times_relay) or (
            self.at_most is not None and cost <= self.at_most
        )


@dataclass(frozen=True, slots=True)
class Flowing:
    """A steady stream of one request."""

    request: Request
    connections: int
    window: int

    def job(self, doors: Doors, seconds: float, warm_up_s: float) -> Job:
        """The job of the load."""
        return Flow(doors.usual, self.request, self.connections, self.window, seconds, warm_up_s)


@dataclass(frozen=True, slots=True)
class Visiting:
    """New connections, again and again, some side by side."""

    at_once: int = 8
    by_certificate: bool = False

    def job(self, doors: Doors, seconds: float, warm_up_s: float) -> Job:
        """The job of the load."""
        target: Target = doors.by_certificate if self.by_certificate else doors.usual
        return Visits(target, self.at_once, seconds, warm_up_s)


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the table. `denied` are the error codes that an answer must hold where the policy is enforced."""

    name: str
    title: str
    kind: Kind
    work: Flowing | Visiting
    goal: Goal | None = None
    denied: tuple[int, ...] = ()


produce = partial(Request, ApiKey.PRODUCE, PRODUCE_VERSION)
fetch = partial(Request, ApiKey.FETCH, FETCH_VERSION)
metadata = partial(Request, ApiKey.METADATA, METADATA_VERSION)

_HUNDRED: Final = tuple(f"{TOPIC}-{number:06}" for number in range(100))

WORKLOADS: Final = (
    Workload("fetch-1m", "fetch 1 MB, c16 w1", Kind.BULK, Flowing(fetch(1_000_000), 16, 1), Goal(1.12)),
    Workload("produce-1m", "produce 1 MB, c16 w1", Kind.BULK, Flowing(produce(1_000_000), 16, 1), Goal(1.15)),
    Workload("produce-16k", "produce 16 KB, c16 w5", Kind.BULK, Flowing(produce(16_384), 16, 5), Goal(1.42)),
    Workload("produce-16k-c1", "produce 16 KB, c1 w5", Kind.BULK, Flowing(produce(16_384), 1, 5)),
    Workload("produce-16k-c200", "produce 16 KB, c200 w1", Kind.BULK, Flowing(produce(16_384), 200, 1)),
    Workload("small", "produce 100 B, c16 w50", Kind.SMALL, Flowing(produce(100), 16, 50), Goal(at_most=10)),
    Workload("small-c200", "produce 100 B, c200 w1", Kind.SMALL, Flowing(produce(100), 200, 1)),
    Workload("single", "produce 100 B, c1 w1", Kind.SMALL, Flowing(produce(100), 1, 1), Goal(1.35)),
    Workload(
        "partitions-10",
        "produce 10 partitions of 100 B, c16 w1",
        Kind.SMALL,
        Flowing(produce(1_000, partitions=10), 16, 1),
    ),
    Workload(
        "partitions-100",
        "produce 100 partitions of 100 B, c16 w1",
        Kind.SMALL,
        Flowing(produce(10_000, partitions=100), 16, 1),
    ),
    Workload(
        "partitions-1000",
        "produce 1,000 partitions of 100 B, c16 w1",
        Kind.SMALL,
        Flowing(produce(100_000, partitions=1_000), 16, 1),
    ),
    Workload(
        "denied",
        "produce 2 x 1 KB, one denied, c16 w50",
        Kind.SMALL,
        Flowing(produce(2_000, topics=(TOPIC, DENIED_TOPIC)), 16, 50),
        denied=(_TOPIC_AUTHORIZATION_FAILED,),
    ),
    Workload(
        "metadata",
        "metadata of 100 topics with 100 partitions, c1 w1",
        Kind.SMALL,
        Flowing(metadata(topics=_HUNDRED, partitions=100), 1, 1),
    ),
    Workload(
        "connect-mtls",
        "new connection: mTLS, ApiVersions",
        Kind.CONNECTIONS,
        Visiting(by_certificate=True),
        Goal(1.67, 1.2),
    ),
    Workload("connect-scram", "new connection: TLS, SCRAM, ApiVersions", Kind.CONNECTIONS, Visiting(), Goal(at_most=2)),
)
