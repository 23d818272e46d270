"""`cluster:`, the brokers behind, and what its settings demand of each other."""

import re
from collections.abc import Mapping
from typing import Final

from policies.strict_yaml import Entry, Node
from proxy.authentication.gssapi import GSSAPI
from proxy.config import cluster_schema
from proxy.config.cluster_model import (
    ClientCredentialsLogin,
    ClusterLogin,
    ClusterTls,
    KerberosLogin,
    PasswordLogin,
    TokenFileLogin,
)
from proxy.config.extras import report_missing_package
from proxy.config.model import ClusterConfig, SecurityProtocol
from proxy.config.reader import SettingsReader
from proxy.config.shapes import Schema

_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+){1,3}", re.ASCII)
_PROTOCOLS: Final = tuple(each.value for each in SecurityProtocol)
_ON_ITS_WAY: Final = "whoever can read our secret on its way can be us"
_OAUTHBEARER: Final = "OAUTHBEARER"
_PASSWORD_KEYS: Final = ("username", "password")
_ISSUER_KEYS: Final = ("token_endpoint", "client_id", "client_secret")
_TOKEN_KEYS: Final = ("token_file", *_ISSUER_KEYS, "token_endpoint_ca", "scope")
_KEYS_OF: Final = {_OAUTHBEARER: _TOKEN_KEYS, GSSAPI: ("kerberos",)}
"""What a mechanism has to do with; all others have to do with a password."""

Entries = Mapping[str, Entry]


def read_cluster(reader: SettingsReader, node: Node) -> ClusterConfig | None:
    """The brokers behind, or None after its faults were noted."""
    entries = _entries(reader, node, cluster_schema.CLUSTER, "cluster")
    protocol = SecurityProtocol.PLAINTEXT
    if "security_protocol" in entries:
        protocol = SecurityProtocol(reader.choice(entries["security_protocol"].value, _PROTOCOLS) or protocol)
    _report_contradictions(reader, node, entries, protocol)
    tls = _tls(reader, entries["tls"].value) if "tls" in entries else None
    if tls is None and protocol.tls:
        tls = ClusterTls()
    login = _login(reader, entries["sasl"].value) if "sasl" in entries else None
    version = _version(reader, entries["version"].value) if "version" in entries else "auto"
    if "bootstrap_servers" not in entries:
        return None
    servers = [reader.address(item) for item in reader.items(entries["bootstrap_servers"].value)]
    return ClusterConfig(
        bootstrap_servers=tuple(server for server in servers if server is not None),
        security_protocol=protocol,
        tls=tls,
        login=login,
        forward_principal=_forwards(reader, entries, protocol, tls),
        version=version,
    )


def _entries(reader: SettingsReader, node: Node, of: Schema, setting: str) -> Entries:
    entries = reader.mapping(node, tuple(of["properties"]), tuple(of["required"]))
    reader.remember(setting, entries)
    return entries


def _report_contradictions(reader: SettingsReader, node: Node, entries: Entries, protocol: SecurityProtocol) -> None:
    for name, wanted, others in (
        ("tls", protocol.tls, "SSL or SASL_SSL"),
        ("sasl", protocol.sasl, "SASL_PLAINTEXT or SASL_SSL"),
    ):
        if name in entries and not wanted:
            message = f"{name} has no effect with {protocol.value} towards the brokers"
            reader.fault(entries[name].key, message, f"only with security_protocol: {others}")
    if protocol.sasl and "sasl" not in entries:
        reader.fault(node, f"{protocol.value} towards the brokers needs the key 'sasl'", "who we are to the brokers")


def _forwards(reader: SettingsReader, entries: Entries, protocol: SecurityProtocol, tls: ClusterTls | None) -> bool:
    if "forward_principal" not in entries or not reader.boolean(entries["forward_principal"].value):
        return False
    if protocol is not SecurityProtocol.SSL or tls is None or tls.certificate is None:
        hint = "security_protocol: SSL, with tls.certificate and tls.key"
        reader.fault(entries["forward_principal"].key, "forward_principal needs a certificate that proves us", hint)
    return True


