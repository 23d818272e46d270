"""Every answer that carries a broker's address gets the advertised one in its place (the list: KIP-951, KIP-919, ...).

A broker that has no advertised address is left out: nobody can reach it through us, and its real address is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.splice import Items, Message
from proxy.addressing.advertised import Advertised
from proxy.addressing.topology import BrokerAddress, Topology

Edit = Callable[[Message], None]

_ENDPOINTS_TAG: Final = 0
_FIRST_WITH_ENDPOINTS: Final = 10
_FIRST_WITH_NODES: Final = 2
_BROKER_RESOURCE: Final = 4
_ADDRESS_SETTINGS: Final = re.compile(
    r"(listener\.name\..*\.)?(advertised\.listeners|listeners|advertised\.host\.name|advertised\.port|host\.name|port|"
    r"controller\.quorum\.voters|controller\.quorum\.bootstrap\.servers|zookeeper\.connect)"
)
"""The settings of a broker whose values are addresses."""


class Rewriter:
    """Rewrites addresses for the clients of one listener; Metadata that passes by teaches the topology.

    ``unadvertised`` is called with a node id that has no advertised address.
    """

    def __init__(self, topology: Topology, advertised: Advertised, unadvertised: Callable[[int], None]) -> None:
        self._topology = topology
        self._advertised = advertised
        self._unadvertised = unadvertised
        self._edits: Mapping[int, tuple[int, Edit]] = {
            ApiKey.METADATA: (0, self._metadata),
            ApiKey.FIND_COORDINATOR: (0, self._find_coordinator),
            ApiKey.PRODUCE: (_FIRST_WITH_ENDPOINTS, self._produce),
            ApiKey.DESCRIBE_CLUSTER: (0, self._describe_cluster),
            ApiKey.SHARE_FETCH: (0, self._share),
            ApiKey.SHARE_ACKNOWLEDGE: (0, self._share),
            ApiKey.DESCRIBE_CONFIGS: (0, self._describe_configs),
            ApiKey.DESCRIBE_QUORUM: (_FIRST_WITH_NODES, _describe_quorum),
        }

    def edit_for(self, api_key: int, version: int) -> Edit | None:
        """What must be done to an answer of this API, or None if it carries no address.

        The node endpoints of Fetch stand behind all records and are mapped by :meth:`endpoints` as they pass.
        """
        first, edit = self._edits.get(api_key, (0, None))
        return edit if version >= first else None

    def endpoints(self, found: Sequence[Any]) -> tuple[Any, ...]:
        """Node endpoints with advertised addresses."""
        mapped = ((node, self._address(node.node_id)) for node in found)
        return tuple(replace(node, host=address[0], port=address[1]) for node, address in mapped if address)

    def _address(self, node_id: int) -> tuple[str, int] | None:
        address = self._advertised.of(node_id)
        if address is None:
            self._unadvertised(node_id)
        return address

    def _metadata(self, answer: Message) -> None:
        items = answer.items("brokers")
        brokers = {
            int(broker.node_id): BrokerAddress(broker.host, broker.port, getattr(broker, "rack", None))
            for broker in (item.value for item in items)
        }
        # A broker that restarts knows only some of the others, so nobody is forgotten for its sake.
        self._topology.learn(self._topology.brokers | brokers)
        self._replace_brokers(items, "node_id")

    def _describe_cluster(self, answer: Message) -> None:
        self._replace_brokers(answer.items("brokers"), "broker_id")

    def _replace_brokers(self, items: Items, id_field: str) -> None:
        told = []
        for broker in (item.value for item in items):
            address = self._address(getattr(broker, id_field))
            if address is not None:
                told.append(replace(broker, host=address[0], port=address[1]))
        items.arrange(told)

    def _find_coordinator(self, answer: Message) -> None:
        if answer.has("coordinators"):
            items = answer.items("coordinators")
            items.arrange([self._coordinator(item.value) for item in items])
            return
        found = answer.entity
        told = self._coordinator(found)
        if told is not found:
            for name in ("error_code", "node_id", "host", "port"):
                answer.replace(name, getattr(told, name))

    def _coordinator(self, coordinator: Any) -> Any:
        if coordinator.error_code != ErrorCode.none:
            return coordinator
        address = self._address(coordinator.node_id)
        if address is None:
            return replace(coordinator, error_code=ErrorCode.coordinator_not_available, node_id=-1, host="", port=-1)
        return replace(coordinator, host=address[0], port=address[1])

    def _produce(self, answer: Message) -> None:
        found = answer.tagged(_ENDPOINTS_TAG)
        if found:
            answer.replace_tagged(_ENDPOINTS_TAG, self.endpoints(found) or None)

    def _share(self, answer: Message) -> None:
        found = answer.value("node_endpoints")
        if found:
            answer.replace("node_endpoints", self.endpoints(found))

    def _describe_configs(self, answer: Message) -> None:
        items = answer.items("results")
        for item in items:
            result = item.value
            if result.resource_type == _BROKER_RESOURCE and any(map(_is_address, result.configs)):
                items.replace(item, replace(result, configs=tuple(map(_without_address, result.configs))))


def _describe_quorum(answer: Message) -> None:
    """Controllers are not reachable through us: their ids stay, their listeners do not."""
    items = answer.items("nodes")
    for item in items:
        if item.value.listeners:
            items.replace(item, replace(item.value, listeners=()))


def _is_address(setting: Any) -> bool:
    return _ADDRESS_SETTINGS.fullmatch(setting.name) is not None


def _without_address(setting: Any) -> Any:
    """The setting as a broker shows one that it keeps to itself: with no value."""
    if not _is_address(setting):
        return setting
    blanked = replace(setting, value=None, is_sensitive=True)
    if not hasattr(setting, "synonyms"):
        return blanked
    return replace(blanked, synonyms=tuple(replace(synonym, value=None) for synonym in setting.synonyms))
