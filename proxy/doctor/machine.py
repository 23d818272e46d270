"""Whether this machine can serve what the configuration says."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

from proxy import open_files
from proxy.config import Config, ListenerConfig, PortPerBrokerConfig
from proxy.config.values import NODE_ID, is_address
from proxy.doctor.finding import Finding, Level, at


def judge_machine(config: Config) -> Iterator[Finding]:
    """Ports that can be listened on, names that can be resolved, files that may be open."""
    yield from _files(config)
    for listener in config.listeners:
        yield from _ports(config, listener)
        yield from _names(config, listener)


def _files(config: Config) -> Iterator[Finding]:
    clients = open_files.enough_for(config)
    if clients < config.limits.max_connections:
        message = f"the files that a process may open here are enough for {clients} clients at a time"
        remedy = f"raise the hard limit to {open_files.needed(config)} (LimitNOFILE, ulimit -Hn)"
        yield at(Level.WARNING, "open-files", config.fault("limits.max_connections", message, remedy))


def _ports(config: Config, listener: ListenerConfig) -> Iterator[Finding]:
    host, port = listener.bind
    ports = [port]
    if isinstance(listener.brokers, PortPerBrokerConfig):
        ports += listener.brokers.ports
    used = []
    for each in ports:
        error = _cannot_bind(host, each)
        if error == errno.EADDRINUSE:
            used.append(str(each))
        elif error is not None:
            why = errno.errorcode.get(error, str(error))
            fault = config.fault(f"listeners.{listener.name}.bind", f"cannot listen on {host}:{each}: {why}")
            yield at(Level.PROBLEM, "cannot-listen", fault)
            return
    if used:
        message = f"{len(used)} of its {len(ports)} ports are in use: that is so while a doorkeeper runs with this file"
        yield at(Level.WARNING, "ports-in-use", config.fault(f"listeners.{listener.name}.bind", message))


def _cannot_bind(host: str, port: int) -> int | None:
    """The number of the error; None if all is well."""
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(infos):
            with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind(address)
    except OSError as error:
        return error.errno
    return None


def _names(config: Config, listener: ListenerConfig) -> Iterator[Finding]:
    first = 1
    if isinstance(listener.brokers, PortPerBrokerConfig):
        first = listener.brokers.node_ids[0]
    for template in listener.advertised_names():
        name = template.replace(NODE_ID, str(first))
        if is_address(name):
            continue
        try:
            socket.getaddrinfo(name, None)
        except OSError:
            setting = f"listeners.{listener.name}.advertise"
            message = f"the name {name!r}, which clients are told, is not known here"
            yield at(
                Level.WARNING, "name-unknown", config.fault(setting, message, "clients must be able to resolve it")
            )