def _tls(reader: SettingsReader, node: Node) -> ClusterTls:
    entries = _entries(reader, node, cluster_schema.TLS, "cluster.tls")
    for name, other in (("certificate", "key"), ("key", "certificate"), ("key_password", "key")):
        if name in entries and other not in entries:
            reader.fault(entries[name].key, f"{name} has no effect without {other}")
    paths = {name: reader.path(entries[name].value) for name in ("ca", "certificate", "key") if name in entries}
    identified = True
    if "endpoint_identification" in entries:
        identified = reader.boolean(entries["endpoint_identification"].value) is not False
    if "server_name" in entries and not identified:
        reader.fault(entries["server_name"].key, "server_name has no effect without endpoint_identification")
    return ClusterTls(
        ca=paths.get("ca"),
        certificate=paths.get("certificate"),
        key=paths.get("key"),
        key_password=reader.secret(entries["key_password"].value) if "key_password" in entries else None,
        server_name=reader.advertised_host(entries["server_name"].value) if "server_name" in entries else None,
        endpoint_identification=identified,
    )


def _login(reader: SettingsReader, node: Node) -> ClusterLogin | None:
    entries = _entries(reader, node, cluster_schema.SASL, "cluster.sasl")
    mechanism = None
    if "mechanism" in entries:
        mechanism = reader.choice(entries["mechanism"].value, cluster_schema.MECHANISMS)
    if mechanism is None:
        return None
    known = ("mechanism", *_KEYS_OF.get(mechanism, _PASSWORD_KEYS))
    for name, entry in entries.items():
        if name not in known:
            reader.fault(entry.key, f"{name} has no effect with {mechanism}")
    if mechanism == _OAUTHBEARER:
        return _token_login(reader, node, entries)
    if mechanism == GSSAPI:
        return _kerberos_login(reader, node, entries)
    if _is_missing(reader, node, entries, _PASSWORD_KEYS, mechanism):
        return None
    username, password = reader.text(entries["username"].value), reader.secret(entries["password"].value)
    return PasswordLogin(mechanism, username, password) if username and password else None


def _kerberos_login(reader: SettingsReader, node: Node, entries: Entries) -> KerberosLogin:
    report_missing_package(reader, node, "gssapi", extra="kerberos")
    if "kerberos" not in entries:
        return KerberosLogin()
    entries = _entries(reader, entries["kerberos"].value, cluster_schema.KERBEROS, "cluster.sasl.kerberos")
    for name, other in (("keytab", "principal"), ("principal", "keytab")):
        if name in entries and other not in entries:
            reader.fault(entries[name].key, f"{name} has no effect without {other}")
    return KerberosLogin(
        service_name=(reader.text(entries["service_name"].value) if "service_name" in entries else None) or "kafka",
        keytab=reader.path(entries["keytab"].value) if "keytab" in entries else None,
        principal=reader.text(entries["principal"].value) if "principal" in entries else None,
    )


def _token_login(reader: SettingsReader, node: Node, entries: Entries) -> ClusterLogin | None:
    if ("token_file" in entries) == ("token_endpoint" in entries):
        reader.fault(node, "expected one of token_file and token_endpoint", "where our token comes from")
        return None
    if "token_file" in entries:
        for name in _TOKEN_KEYS[1:]:
            if name in entries:
                reader.fault(entries[name].key, f"{name} and token_file exclude each other")
        path = reader.path(entries["token_file"].value)
        return None if path is None else TokenFileLogin(path)
    if _is_missing(reader, node, entries, _ISSUER_KEYS, _OAUTHBEARER):
        return None
    url = reader.https_address(entries["token_endpoint"].value, _ON_ITS_WAY)
    client_id, secret = reader.text(entries["client_id"].value), reader.secret(entries["client_secret"].value)
    if not (url and client_id and secret):
        return None
    return ClientCredentialsLogin(
        token_endpoint=url,
        client_id=client_id,
        client_secret=secret,
        scope=reader.text(entries["scope"].value) if "scope" in entries else None,
        token_endpoint_ca=reader.path(entries["token_endpoint_ca"].value) if "token_endpoint_ca" in entries else None,
    )


def _is_missing(reader: SettingsReader, node: Node, entries: Entries, names: tuple[str, ...], mechanism: str) -> bool:
    missing = [name for name in names if name not in entries]
    for name in missing:
        reader.fault(node, f"{mechanism} needs the key {name!r}")
    return bool(missing)


def _version(reader: SettingsReader, node: Node) -> str:
    if node.kind in ("str", "float", "int") and (node.text == "auto" or _VERSION.fullmatch(node.text)):
        return node.text
    reader.fault(node, f"expected auto or a version such as 0.8.2, found {node}")
    return "auto"
