"""What the load is told to do, and what it reports: JSON lines between two processes."""

from __future__ import annotations

from enum import Enum
from statistics import quantiles

from msgspec import Struct

from protocol.apis import ApiKey

TOPIC = "bench-orders"
DENIED_TOPIC = "secret-orders"


class Kind(Enum):
    """What a figure is counted by."""

    BULK = "CPU-s/GB"
    SMALL = "us/request"
    CONNECTIONS = "ms/connection"


class Request(Struct, frozen=True):
    """The request that is sent again and again: Produce, Fetch or Metadata.

    :param size: bytes of the records, of all partitions together.
    :param topics: the topics that one request names.
    :param partitions: how many partitions of each topic it names.
    :param turns: how many topics the requests of one connection name in turn; the names are made of the first topic's.
    :param spread: connection n names the partition n modulo `spread`, if it names one.
    """

    api: ApiKey
    version: int
    size: int = 0
    topics: tuple[str, ...] = (TOPIC,)
    partitions: int = 1
    turns: int = 1
    spread: int = 1


class Target(Struct, frozen=True):
    """Where to send it, the processes whose CPU is read, and how the client proves who it is.

    By a certificate, or by SCRAM-SHA-256, or not at all. TLS is 1.3, or 1.2 for who knows no better.
    """

    port: int
    pids: tuple[int, ...]
    ca: str | None
    certificate: str | None = None
    key: str | None = None
    user: str | None = None
    password: str | None = None
    tls_1_2: bool = False


class Flow(Struct, frozen=True, tag=True):
    """Keep `window` requests in flight on each of `connections`, and measure for `seconds` after `warm_up_s`."""

    target: Target
    request: Request
    connections: int
    window: int
    seconds: float
    warm_up_s: float


class Paced(Struct, frozen=True, tag=True):
    """Send `rate` requests per second, evenly, over `connections`, whether answers have come or not."""

    target: Target
    request: Request
    connections: int
    rate: int
    seconds: float
    warm_up_s: float


class Visits(Struct, frozen=True, tag=True):
    """Connect, log in, ask for ApiVersions, close: again and again, `at_once` of them side by side."""

    target: Target
    at_once: int
    seconds: float
    warm_up_s: float


class Crowd(Struct, frozen=True, tag=True):
    """Connect all at once, log in, ask for ApiVersions; how long until the last has its answer?"""

    target: Target
    connections: int


class Idle(Struct, frozen=True, tag=True):
    """Open `connections`, ask each for ApiVersions, and look at the memory before and after."""

    target: Target
    connections: int


Job = Flow | Paced | Visits | Crowd | Idle


class Latencies(Struct, frozen=True):
    """Percentiles in microseconds, from when a request was due until its answer was there."""

    p50: float
    p99: float
    p999: float
    worst: float

    @classmethod
    def of(cls, seconds: list[float]) -> Latencies | None:
        """None if there are too few for a percentile."""
        if len(seconds) < 100:
            return None
        cuts = quantiles(seconds, n=1000, method="inclusive")
        return cls(cuts[499] * 1e6, cuts[989] * 1e6, cuts[998] * 1e6, max(seconds) * 1e6)


class Sample(Struct, frozen=True, tag=True):
    """One measured window: requests or connections done, bytes of frames both ways, CPU seconds used meanwhile.

    `cpu_of` are the CPU seconds of each process of the target, its children included. `errors` are the codes in the
    first answers of the connections. Of a window of 1 on one connection the latencies are round trips.
    """

    seconds: float
    done: int
    transferred: int
    cpu_of: tuple[float, ...]
    errors: tuple[int, ...] = ()
    latencies: Latencies | None = None

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes of the target."""
        return sum(self.cpu_of)

    def cost(self, kind: Kind) -> float:
        """CPU in the unit of a kind."""
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


class Arrival(Struct, frozen=True, tag=True):
    """A crowd is in: seconds from the first to the last, how many got no answer, CPU seconds that it took."""

    seconds: float
    connections: int
    lost: int
    cpu_s: float


class Failure(Struct, frozen=True, tag=True):
    """The job could not be done."""

    reason: str


Outcome = Sample | Memory | Arrival | Failure
