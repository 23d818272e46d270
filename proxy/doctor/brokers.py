"""What would go wrong with these brokers behind this configuration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from protocol.releases import release_of
from protocol.versions import release_before_api_versions
from proxy.addressing.advertised import HostPerBroker, PortPerBroker
from proxy.addressing.topology import Address
from proxy.config import Config, HostPerBrokerConfig, ListenerConfig, PortPerBrokerConfig
from proxy.config.values import is_loopback
from proxy.doctor.doors import Door
from proxy.doctor.finding import Finding, Level, at, listed, text_of
from proxy.doctor.survey import Node, Survey

_AUTHORIZER: Final = "authorizer.class.name"
_PER_ADDRESS: Final = "max.connections.per.ip"
_EXCEPTIONS: Final = "max.connections.per.ip.overrides"
_IN_ALL: Final = "max.connections"
_REQUEST_BYTES: Final = "socket.request.max.bytes"


def judge_brokers(config: Config, survey: Survey, doors: Mapping[Address, Door]) -> Iterator[Finding]:
    """Whether they can be reached, belong together, have addresses for clients, and let enough of them in.

    ``doors`` are what their addresses turned out to be.
    """
    yield from _servers(survey, doors)
    yield from _one_cluster(survey)
    for node in survey.nodes:
        yield from _reached(node, doors)
        yield from _ourselves(config, node)
        if node.versions is not None:
            yield from _version(config, node)
            yield from _settings(config, survey, node)
    yield from _advertised(config, survey)
    yield from _versions_differ(survey)
    yield from _limited_users(survey)


def _servers(survey: Survey, doors: Mapping[Address, Door]) -> Iterator[Finding]:
    for server in survey.servers:
        subject = f"bootstrap server {text_of(server.address)}"
        if server.trouble is not None:
            remedy = "is it running, can it be reached, and is cluster.security_protocol that of its listener?"
            message = _trouble(server.trouble, doors.get(server.address))
            yield Finding(Level.PROBLEM, "server-unreachable", subject, message, remedy)
        elif not server.brokers:
            remedy = "a Kafka 0.8 without a topic does not: create one"
            yield Finding(Level.PROBLEM, "no-brokers", subject, "it knows of no broker", remedy)


def _one_cluster(survey: Survey) -> Iterator[Finding]:
    told = {server.cluster_id: server for server in survey.servers if server.cluster_id is not None}
    if len(told) > 1:
        where = ", ".join(f"{text_of(server.address)} is of {cluster_id}" for cluster_id, server in told.items())
        remedy = "clients would be sent from one to the other: name the servers of one cluster"
        yield Finding(Level.PROBLEM, "two-clusters", "bootstrap_servers", f"more than one cluster: {where}", remedy)


def _trouble(told: str, door: Door | None) -> str:
    return told if door in (None, Door.CLOSED) else f"{told}: there is {door.value}"


def _reached(node: Node, doors: Mapping[Address, Door]) -> Iterator[Finding]:
    if node.trouble is None:
        return
    remedy = "is it running, and can its advertised address be reached from here?"
    if is_loopback(node.address[0]):
        remedy = "it tells an address of its own machine: set its advertised.listeners to one that is reached from here"
    message = _trouble(node.trouble, doors.get(node.address))
    yield Finding(Level.PROBLEM, "broker-unreachable", str(node), message, remedy)


def _ourselves(config: Config, node: Node) -> Iterator[Finding]:
    for listener in config.listeners:
        if node.address in _own_addresses(listener, node.node_id):
            message = f"it advertises an address of listener {listener.name!r}, so the doorkeeper would call itself"
            remedy = "brokers keep their own addresses in advertised.listeners; the doorkeeper tells clients its own"
            yield Finding(Level.PROBLEM, "broker-is-doorkeeper", str(node), message, remedy)


def _own_addresses(listener: ListenerConfig, node_id: int) -> Iterator[Address | None]:
    brokers, port = listener.brokers, listener.bind[1]
    for host in dict.fromkeys((listener.advertise, listener.bind[0])):
        yield host, port
        if isinstance(brokers, PortPerBrokerConfig):
            yield PortPerBroker(host, brokers.first_port, brokers.node_ids).of(node_id)
    if isinstance(brokers, HostPerBrokerConfig):
        yield HostPerBroker(brokers.host, port).of(node_id)


def _version(config: Config, node: Node) -> Iterator[Finding]:
    assert node.versions is not None
    told = release_before_api_versions(config.cluster.version)
    if told is None or told == node.versions.release:
        return
    found = node.versions.release or f"newer: {release_of(node.versions.ranges)}"
    message = f"the broker at {text_of(node.address)} is {found}, so clients are offered what it does not have, or less"
    fault = config.fault("cluster.version", message, "remove it: this broker can be recognised")
    yield at(Level.PROBLEM, "wrong-version", fault)


def _settings(config: Config, survey: Survey, node: Node) -> Iterator[Finding]:
    if node.settings is None:
        message = f"it does not tell its settings (found: {node.release})"
        remedy = f"look at its server.properties yourself: listeners, {_PER_ADDRESS}, {_IN_ALL}"
        yield Finding(Level.UNKNOWN, "settings-not-told", str(node), message, remedy)
        return
    yield from _connections(config, survey, node)
    ours, theirs = config.limits.socket_request_max_bytes, _number(node, _REQUEST_BYTES)
    if theirs is not None and theirs > ours:
        message = f"it takes requests of up to {theirs} bytes; above {ours} the doorkeeper closes the connection"
        yield Finding(Level.WARNING, "request-size", str(node), message, "raise limits.socket_request_max_bytes")
    if node.settings.get(_AUTHORIZER):
        message = "it has an authorizer of its own, which takes all clients for the one user that the doorkeeper is"
        remedy = "give that user every right, or let the broker decide alone (policy.mode: off)"
        yield Finding(Level.WARNING, "brokers-authorizer", str(node), message, remedy)


def _connections(config: Config, survey: Survey, node: Node) -> Iterator[Finding]:
    """To a broker all clients come from our address."""
    wanted = config.limits.max_connections
    for name, allowed in ((_PER_ADDRESS, _per_address(survey, node)), (_IN_ALL, _number(node, _IN_ALL))):
        if allowed is not None and allowed < wanted:
            message = f"with its {name} of {allowed} it takes no more than these from the doorkeeper, for all clients"
            remedy = f"raise it to limits.max_connections, {wanted}, or lower that"
            yield Finding(Level.PROBLEM, "connection-limit", str(node), message, remedy)


def _per_address(survey: Survey, node: Node) -> int | None:
    assert node.settings is not None
    exceptions = (node.settings.get(_EXCEPTIONS) or "").replace(" ", "").split(",")
    by_host = {host: count for host, _, count in (each.rpartition(":") for each in exceptions) if count.isdigit()}
    ours = [int(count) for host, count in by_host.items() if host in survey.own_hosts]
    return min(ours) if ours else _number(node, _PER_ADDRESS)


def _number(node: Node, name: str) -> int | None:
    assert node.settings is not None
    value = node.settings.get(name) or ""
    return int(value) if value.isdigit() else None


def _advertised(config: Config, survey: Survey) -> Iterator[Finding]:
    for listener in config.listeners:
        brokers = listener.brokers
        if not isinstance(brokers, PortPerBrokerConfig):
            continue
        hidden = [str(node.node_id) for node in survey.nodes if node.node_id not in brokers.node_ids]
        if hidden:
            setting = f"listeners.{listener.name}.brokers"
            message = f"broker {listed(hidden)} has no port here and is hidden from clients"
            yield at(Level.PROBLEM, "broker-not-advertised", config.fault(setting, message, "widen node_ids"))


def _versions_differ(survey: Survey) -> Iterator[Finding]:
    by_release: defaultdict[str, list[str]] = defaultdict(list)
    for node in survey.nodes:
        if node.versions is not None:
            by_release[node.release].append(str(node.node_id))
    if len(by_release) > 1:
        found = "; ".join(f"{release}: {listed(nodes)}" for release, nodes in by_release.items())
        yield Finding(Level.WARNING, "versions-differ", "the brokers", f"they are not of one version ({found})")


def _limited_users(survey: Survey) -> Iterator[Finding]:
    if survey.limited_users:
        whom = listed(list(survey.limited_users))
        message = f"quotas are set for {whom}; to a broker all clients are one user at one address"
        yield Finding(Level.WARNING, "quotas", "the brokers", message, "quotas for client ids still tell clients apart")
