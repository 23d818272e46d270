"""What can be reached past the doorkeeper, and who comes that way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from proxy.addressing.topology import Address
from proxy.config.values import is_loopback, is_wildcard
from proxy.doctor.doors import Door
from proxy.doctor.finding import Finding, Level, counted, listed, text_of
from proxy.doctor.survey import Member, Node, Survey

_ZOOKEEPER_PORT: Final = 2181

Places = dict[Address, str]
"""Addresses worth a try, and what is expected there."""


def places(survey: Survey) -> Places:
    """Every address at which brokers, their controllers and their ZooKeeper are said to be."""
    found: Places = {server.address: "a bootstrap server" for server in survey.servers}
    if not survey.nodes:
        found |= {(host, _ZOOKEEPER_PORT): "ZooKeeper, perhaps" for host, _ in list(found)}
    for node in survey.nodes:
        found[node.address] = f"broker {node.node_id}"
        for address, what in _of_settings(node):
            found.setdefault(address, what)
    return found


def _of_settings(node: Node) -> Iterator[tuple[Address, str]]:
    host = node.address[0]
    if node.settings is None:
        yield (host, _ZOOKEEPER_PORT), f"ZooKeeper, perhaps, beside broker {node.node_id}"
        return
    for name, text in _split(node.settings.get("listeners")):
        if (address := _address(text, host)) is not None:
            yield address, f"listener {name} of broker {node.node_id}"
    servers = (node.settings.get("zookeeper.connect") or "").partition("/")[0]
    for server in servers.split(","):
        if (address := _address(f"//{server.strip()}", host, _ZOOKEEPER_PORT)) is not None and server.strip():
            yield address, "ZooKeeper"
    for voter in (node.settings.get("controller.quorum.voters") or "").split(","):
        node_id, _, server = voter.strip().partition("@")
        if (address := _address(f"//{server}", host)) is not None:
            yield address, f"controller {node_id}"
    for server in (node.settings.get("controller.quorum.bootstrap.servers") or "").split(","):
        if (address := _address(f"//{server.strip()}", host)) is not None:
            yield address, "a controller"


def _split(listeners: str | None) -> Iterator[tuple[str, str]]:
    for text in (listeners or "").split(","):
        name, _, rest = text.strip().partition("://")
        yield name, f"//{rest}"


def _address(text: str, host_of_broker: str, default_port: int | None = None) -> Address | None:
    """Host and port; no host, or a wildcard, is the broker's own."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or default_port
    except ValueError:
        return None
    if not port:
        return None
    return (host_of_broker if not host or is_wildcard(host) else host), port


def judge_doors(doors: Mapping[Address, Door], expected: Places, *, as_client: bool) -> Iterator[Finding]:
    """Which of them let in anybody who reaches them.

    From the doorkeeper's own machine some must; from where clients are (``as_client``) each is a problem.
    """
    tried = sorted(doors)
    for address in tried:
        door = doors[address]
        if not door.stands_open:
            continue
        subject = f"{text_of(address)} ({expected[address]})"
        if as_client:
            remedy = "let nobody but doorkeepers and brokers reach it"
            yield Finding(Level.PROBLEM, "open", subject, f"this machine reaches {door.value}", remedy)
        elif not is_loopback(address[0]):
            yield Finding(Level.WARNING, "open", subject, f"{door.value}: whoever reaches it gets past the doorkeeper")
    guarded = [text_of(address) for address in tried if not doors[address].stands_open]
    if guarded:
        told = f"lets nobody in from here who shows nothing: {listed(guarded)}"
        yield Finding(Level.FINE, "closed", f"{len(guarded)} of {len(tried)} addresses", told)


def advice(doors: Mapping[Address, Door]) -> str | None:
    """How to find out whether clients reach what was reached from here; None if nothing was."""
    reached = (address for address, door in sorted(doors.items()) if door.stands_open)
    remote = [text_of(address) for address in reached if not is_loopback(address[0])]
    return f"doorkeeper doctor --as-client {','.join(remote)}" if remote else None


def judge_members(nodes: Iterable[Node], doorkeepers: Collection[str]) -> Iterator[Finding]:
    """Members of groups that come to the brokers from another host than a doorkeeper's."""
    by_host: defaultdict[str, list[Member]] = defaultdict(list)
    for node in nodes:
        for member in node.members:
            if member.host not in doorkeepers:
                by_host[member.host].append(member)
    for host, members in sorted(by_host.items()):
        groups = listed(sorted({member.group_id for member in members}))
        clients = listed(sorted({member.client_id for member in members}))
        came = counted(len(members), "member")
        message = f"past this doorkeeper, {came} of groups from there: groups {groups}; clients {clients}"
        remedy = f"move them to the doorkeeper; if there is one at {host}, add --doorkeeper {host}"
        yield Finding(Level.WARNING, "past-us", host, message, remedy)
