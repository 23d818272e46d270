"""Whether the certificate of a listener fits the names that clients are told, and the time of day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config import Config, ListenerConfig
from proxy.config.values import NODE_ID, is_address
from proxy.transport.stores import read_identity

_SOON = timedelta(days=30)


def read_certificate(listener: ListenerConfig) -> x509.Certificate | None:
    """The listener's own certificate; None without TLS, or when the file holds none."""
    if listener.tls is None:
        return None
    try:
        return read_identity(listener.tls).certificates[0]
    except InvalidDocument:
        return None


def certificate_faults(
    config: Config, listener: ListenerConfig, certificate: x509.Certificate, now: datetime
) -> Iterator[Fault]:
    """Everything for which clients would refuse the certificate."""
    setting = _setting(listener)
    if certificate.not_valid_after_utc < now:
        yield config.fault(setting, f"the certificate expired at {certificate.not_valid_after_utc}", "renew it")
    if certificate.not_valid_before_utc > now:
        yield config.fault(setting, f"the certificate is not valid before {certificate.not_valid_before_utc}")
    if not _may_serve(certificate):
        yield config.fault(
            setting, "the certificate is not one of a server", "issue it with the extended key usage serverAuth"
        )
    yield from _uncovered_names(config, listener, _names(certificate))


def certificate_notes(
    config: Config, listener: ListenerConfig, certificate: x509.Certificate, now: datetime
) -> Iterator[Fault]:
    """What works today, but deserves a second look."""
    setting = _setting(listener)
    if now <= certificate.not_valid_after_utc < now + _SOON:
        yield config.fault(setting, f"the certificate expires at {certificate.not_valid_after_utc}", "renew it")
    names = _names(certificate)
    for template in listener.advertised_names():
        brokers = _brokers_covered(names, template)
        if brokers and not _is_covered(names, template):
            listed = ", ".join(str(node_id) for node_id in brokers)
            yield config.fault(setting, f"of the names {template!r} the certificate covers only brokers {listed}")


def _uncovered_names(config: Config, listener: ListenerConfig, names: Sequence[str]) -> Iterator[Fault]:
    """Clients compare the name they called with the certificate's (since Kafka 2.0 by default, KIP-294)."""
    for name in listener.advertised_names():
        if not _is_covered(names, name) and not _brokers_covered(names, name):
            found = ", ".join(names) or "none"
            yield config.fault(
                _setting(listener),
                f"the certificate does not cover the advertised name {name!r}; its alternative names are: {found}",
                "issue it with that name among its subject alternative names",
            )


def _setting(listener: ListenerConfig) -> str:
    return f"listeners.{listener.name}.tls.certificate"


def _may_serve(certificate: x509.Certificate) -> bool:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = [name.lower() for name in alternative.get_values_for_type(x509.DNSName)]
    return hosts + [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]


def _is_covered(names: Sequence[str], name: str) -> bool:
    name = name.lower().removesuffix(".")
    if is_address(name):
        return any(is_address(each) and ip_address(each) == ip_address(name) for each in names)
    # A wildcard stands for exactly one label, the leftmost (RFC 6125 6.4.3).
    return name in names or f"*.{name.partition('.')[2]}" in names


def _brokers_covered(names: Sequence[str], template: str) -> list[int]:
    """The brokers whose names, made by the template, are named one by one."""
    if NODE_ID not in template:
        return []
    before, after = template.lower().removesuffix(".").split(NODE_ID)
    name_of_broker = re.compile(f"{re.escape(before)}(0|[1-9][0-9]*){re.escape(after)}", re.ASCII)
    return sorted(int(match[1]) for match in map(name_of_broker.fullmatch, names) if match)
