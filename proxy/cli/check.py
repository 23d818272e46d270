"""What can be said of a configuration without starting: its files, and whether its certificates fit its names."""

from __future__ import annotations

from datetime import UTC, datetime

from policies.strict_yaml import Fault, InvalidDocument
from proxy.cli.certificates import certificate_faults, certificate_notes, read_certificate
from proxy.config import Config, warnings
from proxy.policy_source import FileSource


def check_config(config: Config) -> list[Fault]:
    """Load everything that the configuration names; what deserves a second look comes back.

    :raises InvalidDocument: with every fault of every file, and all for which clients would refuse a certificate.
    """
    faults = _file_faults(config)
    notes = list(warnings(config))
    now = datetime.now(UTC)
    for listener in config.listeners:
        certificate = read_certificate(listener)
        if certificate is not None:
            faults += certificate_faults(config, listener, certificate, now)
            notes += certificate_notes(config, listener, certificate, now)
    if faults:
        raise InvalidDocument(faults)
    return notes


def _file_faults(config: Config) -> list[Fault]:
    try:
        FileSource(config).load(0)
    except InvalidDocument as invalid:
        return list(invalid.faults)
    return []
