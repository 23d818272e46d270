"""A listener's `tls:`, as PEM files or as Java's stores."""

from collections.abc import Mapping
from typing import Final

from policies.strict_yaml import Entry, Node
from proxy.config import schema
from proxy.config.model import ClientAuth, TlsConfig
from proxy.config.reader import SettingsReader

_CLIENT_AUTH: Final = tuple(each.value for each in ClientAuth)
_INSTEAD: Final = {"keystore": ("certificate", "key"), "truststore": ("client_ca",)}

Entries = Mapping[str, Entry]


def read_tls(reader: SettingsReader, node: Node, setting: str) -> TlsConfig | None:
    """The settings, or None after their faults were noted; `setting` is their own dotted name."""
    entries = reader.mapping(node, schema.keys(schema.TLS))
    reader.remember(setting, entries)
    _report_contradictions(reader, node, entries)
    named = ("certificate", "key", "keystore", "client_ca", "truststore", "client_crl")
    paths = {name: reader.path(entries[name].value) for name in named if name in entries}
    secret = ("key_password", "keystore_password", "truststore_password")
    secrets = {name: reader.secret(entries[name].value) for name in secret if name in entries}
    client_auth = _client_auth(reader, entries)
    certificate, key = (paths.get("keystore") or paths.get(name) for name in ("certificate", "key"))
    if certificate is None or key is None:
        return None
    return TlsConfig(
        certificate=certificate,
        key=key,
        key_password=secrets.get("key_password"),
        keystore_password=secrets.get("keystore_password"),
        client_ca=paths.get("truststore") or paths.get("client_ca"),
        truststore_password=secrets.get("truststore_password"),
        client_crl=paths.get("client_crl"),
        client_auth=client_auth,
    )


def _client_auth(reader: SettingsReader, entries: Entries) -> ClientAuth:
    chosen = reader.choice(entries["client_auth"].value, _CLIENT_AUTH) if "client_auth" in entries else "none"
    client_auth = ClientAuth(chosen or "none")
    if client_auth is not ClientAuth.NONE and not entries.keys() & {"client_ca", "truststore"}:
        message = f"client_auth {client_auth.value} needs client_ca"
        reader.fault(entries["client_auth"].value, message, "the authorities that sign your clients' certificates")
    return client_auth


def _report_contradictions(reader: SettingsReader, node: Node, entries: Entries) -> None:
    for store, others in _INSTEAD.items():
        password = f"{store}_password"
        for name in others:
            if store in entries and name in entries:
                reader.fault(entries[name].key, f"{name} and {store} exclude each other")
        if store in entries and password not in entries:
            reader.fault(entries[store].key, f"{store} needs {password}")
        if password in entries and store not in entries:
            reader.fault(entries[password].key, f"{password} has no effect without {store}")
    if "keystore" not in entries:
        for name in ("certificate", "key"):
            if name not in entries:
                reader.fault(node, f"the key {name!r} is missing")
    if "client_crl" in entries and not entries.keys() & {"client_ca", "truststore"}:
        reader.fault(entries["client_crl"].key, "client_crl has no effect without client_ca")
