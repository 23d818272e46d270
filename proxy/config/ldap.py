"""A listener's `sasl.ldap:`, the directory that PLAIN passwords are checked by."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from policies.strict_yaml import Entry, Node
from proxy.config import sasl_schema
from proxy.config.extras import report_missing_package
from proxy.config.ldap_model import BindByTemplate, LdapConfig, LdapServers, SearchThenBind
from proxy.config.reader import SettingsReader
from proxy.config.values import is_loopback

Entries = Mapping[str, Entry]

PLACE: Final = "{username}"

_SEARCH: Final = ("bind_dn", "bind_password", "search_base", "search_filter")
_FOR_SEARCH_ONLY: Final = (*_SEARCH, "name_attribute")


def read_ldap(reader: SettingsReader, node: Node) -> LdapConfig | None:
    """The directory, or None after its faults were noted."""
    properties = sasl_schema.LDAP["properties"]
    entries = reader.mapping(node, tuple(properties), tuple(sasl_schema.LDAP["required"]))
    report_missing_package(reader, node, "ldap", extra="ldap", package="python-ldap")
    servers, way = _servers(reader, entries), _way(reader, node, entries)
    cache_s = _bounded(reader, entries, "cache_s")
    return None if servers is None or way is None else LdapConfig(servers, way, cache_s)


def _bounded(reader: SettingsReader, entries: Entries, name: str) -> int:
    bounds = sasl_schema.LDAP["properties"][name]
    default: int = bounds["default"]
    if name not in entries:
        return default
    found = reader.integer(entries[name].value, bounds["minimum"], bounds["maximum"])
    return default if found is None else found


def _servers(reader: SettingsReader, entries: Entries) -> LdapServers | None:
    start_tls = bool(reader.boolean(entries["start_tls"].value)) if "start_tls" in entries else False
    items = reader.items(entries["urls"].value) if "urls" in entries else ()
    urls = tuple(url for item in items if (url := _url(reader, item, start_tls=start_tls)) is not None)
    if "ca" in entries and urls and not start_tls and not any(url.startswith("ldaps:") for url in urls):
        reader.fault(entries["ca"].key, "ca has no effect without TLS", "ldaps:// or start_tls: true")
    if not urls:
        return None
    return LdapServers(
        urls=urls,
        start_tls=start_tls,
        ca=reader.path(entries["ca"].value) if "ca" in entries else None,
        connections=_bounded(reader, entries, "connections"),
        timeout_s=_bounded(reader, entries, "timeout_s"),
    )


def _url(reader: SettingsReader, node: Node, *, start_tls: bool) -> str | None:
    text = reader.text(node)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        is_server = parts.scheme in ("ldap", "ldaps") and bool(parts.hostname) and parts.path in ("", "/")
        is_server = is_server and parts.username is None and not parts.query and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server:
        reader.fault(node, f"expected ldaps://host or ldap://host, found {text!r}")
        return None
    if parts.scheme == "ldaps" and start_tls:
        reader.fault(node, "start_tls and ldaps:// exclude each other", "ldap:// with start_tls, or ldaps:// without")
    if parts.scheme == "ldap" and not start_tls and not is_loopback(parts.hostname or ""):
        reader.fault(node, f"passwords would go to {text!r} in clear text", "ldaps://, or start_tls: true")
    return text


def _way(reader: SettingsReader, node: Node, entries: Entries) -> BindByTemplate | SearchThenBind | None:
    if "user_dn_template" in entries:
        for name in _FOR_SEARCH_ONLY:
            if name in entries:
                reader.fault(entries[name].key, f"{name} and user_dn_template exclude each other")
        template = _template(reader, entries["user_dn_template"].value)
        return None if template is None else BindByTemplate(template)
    missing = [name for name in _SEARCH if name not in entries]
    if len(missing) == len(_SEARCH):
        reader.fault(node, "expected user_dn_template, or " + ", ".join(_SEARCH), "how a user's entry is found")
    elif missing:
        reader.fault(node, f"a search needs the keys {', '.join(missing)} too")
    if missing:
        return None
    password = reader.secret(entries["bind_password"].value)
    bind_dn, base = (reader.text(entries[name].value) for name in ("bind_dn", "search_base"))
    pattern = _template(reader, entries["search_filter"].value, first="(")
    attribute = reader.text(entries["name_attribute"].value) if "name_attribute" in entries else "uid"
    if not (password and bind_dn and base and pattern and attribute):
        return None
    return SearchThenBind(bind_dn, password, base, pattern, attribute)


def _template(reader: SettingsReader, node: Node, first: str = "") -> str | None:
    text = reader.text(node)
    if text is not None and (text.count(PLACE) != 1 or not text.startswith(first)):
        example = f"(uid={PLACE})" if first else f"uid={PLACE},ou=people,dc=example,dc=com"
        reader.fault(node, f"expected {PLACE} in it once, found {text!r}", f"such as {example}")
        return None
    return text
