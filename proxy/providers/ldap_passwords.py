"""Passwords checked by an LDAP directory: whoever can bind with one owns it."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import ldap

from proxy.authentication.outcome import WaitsFor
from proxy.authentication.passwords import BackendUnavailable
from proxy.config.ldap_model import BindByTemplate, LdapServers, SearchThenBind
from proxy.providers.ldap_names import canonical_name, in_filter, in_name
from proxy.providers.ldap_pool import LdapPool, ldap_text

_NO: Final = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.INVALID_DN_SYNTAX,
    ldap.NO_SUCH_OBJECT,
    ldap.CONSTRAINT_VIOLATION,  # the account is locked
    ldap.UNWILLING_TO_PERFORM,  # the account is disabled
    ldap.INSUFFICIENT_ACCESS,
)
"""The answers that are a no. Every other is none at all."""


class LdapPasswords:
    """Binds with the password, over a pool of connections."""

    waits_for = WaitsFor.DIRECTORY

    def __init__(self, servers: LdapServers, way: BindByTemplate | SearchThenBind) -> None:
        self._pool = LdapPool(servers)
        self._way = way
        self._timeout_s = servers.timeout_s

    def owner(self, username: str, password: str) -> str | None:
        """Return the name of the user whose password it is, as the directory has it, else None."""
        # A bind without password asks for nothing and always succeeds (RFC 4513 section 5.1.2).
        if not username or not password or "\0" in password:
            return None
        try:
            if isinstance(self._way, BindByTemplate):
                return self._pool.use(partial(_bind_by_template, self._way, username, password))
            return self._pool.use(partial(self._search_then_bind, self._way, username, password))
        except ldap.LDAPError as error:
            raise BackendUnavailable(f"the directory could not tell: {ldap_text(error)}") from error

    def knows(self, name: str) -> bool:
        """True: a directory does not tell when somebody is removed."""
        return bool(name)

    def _search_then_bind(self, way: SearchThenBind, username: str, password: str, connection: Any) -> str | None:
        try:
            connection.simple_bind_s(way.bind_dn, way.bind_password.reveal())
        except _NO as error:
            raise BackendUnavailable(f"the directory refuses {way.bind_dn!r}: {ldap_text(error)}") from error
        try:
            found = connection.search_ext_s(
                way.base,
                ldap.SCOPE_SUBTREE,
                in_filter(way.filter, username),
                [way.name_attribute],
                timeout=self._timeout_s,
                sizelimit=2,
            )
        except ldap.SIZELIMIT_EXCEEDED:
            return None
        entries = [(name, attributes) for name, attributes in found if name]
        # Two entries are two users, and neither may be taken for the other.
        if len(entries) != 1:
            # As many questions as for somebody who is there.
            _binds(connection, way.base, password)
            return None
        entry, attributes = entries[0]
        owner = _only_value(attributes, way.name_attribute)
        return owner if owner is not None and _binds(connection, entry, password) else None


def _bind_by_template(way: BindByTemplate, username: str, password: str, connection: Any) -> str | None:
    name = canonical_name(username)
    if name is None:
        return None
    return name if _binds(connection, in_name(way.template, name), password) else None


def _binds(connection: Any, entry: str, password: str) -> bool:
    try:
        connection.simple_bind_s(entry, password)
    except _NO:
        return False
    return True


def _only_value(attributes: Mapping[str, list[bytes]], name: str) -> str | None:
    values = [values for attribute, values in attributes.items() if attribute.lower() == name.lower()]
    if len(values) != 1 or len(values[0]) != 1:
        return None
    try:
        return values[0][0].decode("utf-8") or None
    except UnicodeDecodeError:
        return None
