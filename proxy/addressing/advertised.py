"""Where clients find a broker: every node id has an address of ours, and every address of ours leads to a node id.

A port per broker, fixed or on demand, or a host name per broker on one port, told apart by TLS server name indication
(RFC 6066). A node id outside the scheme has no address; whoever asks must not let a real address through instead.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

PLACEHOLDER: Final = "{node_id}"
_MAX_NODE_ID: Final = 2**31 - 1

Address = tuple[str, int]


class Advertised(Protocol):
    """A scheme of addresses."""

    def of(self, node_id: int) -> Address | None:
        """The host and port that clients are told for a broker; None when it has none."""
        ...

    def node_of_port(self, port: int, /) -> int | None:
        """The broker that a client wants who came to this port; None for the bootstrap port."""
        ...

    def node_of_host(self, name: str | None, /) -> int | None:
        """The broker that a client wants who asked for this server name; None for the bootstrap or any other name."""
        ...


@dataclass(frozen=True, slots=True)
class PortPerBroker:
    """Broker n at `first_port + (n - first id)` of one host."""

    host: str
    first_port: int
    node_ids: Sequence[int]

    def of(self, node_id: int) -> Address | None:
        """The host and port that clients are told for a broker; None when its id is outside of `node_ids`."""
        if node_id not in self.node_ids:
            return None
        return self.host, self._port(node_id)

    def node_of_port(self, port: int) -> int | None:
        """The broker that belongs to a port."""
        if not self.node_ids:
            return None
        node_id = port - self.first_port + self.node_ids[0]
        return node_id if node_id in self.node_ids else None

    def node_of_host(self, _name: str | None, /) -> int | None:
        """None: the one host name says nothing about the broker."""
        return None

    def ports(self) -> list[int]:
        """The ports of all brokers that may ever exist, known today or not."""
        return [self._port(node_id) for node_id in self.node_ids]

    def _port(self, node_id: int) -> int:
        return self.first_port + node_id - self.node_ids[0]


class PortOnDemand:
    """Each broker gets a port when it is first asked for, and keeps it.

    ``known`` gives the ids of all brokers: they get theirs together and in order, so that a restart gives
    the same ones.
    ``open_port`` listens on one more port and says which, or None when it cannot.
    """

    def __init__(self, host: str, known: Callable[[], Iterable[int]], open_port: Callable[[], int | None]) -> None:
        self._host = host
        self._known = known
        self._open_port = open_port
        self._ports: dict[int, int] = {}
        self._nodes: dict[int, int] = {}

    def of(self, node_id: int) -> Address | None:
        """The host and port that clients are told for a broker; None for ids that are no broker's (-1: no leader)."""
        if node_id < 0:
            return None
        if node_id not in self._ports:
            for each in sorted({*self._known(), node_id} - self._ports.keys()):
                self._allot(each)
        port = self._ports.get(node_id)
        return None if port is None else (self._host, port)

    def node_of_port(self, port: int) -> int | None:
        """The broker that belongs to a port."""
        return self._nodes.get(port)

    def node_of_host(self, _name: str | None, /) -> int | None:
        """None: the one host name says nothing about the broker."""
        return None

    def _allot(self, node_id: int) -> None:
        port = self._open_port()
        if port is not None:
            self._ports[node_id] = port
            self._nodes[port] = node_id


@dataclass(frozen=True, slots=True)
class HostPerBroker:
    """Broker n at the host `template` with n in the place of `{node_id}`, all on one port.

    :raises ValueError: the template has not exactly one `{node_id}`.
    """

    template: str
    port: int

    def __post_init__(self) -> None:
        if self.template.count(PLACEHOLDER) != 1:
            raise ValueError(f"found {self.template!r}, expected a host name with exactly one {PLACEHOLDER}")

    def of(self, node_id: int) -> Address | None:
        """The host and port that clients are told for a broker; None for ids that are no broker's (-1: no leader)."""
        if not 0 <= node_id <= _MAX_NODE_ID:
            return None
        return self.template.replace(PLACEHOLDER, str(node_id)), self.port

    def node_of_port(self, _port: int, /) -> int | None:
        """None: the one port says nothing about the broker."""
        return None

    def node_of_host(self, name: str | None) -> int | None:
        """The broker that belongs to a server name, read without regard to case."""
        if name is None:
            return None
        before, after = self.template.lower().split(PLACEHOLDER)
        name = name.lower().removesuffix(".")
        digits = name[len(before) : len(name) - len(after)]
        if before + digits + after != name or not _is_node_id(digits):
            return None
        return int(digits)


def _is_node_id(digits: str) -> bool:
    # One spelling per broker: "b007" is not broker 7, and other scripts' digits are none.
    return digits.isascii() and digits.isdigit() and digits == str(int(digits[:11])) and int(digits) <= _MAX_NODE_ID
