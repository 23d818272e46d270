"""What the connections of one process have in common."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from proxy.authentication.outcome import WaitsFor
from proxy.observability.observer import Observer
from proxy.transport.newcomers import FailedLogins, Newcomers
from proxy.transport.plain_hop import PlainHop
from proxy.transport.ports import BrokerDirectory, Hop
from proxy.transport.registry import Capacity, Registry
from proxy.transport.tasks import Tasks
from proxy.transport.turnstile import Turnstile


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """Built once, inside the running event loop. `executor` computes, `waiting` waits for issuers of tokens,
    `directories` for the directory of each listener that has one.

    `client_flush_s` bounds how long a closed client may take to read its last answers, `broker_flush_s` how long a
    broker may take to read what a client sent before it went; both in seconds.
    """

    observer: Observer
    directory: BrokerDirectory
    executor: Executor
    waiting: Executor
    capacity: Capacity
    newcomers: Newcomers
    failed_logins: FailedLogins
    tasks: Tasks
    directories: Mapping[str, Executor] = field(default_factory=dict)
    hop: Hop = field(default_factory=PlainHop)
    registry: Registry = field(default_factory=Registry)
    turnstile: Turnstile = field(default_factory=Turnstile)
    client_flush_s: float = 5.0
    broker_flush_s: float = 30.0
    bytes_to_broker: int = 0
    """Sent since they were last taken: counted here, since a metric would cost more than the sending."""
    bytes_to_client: int = 0

    def threads_for(self, waits_for: WaitsFor, listener: str) -> Executor:
        """Where slow work of a client of this listener is done."""
        if waits_for is WaitsFor.DIRECTORY:
            return self.directories[listener]
        return self.waiting if waits_for is WaitsFor.ISSUER else self.executor

    def take_bytes(self) -> tuple[int, int]:
        """The bytes sent to brokers and to clients since the last call."""
        taken = self.bytes_to_broker, self.bytes_to_client
        self.bytes_to_broker = self.bytes_to_client = 0
        return taken
