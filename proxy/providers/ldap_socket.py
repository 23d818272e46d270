"""The way to a directory: connected, and encrypted where it is ldaps, within a time.

libldap would do both itself, but waits without end for a server that accepts a connection and then says nothing.
"""

import selectors
import socket
import ssl
import threading
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"ldap": 389, "ldaps": 636}
_CHUNK: Final = 65_536


def connect(url: str, ca: Path | None, timeout_s: float) -> socket.socket:
    """Return a socket on which LDAP is spoken in clear text, whatever it is on the wire.

    :raises OSError: there is none within the time, or the server is not who it should be.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    plain = socket.create_connection((host, parts.port or _PORTS[parts.scheme]), timeout_s)
    if parts.scheme == "ldap":
        plain.settimeout(None)
        return plain
    context = ssl.create_default_context(cafile=ca)
    try:
        encrypted = context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    ours, theirs = socket.socketpair()
    relay = _Relay(encrypted, theirs)
    threading.Thread(target=relay.run, name="ldaps", daemon=True).start()
    return ours


class _Relay:
    """Carries what one side says to the other, until one of them has nothing more to say."""

    def __init__(self, encrypted: ssl.SSLSocket, plain: socket.socket) -> None:
        self._encrypted = encrypted
        self._plain = plain

    def run(self) -> None:
        with self._encrypted, self._plain, selectors.DefaultSelector() as selector:
            selector.register(self._encrypted, selectors.EVENT_READ, self._from_server)
            selector.register(self._plain, selectors.EVENT_READ, self._to_server)
            try:
                while all(key.data() for key, _ in selector.select()):
                    pass
            except OSError:
                return

    def _from_server(self) -> bool:
        timeout_s = self._encrypted.gettimeout()
        self._encrypted.setblocking(False)
        said, goes_on = [], True
        try:
            while goes_on:
                said.append(self._encrypted.recv(_CHUNK))
                goes_on = bool(said[-1])
        except ssl.SSLWantReadError:  # that was all, or it was a ticket, which says nothing
            pass
        finally:
            self._encrypted.settimeout(timeout_s)
        self._plain.sendall(b"".join(said))
        return goes_on

    def _to_server(self) -> bool:
        data = self._plain.recv(_CHUNK)
        self._encrypted.sendall(data)
        return bool(data)
