"""A listener's `principal_by_network:`."""

from collections.abc import Mapping

from policies.model import EVERYONE, Principal
from policies.strict_yaml import Entry, Node
from proxy.authentication.networks import canonical_network
from proxy.config import schema
from proxy.config.model import ClientAuth, TlsConfig
from proxy.config.reader import SettingsReader


def read_principal_by_network(
    reader: SettingsReader, entries: Mapping[str, Entry], tls: TlsConfig | None
) -> dict[str, Principal]:
    """Who clients are by their network."""
    if "principal_by_network" not in entries:
        return {}
    entry = entries["principal_by_network"]
    if tls is not None and tls.client_auth is ClientAuth.REQUIRED:
        message = "principal_by_network has no effect with client_auth required: every client has a certificate"
        reader.fault(entry.key, message, "client_auth: requested, or none")
    found: dict[str, Principal] = {}
    for item in reader.items(entry.value):
        of = schema.NETWORK_PRINCIPAL
        settings = reader.mapping(item, schema.keys(of), schema.required(of))
        network = _network(reader, settings["network"].value) if "network" in settings else None
        principal = reader.principal(settings["principal"].value) if "principal" in settings else None
        if principal == EVERYONE:
            reader.fault(settings["principal"].value, f"{principal} is nobody in particular", "such as User:press")
        if network in found:
            reader.fault(settings["network"].value, f"the network {network} is given twice")
        elif network is not None and principal is not None:
            found[network] = principal
    return found


def _network(reader: SettingsReader, node: Node) -> str | None:
    text = reader.text(node)
    if text is None:
        return None
    try:
        return canonical_network(text)
    except ValueError as error:
        reader.fault(node, str(error), "such as 10.1.2.0/24 or 10.1.2.3")
        return None
