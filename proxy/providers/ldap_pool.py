"""Connections to a directory: a few, used again, over TLS, and never waited for without end."""

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import ldap

from proxy.authentication.passwords import BackendUnavailable
from proxy.config.ldap_model import LdapServers
from proxy.providers.ldap_socket import connect

_T = TypeVar("_T")

_REST_S: Final = 1.0
"""How long a directory that does not answer is not asked again: logins fail at once instead of one after the other."""


class LdapPool:
    """Lends out connections. What was bound on one by its last user is nobody's business: bind first."""

    def __init__(self, servers: LdapServers) -> None:
        self._servers = servers
        self._places = threading.BoundedSemaphore(servers.connections)
        self._idle: deque[Any] = deque()
        self._down_until = float("-inf")
        self._why_down = ""

    def use(self, work: Callable[[Any], _T]) -> _T:
        """Return what `work` gives for a connection; it is called again if the connection turns out to be dead.

        :raises BackendUnavailable: there is no connection, or the directory does not answer.
        :raises ldap.LDAPError: the directory answered with an error.
        """
        with self._place():
            try:
                return self._work_with_idle(work)
            except _Stale:
                return self._work_with(self._connect(), work)

    def _work_with_idle(self, work: Callable[[Any], _T]) -> _T:
        try:
            connection = self._idle.pop()
        except IndexError:
            raise _Stale from None
        try:
            return self._work_with(connection, work)
        except BackendUnavailable:
            # Directories close connections that nobody uses.
            raise _Stale from None

    def _work_with(self, connection: Any, work: Callable[[Any], _T]) -> _T:
        try:
            result = work(connection)
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY) as error:
            _close(connection)
            raise BackendUnavailable(f"the directory does not answer: {ldap_text(error)}") from error
        except ldap.LDAPError:
            self._idle.append(connection)
            raise
        except BaseException:
            _close(connection)
            raise
        self._idle.append(connection)
        return result

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._servers.timeout_s):
            raise BackendUnavailable(f"all {self._servers.connections} connections to the directory are in use")
        try:
            yield
        finally:
            self._places.release()

    def _connect(self) -> Any:
        if time.monotonic() < self._down_until:
            raise BackendUnavailable(self._why_down)
        failures = []
        for url in self._servers.urls:
            try:
                return self._open(url)
            except ldap.LDAPError as error:
                failures.append(f"{url}: {ldap_text(error)}")
            except OSError as error:
                failures.append(f"{url}: {error}")
        self._why_down = f"no directory can be reached: {'; '.join(failures)}"
        self._down_until = time.monotonic() + _REST_S
        raise BackendUnavailable(self._why_down)

    def _open(self, url: str) -> Any:
        servers = self._servers
        wire = connect(url, servers.ca, servers.timeout_s)
        # What is encrypted already is plain LDAP for libldap.
        descriptor = wire.detach()  # closed by libldap
        connection = ldap.initialize(url.replace("ldaps://", "ldap://"), fileno=descriptor)
        connection.protocol_version = ldap.VERSION3
        connection.network_timeout = servers.timeout_s
        connection.timeout = servers.timeout_s
        connection.set_option(ldap.OPT_REFERRALS, 0)  # another directory would get the password
        # Said for each connection, or a file ldap.conf or a variable of the environment could say otherwise.
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        connection.set_option(ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2)
        if servers.ca is not None:
            connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(servers.ca))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if servers.start_tls:
            _start_tls(connection, descriptor, servers.timeout_s)
        return connection


def _start_tls(connection: Any, descriptor: int, timeout_s: float) -> None:
    # libldap's own handshake waits without end: a connection that is cut ends it.
    with socket.socket(fileno=os.dup(descriptor)) as wire:
        cutting = threading.Timer(timeout_s, wire.shutdown, (socket.SHUT_RDWR,))
        cutting.start()
        try:
            connection.start_tls_s()
        finally:
            cutting.cancel()
            cutting.join()


class _Stale(Exception):
    """There is no idle connection that works."""


def ldap_text(error: ldap.LDAPError) -> str:
    """Return what an error says, on one line."""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = [told.get("desc") or type(error).__name__, told.get("info")]
    return " ".join(": ".join(str(part) for part in parts if part).split())


def _close(connection: Any) -> None:
    try:
        connection.unbind_ext_s()
    except ldap.LDAPError:
        return
