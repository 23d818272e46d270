"""How many files a process may have open: each client takes two, its own connection and the one to its broker."""

from __future__ import annotations

import resource
from typing import Final

from proxy.config.model import Config, PortPerBrokerConfig

_OF_ITS_OWN: Final = 64
"""Logs, libraries, event loop, admin port, questions to the brokers; listening ports come on top."""

_PER_CLIENT: Final = 2


def needed(config: Config) -> int:
    """What a process needs for `limits.max_connections`."""
    return _before_any_client(config) + _PER_CLIENT * config.limits.max_connections


def remedy(config: Config) -> str:
    """What to do where that is not allowed."""
    return f"raise the hard limit to {needed(config)} (LimitNOFILE, ulimit -Hn)"


def enough_for(config: Config) -> int:
    """The clients that a process can have at a time, by its hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return config.limits.max_connections
    possible = max(0, hard - _before_any_client(config)) // _PER_CLIENT
    return min(possible, config.limits.max_connections)


def allow(config: Config) -> None:
    """Raise the soft limit of this process to what it needs, as far as the hard limit lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed(config)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _before_any_client(config: Config) -> int:
    fixed = (each.brokers for each in config.listeners if isinstance(each.brokers, PortPerBrokerConfig))
    return _OF_ITS_OWN + len(config.listeners) + sum(len(brokers.node_ids) for brokers in fixed)
