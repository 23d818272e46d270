"""Whether this machine can serve what the configuration says."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence

from proxy import open_files
from proxy.addressing.advertised import PortPerBroker
from proxy.config import Config, HostPerBrokerConfig, ListenerConfig, PortPerBrokerConfig
from proxy.config.values import NODE_ID
from proxy.doctor.finding import Finding, Level, at, text_of
from proxy.transport.listener import bound


def judge_machine(config: Config, node_ids: Sequence[int]) -> Iterator[Finding]:
    """Ports that can be listened on, names that can be resolved, files that may be open.

    ``node_ids`` are those of the brokers that were found; where each has a name of its own, the first one's is tried.
    """
    yield from _files(config)
    for listener in config.listeners:
        yield from _ports(config, listener)
        yield from _names(config, listener, node_ids)


def _files(config: Config) -> Iterator[Finding]:
    clients = open_files.enough_for(config)
    if clients < config.limits.max_connections:
        message = f"the files that a process may open here are enough for {clients} clients at a time"
        fault = config.fault("limits.max_connections", message, open_files.remedy(config))
        yield at(Level.WARNING, "open-files", fault)


def _ports(config: Config, listener: ListenerConfig) -> Iterator[Finding]:
    host, port = listener.bind
    ports = [port]
    if isinstance(listener.brokers, PortPerBrokerConfig):
        ports += PortPerBroker(host, listener.brokers.first_port, listener.brokers.node_ids).ports()
    setting = f"listeners.{listener.name}.bind"
    used = 0
    for each in ports:
        error = _cannot_bind(host, each)
        if error is not None and error.errno == errno.EADDRINUSE:
            used += 1
        elif error is not None:
            fault = config.fault(setting, f"cannot listen on {text_of((host, each))}: {error.strerror}")
            yield at(Level.PROBLEM, "cannot-listen", fault)
            return
    if used:
        message = f"{used} of its {len(ports)} ports are in use: that is so while a doorkeeper runs with this file"
        yield at(Level.WARNING, "ports-in-use", config.fault(setting, message))


def _cannot_bind(host: str, port: int) -> OSError | None:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(infos):
            bound(family, address, reuse_port=False).close()
    except OSError as error:
        return error
    return None


def _names(config: Config, listener: ListenerConfig, node_ids: Sequence[int]) -> Iterator[Finding]:
    names = [listener.advertise]
    if isinstance(listener.brokers, HostPerBrokerConfig):
        names += [listener.brokers.host.replace(NODE_ID, str(node_id)) for node_id in node_ids[:1]]
    for name in names:
        try:
            socket.getaddrinfo(name, None)
        except OSError:
            message = f"the name {name!r}, which clients are told, is not known here"
            fault = config.fault(f"listeners.{listener.name}.advertise", message, "clients must be able to resolve it")
            yield at(Level.WARNING, "name-unknown", fault)
