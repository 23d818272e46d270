"""One entry of `listeners:`, and what its settings demand of each other."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from policies.model import ANONYMOUS
from policies.principals import PrincipalMapping
from policies.strict_yaml import Entry, Node
from proxy.config import schema
from proxy.config.forwarders import read_forwarders
from proxy.config.model import (
    BrokersConfig,
    HostPerBrokerConfig,
    ListenerConfig,
    PortOnDemandConfig,
    PortPerBrokerConfig,
    PrincipalSource,
    SecurityProtocol,
)
from proxy.config.networks import read_principal_by_network
from proxy.config.reader import SettingsReader
from proxy.config.sasl import read_sasl
from proxy.config.sasl_model import SaslConfig
from proxy.config.tls import read_tls

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_PROTOCOLS: Final = tuple(each.value for each in SecurityProtocol)
_SOURCES: Final = tuple(each.value for each in PrincipalSource)

_ON_DEMAND: Final = "auto"

Entries = Mapping[str, Entry]


def read_listener(reader: SettingsReader, node: Node) -> ListenerConfig | None:
    """The listener, or None after its faults were noted."""
    entries = reader.mapping(node, schema.keys(schema.LISTENER), schema.required(schema.LISTENER))
    name = _name(reader, entries)
    reader.remember(f"listeners.{name}", entries)
    bind = reader.address(entries["bind"].value) if "bind" in entries else None
    advertise = reader.advertised_host(entries["advertise"].value) if "advertise" in entries else None
    brokers = _brokers(reader, entries["brokers"].value) if "brokers" in entries else None
    protocol = _protocol(reader, entries)
    tls = read_tls(reader, entries["tls"].value, f"listeners.{name}.tls") if "tls" in entries else None
    sasl = read_sasl(reader, entries["sasl"].value, f"listeners.{name}.sasl") if "sasl" in entries else SaslConfig()
    rules = _mapping_rules(reader, entries)
    principal = reader.principal(entries["principal"].value) if "principal" in entries else None
    if protocol is not None:
        _report_contradictions(reader, node, entries, protocol)
    if not (name and bind and advertise and brokers and protocol):
        return None
    return ListenerConfig(
        name=name,
        bind=bind,
        advertise=advertise,
        brokers=brokers,
        security_protocol=protocol,
        tls=tls,
        principal_mapping_rules=rules,
        principal_source=_principal_source(reader, entries),
        sasl=sasl,
        balancers=_balancers(reader, entries["proxy_protocol"].value) if "proxy_protocol" in entries else (),
        principal=principal or ANONYMOUS,
        principal_by_network=read_principal_by_network(reader, entries, tls),
        trusted_forwarders=read_forwarders(reader, entries, protocol, tls),
        allow_unauthenticated=_flag(reader, entries, "allow_unauthenticated"),
    )


def _flag(reader: SettingsReader, entries: Entries, name: str) -> bool:
    return bool(reader.boolean(entries[name].value)) if name in entries else False


def _name(reader: SettingsReader, entries: Entries) -> str | None:
    name = reader.text(entries["name"].value) if "name" in entries else None
    if name is not None and not _NAME.fullmatch(name):
        reader.fault(entries["name"].value, f"expected up to 64 letters, digits, '.', '_' or '-', found {name!r}")
        return None
    return name


def _protocol(reader: SettingsReader, entries: Entries) -> SecurityProtocol | None:
    if "security_protocol" not in entries:
        return None
    chosen = reader.choice(entries["security_protocol"].value, _PROTOCOLS)
    return None if chosen is None else SecurityProtocol(chosen)


def _brokers(reader: SettingsReader, node: Node) -> BrokersConfig | None:
    entries = reader.mapping(node, schema.keys(schema.BROKERS))
    if "host" in entries:
        for name in ("first_port", "node_ids"):
            if name in entries:
                message = f"{name} and host exclude each other"
                reader.fault(entries[name].key, message, "a port for each broker, or a host name for each")
        host = reader.host_template(entries["host"].value)
        return None if host is None else HostPerBrokerConfig(host)
    for name, hint in (
        ("first_port", "the port of the first broker, such as 9101; or give host for one port and SNI"),
        ("node_ids", "every id that a broker has or may get, such as 1-50: a port is opened for each"),
    ):
        if name not in entries:
            reader.fault(node, f"the key {name!r} is missing", hint)
    first_port = reader.port(entries["first_port"].value) if "first_port" in entries else None
    if "node_ids" in entries and entries["node_ids"].value.text == _ON_DEMAND:
        return None if first_port is None else PortOnDemandConfig(first_port)
    node_ids = reader.node_ids(entries["node_ids"].value) if "node_ids" in entries else None
    if first_port is None or node_ids is None:
        return None
    ports = PortPerBrokerConfig(first_port, node_ids)
    if ports.ports[-1] > 65_535:
        message = f"the port of broker {node_ids[-1]} would be {ports.ports[-1]}, expected at most 65535"
        reader.fault(entries["node_ids"].value, message, "a lower first_port, or fewer node_ids")
        return None
    return ports


def _balancers(reader: SettingsReader, node: Node) -> tuple[IPv4Network | IPv6Network, ...]:
    entries = reader.mapping(node, schema.keys(schema.PROXY_PROTOCOL), schema.required(schema.PROXY_PROTOCOL))
    networks = []
    for item in reader.items(entries["from"].value) if "from" in entries else ():
        text = reader.text(item)
        try:
            networks += [] if text is None else [ip_network(text)]
        except ValueError:
            reader.fault(item, f"expected an address or a network, found {text!r}", "such as 10.0.0.0/8 or 10.1.2.3")
    return tuple(networks)


def _principal_source(reader: SettingsReader, entries: Entries) -> PrincipalSource:
    if "principal_source" not in entries:
        return PrincipalSource.SUBJECT
    chosen = reader.choice(entries["principal_source"].value, _SOURCES)
    return PrincipalSource(chosen or PrincipalSource.SUBJECT.value)


def _mapping_rules(reader: SettingsReader, entries: Entries) -> tuple[str, ...]:
    if "principal_mapping_rules" not in entries:
        return ("DEFAULT",)
    rules = []
    for item in reader.items(entries["principal_mapping_rules"].value):
        rule = reader.text(item)
        if rule is None:
            continue
        try:
            PrincipalMapping.parse([rule])
        except ValueError as error:
            reader.fault(item, str(error), "RULE:pattern/replacement/, with L or U after it, or DEFAULT")
        rules.append(rule)
    return tuple(rules)


def _report_contradictions(reader: SettingsReader, node: Node, entries: Entries, protocol: SecurityProtocol) -> None:
    """A setting without effect would promise a safety that is not there, so it is a fault like one that is missing."""
    needs = {
        "tls": (protocol.tls, "SSL or SASL_SSL"),
        "sasl": (protocol.sasl, "SASL_PLAINTEXT or SASL_SSL"),
        "principal": (protocol is SecurityProtocol.PLAINTEXT, "PLAINTEXT"),
        "principal_by_network": (not protocol.sasl, "PLAINTEXT or SSL"),
        "principal_source": (protocol is SecurityProtocol.SSL, "SSL"),
    }
    for name, (wanted, others) in needs.items():
        if name in entries and not wanted:
            message = f"{name} has no effect with {protocol.value}"
            reader.fault(entries[name].key, message, f"only with {others}")
        elif wanted and name in ("tls", "sasl") and name not in entries:
            reader.fault(node, f"{protocol.value} needs the key {name!r}")
    brokers = entries["brokers"].value if "brokers" in entries else None
    if brokers is not None and brokers.kind == "map" and "host" in brokers.value and not protocol.tls:
        message = f"host needs TLS, found {protocol.value}: without it there is no SNI to tell brokers apart"
        reader.fault(brokers.value["host"].key, message, "first_port and node_ids, or SSL or SASL_SSL")
