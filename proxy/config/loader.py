"""From the text of `doorkeeper.yaml` to a `Config`, or to everything that is wrong with it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from policies.strict_yaml import Entry, Fault, InvalidDocument, Node, parse
from proxy.config import schema
from proxy.config.cluster import read_cluster
from proxy.config.collisions import report_collisions
from proxy.config.environment import substitute
from proxy.config.listeners import read_listener
from proxy.config.model import (
    STANDARD_OUTPUT,
    AdminConfig,
    AuditConfig,
    Config,
    Limits,
    ListenerConfig,
    PolicyConfig,
    PolicyMode,
)
from proxy.config.open_doors import report_open_doors, report_ports_of_workers
from proxy.config.reader import SettingsReader
from proxy.config.shapes import Schema

_MODES: Final = tuple(mode.value for mode in PolicyMode)

Entries = Mapping[str, Entry]


def load_config(path: str | Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the file at `path`; `environment` is that of the process unless given.

    :raises InvalidDocument: with every fault that the file has.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, "is not UTF-8 text")]) from error
    return parse_config(text, path, os.environ if environment is None else environment)


def parse_config(text: str, path: Path, environment: Mapping[str, str]) -> Config:
    """The config that `text`, the content of `path`, says.

    :raises InvalidDocument: with every fault of the text.
    """
    reader = SettingsReader(path)
    root = substitute(parse(text, str(path)), environment, reader)
    entries = reader.mapping(root, schema.keys(schema.CONFIG), schema.required(schema.CONFIG))
    reader.remember("", entries)
    config = _Sections(reader, path, root, entries).config()
    reader.finish()
    if config is None:
        raise AssertionError("a setting is missing, but no fault was found")
    return config


class _Sections:
    """The sections of the file, each read by a method of its own."""

    def __init__(self, reader: SettingsReader, path: Path, root: Node, entries: Entries) -> None:
        self._reader = reader
        self._path = path
        self._root = root
        self._entries = entries

    def config(self) -> Config | None:
        cluster = read_cluster(self._reader, self._entries["cluster"].value) if "cluster" in self._entries else None
        listeners, policy = self._listeners(), self._policy()
        admin, audit, workers, limits = self._admin(), self._audit(), self._workers(), self._limits()
        users = self._reader.path(self._entries["users"].value) if "users" in self._entries else None
        if "users" not in self._entries:
            self._report_missing_users(listeners)
        report_collisions(self._reader, listeners, admin, self._root)
        report_open_doors(self._reader, cluster, listeners)
        report_ports_of_workers(self._reader, listeners, workers)
        if cluster is None or policy is None:
            return None
        return Config(
            path=self._path,
            cluster=cluster,
            listeners=tuple(listeners.values()),
            users=users,
            policy=policy,
            admin=admin,
            audit=audit,
            workers=workers,
            limits=limits,
            places=dict(self._reader.places),
        )

    def _section(self, name: str, of: Schema) -> Entries | None:
        if name not in self._entries:
            return None
        entries = self._reader.mapping(self._entries[name].value, schema.keys(of), schema.required(of))
        self._reader.remember(name, entries)
        return entries

    def _listeners(self) -> dict[str, ListenerConfig]:
        listeners: dict[str, ListenerConfig] = {}
        if "listeners" not in self._entries:
            return listeners
        for node in self._reader.items(self._entries["listeners"].value):
            listener = read_listener(self._reader, node)
            if listener is None:
                continue
            if listener.name in listeners:
                self._reader.fault(node, f"a second listener is named {listener.name!r}")
            listeners.setdefault(listener.name, listener)
        return listeners

    def _report_missing_users(self, listeners: Mapping[str, ListenerConfig]) -> None:
        for name, listener in listeners.items():
            if listener.sasl.needs_users:
                message = f"the listener {name!r} needs users for {listener.security_protocol.value}"
                hint = "add users: users.yaml, and make users with 'doorkeeper user add'"
                self._reader.fault(self._entries["listeners"].key, message, hint)

    def _policy(self) -> PolicyConfig | None:
        entries = self._section("policy", schema.POLICY)
        if entries is None:
            return None
        file = self._reader.path(entries["file"].value) if "file" in entries else None
        chosen = self._reader.choice(entries["mode"].value, _MODES) if "mode" in entries else _MODES[0]
        if chosen is None:
            return None
        mode = PolicyMode(chosen)
        if "file" not in entries and mode is not PolicyMode.OFF:
            hint = "add file: policy.yaml, or mode: off to let everything through"
            self._reader.fault(self._entries["policy"].value, f"mode {chosen} needs a policy file", hint)
        return PolicyConfig(file, mode)

    def _admin(self) -> AdminConfig | None:
        entries = self._section("admin", schema.ADMIN)
        bind = self._reader.address(entries["bind"].value, lowest_port=0) if entries and "bind" in entries else None
        return None if bind is None else AdminConfig(bind)

    def _audit(self) -> AuditConfig:
        entries = self._section("audit", schema.AUDIT) or {}
        path = None
        if "file" in entries and entries["file"].value.text != STANDARD_OUTPUT:
            path = self._reader.path(entries["file"].value)
        grants = self._reader.boolean(entries["grants"].value) if "grants" in entries else False
        return AuditConfig(path, bool(grants))

    def _workers(self) -> int:
        if "workers" not in self._entries:
            return 1
        return self._reader.integer(self._entries["workers"].value, 1, 256) or 1

    def _limits(self) -> Limits:
        entries = self._section("limits", schema.LIMITS) or {}
        given = {}
        for name, entry in entries.items():
            bounds = schema.LIMITS["properties"][name]
            value = self._reader.integer(entry.value, bounds["minimum"], bounds["maximum"])
            if value is not None:
                given[name] = value
        return Limits(**given)
