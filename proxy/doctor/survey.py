"""What the cluster says of itself: its brokers, their settings, and who is connected to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.errors import ProtocolError
from protocol.releases import release_of
from protocol.versions import newest_common
from proxy.addressing.topology import Address, BrokerAddress, VersionFacts
from proxy.doctor.crowd import all_of
from proxy.transport.broker_link import BrokerLink, broker_link
from proxy.transport.ports import Hop
from proxy.transport.questions import ask_metadata, ask_settings, ask_versions, brokers_of, old_release, reason

_AT_ONCE: Final = 8
_GROUPS_AT_ONCE: Final = 100
_DESCRIBED_BY: Final[Mapping[str, tuple[ApiKey, str]]] = {
    "classic": (ApiKey.DESCRIBE_GROUPS, "groups"),
    "consumer": (ApiKey.CONSUMER_GROUP_DESCRIBE, "group_ids"),
    "share": (ApiKey.SHARE_GROUP_DESCRIBE, "group_ids"),
    "streams": (ApiKey.STREAMS_GROUP_DESCRIBE, "group_ids"),
}
"""The types of groups that ListGroups tells (KIP-848, KIP-932, KIP-1071): by which API each is described."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group, and the host from which a broker saw it come."""

    group_id: str
    client_id: str
    host: str


@dataclass(frozen=True, slots=True)
class Server:
    """What a bootstrap server told; with ``trouble`` it could not be asked."""

    address: Address
    trouble: str | None = None
    brokers: Mapping[int, BrokerAddress] = field(default_factory=dict)
    cluster_id: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """What a broker told; with ``trouble`` it could not be asked.

    ``settings`` are None if it cannot tell them: those before 0.11 cannot.
    """

    node_id: int
    address: Address
    trouble: str | None = None
    versions: VersionFacts | None = None
    settings: Mapping[str, str | None] | None = None
    members: tuple[Member, ...] = ()

    @property
    def release(self) -> str:
        """Of which release it is, for people; "" if it could not be asked."""
        return "" if self.versions is None else self.versions.release or release_of(self.versions.ranges)

    def __str__(self) -> str:
        return f"broker {self.node_id} at {BrokerAddress(*self.address)}"


@dataclass(frozen=True, slots=True)
class Survey:
    """The cluster as it was found. ``topics`` are None if nobody could tell; ``limited_users`` are the quotas that
    brokers have for addresses and for users, as people write them. ``own_hosts`` are ours, as the brokers see them.
    """

    servers: tuple[Server, ...]
    nodes: tuple[Node, ...] = ()
    topics: frozenset[str] | None = None
    limited_users: tuple[str, ...] = ()
    own_hosts: frozenset[str] = frozenset()


async def survey(servers: Iterable[Address], hop: Hop, timeout_s: float) -> Survey:
    """Ask everybody; what cannot be asked has trouble. Connecting and each answer may take ``timeout_s``."""
    return await _Surveyor(hop, timeout_s).survey(tuple(servers))


