"""Which broker a connection leads to, and what that one can do."""

from __future__ import annotations

from protocol.errors import ProtocolError
from proxy.addressing.topology import Address, Topology
from proxy.session.versions import OfferedVersions


class BrokerUnknown(ProtocolError):
    """Nothing can be offered to the client, since the broker has not told its API versions yet."""


class Target:
    """The broker of one connection: the one whose address was called, or any for the bootstrap address (None)."""

    def __init__(self, topology: Topology, node_id: int | None) -> None:
        self._topology = topology
        self._node_id = node_id
        self._offered: OfferedVersions | None = None
        self.address: Address = ("", 0)

    @property
    def may_be_another(self) -> bool:
        """Whether any broker will do."""
        return self._node_id is None

    def choose(self) -> bool:
        """Choose a broker; False if nobody knows the one that was called."""
        if self._node_id is None:
            self.address = self._topology.pick_any()
            return True
        found = self._topology.address_of(self._node_id)
        if found is not None:
            self.address = found.address
        return found is not None

    def offered(self) -> OfferedVersions:
        """The API versions that clients of this broker may use.

        :raises BrokerUnknown: if the broker has not told its own yet.
        """
        if self._offered is None:
            facts = self._topology.versions_at(*self.address)
            if facts is None:
                raise BrokerUnknown(f"the API versions of broker {self} are not known yet")
            self._offered = OfferedVersions(facts)
        return self._offered

    def __str__(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"
