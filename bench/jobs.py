"""What the load is told to do, and what it reports: JSON lines between two processes."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from bench.frames import TOPIC
from protocol.apis import ApiKey


class Kind(Enum):
    """What a figure is counted by."""

    BULK = "CPU-s/GB"
    SMALL = "us/request"
    CONNECTIONS = "ms/connection"


class Request(Struct, frozen=True):
    """The request that is sent again and again: Produce or Fetch, the bytes of its records, its topics."""

    api: ApiKey
    size: int
    topics: tuple[str, ...] = (TOPIC,)


class Target(Struct, frozen=True):
    """Where to send it, the process whose CPU is read, and the files of the client's TLS."""

    port: int
    pid: int
    client_ca: str
    certificate: str
    key: str


class Flow(Struct, frozen=True, tag=True):
    """Keep `window` requests in flight on each of `connections`, and measure for `seconds` after `warm_up_s`."""

    target: Target
    request: Request
    connections: int
    window: int
    seconds: float
    warm_up_s: float


class Visits(Struct, frozen=True, tag=True):
    """Connect, ask for ApiVersions, close: again and again, `at_once` of them side by side."""

    target: Target
    at_once: int
    seconds: float
    warm_up_s: float


class Idle(Struct, frozen=True, tag=True):
    """Open `connections`, ask each for ApiVersions, and look at the memory before and after."""

    target: Target
    connections: int


Job = Flow | Visits | Idle


class Sample(Struct, frozen=True, tag=True):
    """One measured window: requests or connections done, bytes of frames both ways, CPU seconds used meanwhile.

    `errors` are the codes in the first answer of the connections; `latencies_us` the 50th and 99th percentile of round
    trips in microseconds, known for one connection with a window of 1.
    """

    seconds: float
    done: int
    transferred: int
    cpu_s: float
    errors: tuple[int, ...] = ()
    latencies_us: tuple[float, float] | None = None

    def cost(self, kind: Kind) -> float:
        """CPU of the proxy in the unit of a kind."""
        if kind is Kind.BULK:
            return self.cpu_s / (self.transferred / 1e9)
        return self.cpu_s / self.done * (1e6 if kind is Kind.SMALL else 1e3)

    @property
    def rate(self) -> float:
        """Requests or connections per second."""
        return self.done / self.seconds


class Memory(Struct, frozen=True, tag=True):
    """Resident bytes of a fresh process, and of the same with so many idle connections."""

    before: int
    after: int
    connections: int

    @property
    def per_connection(self) -> float:
        """Bytes for each connection."""
        return (self.after - self.before) / self.connections


class Failure(Struct, frozen=True, tag=True):
    """The job could not be done."""

    reason: str


Outcome = Sample | Memory | Failure
