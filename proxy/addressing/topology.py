"""The brokers behind: what is known of them at the moment. Kept up to date by discovery, read by every session."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kio.static.protocol import Entity

from protocol.versions import BEFORE_API_VERSIONS, VersionRanges, broker_ranges

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, behind us. No client ever learns it."""

    host: str
    port: int
    rack: str | None = None

    @property
    def address(self) -> Address:
        """Host and port, for connecting."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Change:
    """One broker came (`before` is None), went (`after` is None) or moved."""

    node_id: int
    before: BrokerAddress | None
    after: BrokerAddress | None

    def __str__(self) -> str:
        if self.before is None:
            return f"broker {self.node_id} added at {self.after}"
        if self.after is None:
            return f"broker {self.node_id} removed, was at {self.before}"
        return f"broker {self.node_id} moved from {self.before} to {self.after}"


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What a broker answered when asked for its API versions (KIP-35).

    One older than 0.10 cannot answer: `response` is None and `release` says what it is.
    """

    response: Entity | None
    release: str = ""

    @property
    def ranges(self) -> VersionRanges:
        """The versions of each API that the broker has."""
        return BEFORE_API_VERSIONS[self.release] if self.response is None else broker_ranges(self.response)


class Topology:
    """The brokers by node id, their addresses and their API versions.

    Until the first `learn`, only the bootstrap servers are known, and they have no node ids.
    """

    def __init__(self, bootstrap_servers: Iterable[Address]) -> None:
        self.bootstrap_servers = tuple(bootstrap_servers)
        self.brokers: dict[int, BrokerAddress] = {}
        self.generation = 0
        self._failed: set[Address] = set()
        self._versions: dict[Address, VersionFacts] = {}
        self._turn = 0

    @property
    def known(self) -> bool:
        """Whether the API versions of somebody to serve clients are known; nobody can be served before.

        While the cluster tells no brokers (0.8 does not before it has a topic), that may be a bootstrap server.
        """
        return any(address in self._versions for address in self._servers())

    def learn(self, brokers: Mapping[int, BrokerAddress]) -> tuple[Change, ...]:
        """Take over the cluster's own list of its brokers; what changed comes back, in the order of node ids.

        An empty list is what a broker says that has just started: it teaches nothing.
        """
        if not brokers:
            return ()
        changes = tuple(
            Change(node_id, self.brokers.get(node_id), brokers.get(node_id))
            for node_id in sorted(self.brokers.keys() | brokers.keys())
            if self.brokers.get(node_id) != brokers.get(node_id)
        )
        if changes:
            self.brokers = dict(brokers)
            self.generation += 1
            self._forget_strangers()
        return changes

    def learn_versions(self, address: Address, facts: VersionFacts) -> None:
        """Remember what the broker at an address (a bootstrap server's too) can do."""
        self._versions[address] = facts

    def address_of(self, node_id: int) -> BrokerAddress | None:
        """Where a broker listens, or None when the cluster has no such broker now."""
        return self.brokers.get(node_id)

    def versions_of(self, node_id: int) -> VersionFacts | None:
        """What a broker can do; None when it was not asked yet."""
        broker = self.brokers.get(node_id)
        return None if broker is None else self._versions.get(broker.address)

    def versions_at(self, host: str, port: int) -> VersionFacts | None:
        """What the broker at an address can do; None when it was not asked yet."""
        return self._versions.get((host, port))

    def candidates(self) -> list[Address]:
        """Every address worth asking about the cluster: known brokers first, those that failed lately last."""
        known = dict.fromkeys(broker.address for broker in self.brokers.values())
        every = list(known | dict.fromkeys(self.bootstrap_servers))
        return sorted(every, key=lambda address: address in self._failed)

    def pick_any(self) -> Address:
        """A broker for a client that does not mind which: each in its turn, but rather not one that failed lately."""
        known = self._servers()
        asked = [address for address in known if address in self._versions] or known
        well = [address for address in asked if address not in self._failed] or asked
        self._turn += 1
        return well[self._turn % len(well)]

    def mark_failed(self, address: Address) -> None:
        """A connection to the address did not come about; `pick_any` avoids it until `mark_reached`."""
        self._failed.add(address)

    def mark_reached(self, address: Address) -> None:
        """The address answered."""
        self._failed.discard(address)

    def failed(self, address: Address) -> bool:
        """Whether the address was marked as failed and not reached since."""
        return address in self._failed

    def _servers(self) -> list[Address]:
        return [broker.address for broker in self.brokers.values()] or list(self.bootstrap_servers)

    def _forget_strangers(self) -> None:
        current = {broker.address for broker in self.brokers.values()} | set(self.bootstrap_servers)
        self._failed &= current
        self._versions = {address: facts for address, facts in self._versions.items() if address in current}
