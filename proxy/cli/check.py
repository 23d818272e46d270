"""What can be said of a configuration without starting: its files, and whether its certificates fit its names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config import Config, ListenerConfig, warnings
from proxy.policy_source import FileSource

_SOON = timedelta(days=30)


def check_config(config: Config) -> list[Fault]:
    """Load everything that the configuration names; what deserves a second look comes back.

    :raises InvalidDocument: with every fault of every file, and every advertised name that no certificate covers.
    """
    FileSource(config).load(0)
    faults = [fault for listener in config.listeners for fault in _uncovered_names(config, listener)]
    if faults:
        raise InvalidDocument(faults)
    return [*warnings(config), *(note for listener in config.listeners for note in _expiry(config, listener))]


def _certificate(listener: ListenerConfig) -> x509.Certificate | None:
    if listener.tls is None:
        return None
    return x509.load_pem_x509_certificates(listener.tls.certificate.read_bytes())[0]


def _uncovered_names(config: Config, listener: ListenerConfig) -> Iterator[Fault]:
    """Clients compare the name they called with the certificate's (since Kafka 2.0 by default, KIP-294)."""
    certificate = _certificate(listener)
    if certificate is None:
        return
    names = _names(certificate)
    for name in listener.advertised_names():
        if not any(_covers(pattern, name) for pattern in names):
            found = ", ".join(names) or "none"
            yield config.fault(
                f"listeners.{listener.name}.tls.certificate",
                f"the certificate does not cover the advertised name {name!r}; its alternative names are: {found}",
                "issue it with that name among its subject alternative names",
            )


def _expiry(config: Config, listener: ListenerConfig) -> Iterator[Fault]:
    certificate = _certificate(listener)
    if certificate is None:
        return
    setting = f"listeners.{listener.name}.tls.certificate"
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc < now:
        raise InvalidDocument([config.fault(setting, f"the certificate expired at {certificate.not_valid_after_utc}")])
    if certificate.not_valid_after_utc < now + _SOON:
        yield config.fault(setting, f"the certificate expires at {certificate.not_valid_after_utc}")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    hosts = [name.lower() for name in alternative.get_values_for_type(x509.DNSName)]
    return hosts + [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]


def _covers(pattern: str, name: str) -> bool:
    name = name.lower()
    if _is_address(name):
        return _is_address(pattern) and ip_address(pattern) == ip_address(name)
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
