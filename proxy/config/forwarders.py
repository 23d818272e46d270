"""A listener's `trusted_forwarders:`, and what it takes to believe them."""

from collections.abc import Mapping
from typing import Final

from policies.model import ANONYMOUS, EVERYONE, Principal
from policies.strict_yaml import Entry
from proxy.config.model import ClientAuth, SecurityProtocol, TlsConfig
from proxy.config.reader import SettingsReader

_CERTIFICATE: Final = "the principal of another doorkeeper's certificate, such as User:CN=front-doorkeeper"


def read_forwarders(
    reader: SettingsReader, entries: Mapping[str, Entry], protocol: SecurityProtocol | None, tls: TlsConfig | None
) -> frozenset[Principal]:
    """Who may speak for clients of its own."""
    if "trusted_forwarders" not in entries:
        return frozenset()
    entry = entries["trusted_forwarders"]
    if protocol is not None and (tls is not None or not protocol.tls):
        proven = protocol is SecurityProtocol.SSL and tls is not None and tls.client_auth is ClientAuth.REQUIRED
        if not proven:
            hint = "security_protocol: SSL and tls.client_auth: required"
            reader.fault(entry.key, "trusted_forwarders needs certificates that prove who they are", hint)
    found = set()
    for item in reader.items(entry.value):
        principal = reader.principal(item)
        if principal is None:
            continue
        if principal.type != ANONYMOUS.type or principal in (ANONYMOUS, EVERYONE):
            reader.fault(item, f"{principal} is nobody in particular", _CERTIFICATE)
        found.add(principal)
    return frozenset(found)