class _Surveyor:
    def __init__(self, hop: Hop, timeout_s: float) -> None:
        self._hop = hop
        self._timeout_s = timeout_s
        self._own_hosts: set[str] = set()
        self._known: dict[Address, VersionFacts] = {}

    async def survey(self, addresses: tuple[Address, ...]) -> Survey:
        servers = await all_of(map(self._server, addresses), _AT_ONCE)
        brokers = {node_id: broker for server in servers for node_id, broker in server.brokers.items()}
        asked = (self._node(node_id, broker.address) for node_id, broker in sorted(brokers.items()))
        nodes = await all_of(asked, _AT_ONCE)
        topics, limited = await self._of_the_whole([node for node in nodes if node.trouble is None])
        return Survey(tuple(servers), tuple(nodes), topics, limited, frozenset(self._own_hosts))

    def _link(self, address: Address) -> AbstractAsyncContextManager[BrokerLink]:
        return broker_link(address, self._timeout_s, self._hop)

    async def _versions(self, address: Address) -> VersionFacts:
        """Asked once: a bootstrap server is a broker, too."""
        if address not in self._known:
            release = await old_release(address, self._timeout_s, self._hop)
            if release is not None:
                self._known[address] = VersionFacts(None, release)
            else:
                async with self._link(address) as link:
                    self._known[address] = VersionFacts(await ask_versions(link))
        return self._known[address]

    async def _server(self, address: Address) -> Server:
        try:
            versions = await self._versions(address)
            async with self._link(address) as link:
                told = await ask_metadata(link, versions.response, topics=())
        except (OSError, ProtocolError) as error:
            return Server(address, trouble=reason(error))
        return Server(address, brokers=brokers_of(told), cluster_id=getattr(told, "cluster_id", None))

    async def _node(self, node_id: int, address: Address) -> Node:
        try:
            versions = await self._versions(address)
            async with self._link(address) as link:
                self._own_hosts.add(link.local_host)
                settings = await ask_settings(link, node_id, versions.ranges)
                members = await _members(link, versions)
        except (OSError, ProtocolError) as error:
            return Node(node_id, address, trouble=reason(error))
        return Node(node_id, address, versions=versions, settings=settings, members=members)

    async def _of_the_whole(self, nodes: list[Node]) -> tuple[frozenset[str] | None, tuple[str, ...]]:
        """What any broker knows of the whole cluster: the first that answers tells."""
        for node in nodes:
            assert node.versions is not None
            try:
                async with self._link(node.address) as link:
                    return await _topics(link, node.versions), await _limited_users(link, node.versions)
            except (OSError, ProtocolError):
                continue
        return None, ()


async def _topics(link: BrokerLink, versions: VersionFacts) -> frozenset[str]:
    """Those that people made."""
    told = await ask_metadata(link, versions.response, topics=None)
    return frozenset(topic.name for topic in told.topics if not topic.name.startswith("__"))


async def _members(link: BrokerLink, versions: VersionFacts) -> tuple[Member, ...]:
    """The members of the groups that this broker coordinates."""
    version = newest_common(ApiKey.LIST_GROUPS, versions.ranges)
    if version is None:
        return ()
    by_type: dict[str, list[str]] = {}
    for group in (await link.answer(ApiKey.LIST_GROUPS, version)).groups:
        by_type.setdefault(getattr(group, "group_type", "").lower() or "classic", []).append(group.group_id)
    return tuple(
        [
            Member(group.group_id, member.client_id, member.client_host.rpartition("/")[2])
            for group_type, names in by_type.items()
            for group in await _described(link, versions, group_type, names)
            for member in group.members
        ]
    )


async def _described(link: BrokerLink, versions: VersionFacts, group_type: str, names: list[str]) -> list[Any]:
    api_key, field_name = _DESCRIBED_BY.get(group_type, _DESCRIBED_BY["classic"])
    version = newest_common(api_key, versions.ranges)
    if version is None:
        return []
    answers = [
        await link.answer(api_key, version, **{field_name: tuple(names[first : first + _GROUPS_AT_ONCE])})
        for first in range(0, len(names), _GROUPS_AT_ONCE)
    ]
    return [group for answer in answers for group in answer.groups if group.error_code is ErrorCode.none]


async def _limited_users(link: BrokerLink, versions: VersionFacts) -> tuple[str, ...]:
    """The quotas of users and addresses (KIP-546; 2.6 and later tell them)."""
    version = newest_common(ApiKey.DESCRIBE_CLIENT_QUOTAS, versions.ranges)
    if version is None:
        return ()
    told = await link.answer(ApiKey.DESCRIBE_CLIENT_QUOTAS, version, components=(), strict=False)
    return tuple(
        sorted(
            ", ".join(f"{part.entity_type} {part.entity_name or '(default)'}" for part in entry.entity)
            for entry in told.entries or ()
            if any(part.entity_type in ("user", "ip") for part in entry.entity)
        )
    )
