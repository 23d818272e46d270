"""Listening sockets and their accept loops.

asyncio's own server does the TLS handshake before anybody can look at the first bytes, hence these.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from proxy.observability.logs import get_logger
from proxy.observability.throttle import Throttle
from proxy.transport.registry import Capacity

BACKLOG: Final = 1024
_ACCEPTED_AT_ONCE: Final = 16
_RETRY_AFTER_S: Final = 1.0
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_TELL_AGAIN_AFTER_S: Final = 60.0

_log = get_logger("doorkeeper.listener")

Welcome = Callable[[socket.socket], None]


async def bind(host: str, port: int, *, reuse_port: bool = False) -> list[socket.socket]:
    """Listening, non-blocking sockets for every address of a host; port 0 takes a free one.

    `reuse_port` lets several processes share the port; the kernel spreads new connections over them.

    :raises OSError: an address cannot be bound; none is left open then.
    """
    listening: list[socket.socket] = []
    try:
        for family, address in await _addresses(host, port):
            listening.append(_listen(family, address, reuse_port=reuse_port))
    except OSError as error:
        for opened in listening:
            opened.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening


def bind_beside(listening: Sequence[socket.socket], port: int) -> list[socket.socket]:
    """Sockets on the same addresses as these, but on another port.

    :raises OSError: an address cannot be bound; none is left open then.
    """
    opened: list[socket.socket] = []
    try:
        for beside in listening:
            host, _, *rest = beside.getsockname()
            opened.append(_listen(beside.family, (host, port, *rest), reuse_port=False))
    except OSError:
        for each in opened:
            each.close()
        raise
    return opened


async def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [(family, address) for family, _, _, _, address in dict.fromkeys(infos)]


def _listen(family: int, address: Any, *, reuse_port: bool) -> socket.socket:
    listening = bound(family, address, reuse_port=reuse_port)
    try:
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def bound(family: int, address: Any, *, reuse_port: bool) -> socket.socket:
    """A non-blocking socket that has the address, and does not listen yet.

    :raises OSError: the address cannot be bound.
    """
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


class Acceptor:
    """The accept loop of one listening socket. It rests while there is no room for a connection more, or for one
    more of `newcomers`; the kernel keeps those that come meanwhile.
    """

    def __init__(self, listening: socket.socket, welcome: Welcome, capacity: Capacity, newcomers: Capacity) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = listening
        self._welcome = welcome
        self._capacity = capacity
        self._newcomers = newcomers
        self._retry: asyncio.TimerHandle | None = None
        self._stopped = False
        self._throttle = Throttle(_TELL_AGAIN_AFTER_S, self._loop.time)
        self._start()

    @property
    def port(self) -> int:
        """The port that clients call."""
        port: int = self._socket.getsockname()[1]
        return port

    def stop(self) -> None:
        """Accept nothing more and close the socket."""
        if self._stopped:
            return
        self._stopped = True
        self._loop.remove_reader(self._socket)
        if self._retry is not None:
            self._retry.cancel()
        self._socket.close()

    def _start(self) -> None:
        if not self._stopped:
            self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        # Bounded, so that a storm of connections leaves time for those that exist.
        for _ in range(_ACCEPTED_AT_ONCE):
            if self._capacity.full:
                self._rest_until_free(self._capacity, "limits.max_connections")
                return
            if self._newcomers.full:
                self._rest_until_free(self._newcomers, "limits.max_handshakes")
                return
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest_after(error)
                return
            connection.setblocking(False)
            self._capacity.take()
            self._welcome(connection)

    def _rest_until_free(self, capacity: Capacity, setting: str) -> None:
        self._tell("no connections are accepted for now", f"{setting} is reached")
        self._loop.remove_reader(self._socket)
        capacity.when_free(self._start)

    def _rest_after(self, error: OSError) -> None:
        if error.errno not in _OUT_OF_RESOURCES:
            self._tell("a connection could not be accepted", str(error))
            return
        self._tell("no connections are accepted for now", f"{error.strerror}: raise the limit (ulimit -n)")
        self._loop.remove_reader(self._socket)
        self._retry = self._loop.call_later(_RETRY_AFTER_S, self._start)

    def _tell(self, what: str, why: str) -> None:
        if self._throttle.admit((what, why)) is not None:
            _log.warning(what, port=self.port, detail=why)
