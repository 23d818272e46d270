"""The server's side of a TLS handshake: the server name asked for, the last alert, the true cause of a failure."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)


class Handshake:
    """One handshake on its way."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.failure: ssl.SSLError | None = None


_current: Final[ContextVar[Handshake]] = ContextVar("handshake")


class ServerObject(ssl.SSLObject):
    """A TLS connection that knows the name the client asked for, and whose alert reaches the client when the
    handshake fails.

    asyncio and uvloop close the socket on a failure without sending what OpenSSL has to say about it. A client that
    sees its connection break without a word tries again for ever, where "bad certificate" would tell it to give up.
    So the failure is held back while the alert goes out, and then the socket is shut for reading, which ends the
    handshake.
    """

    server_name: str | None = None
    handshake: Handshake
    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        """As in `ssl.SSLObject`.

        :raises ssl.SSLWantReadError: more bytes must come, or the handshake failed and its alert must still go out.
        :raises ssl.SSLError: the handshake failed without an alert.
        """
        if self.handshake.failure is not None:
            raise self.handshake.failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as failure:
            self.handshake.failure = failure
            if not self.outgoing.pending:
                raise
            asyncio.get_running_loop().call_soon(_shut, self.handshake.connection)
            raise ssl.SSLWantReadError from failure


class ServerContext(ssl.SSLContext):
    """A TLS context for accepted connections."""

    sslobject_class: type[ssl.SSLObject] = ServerObject

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As in `ssl.SSLContext`; only within `accept_tls`."""
        tls = super().wrap_bio(incoming, outgoing, *args, **kwargs)
        assert isinstance(tls, ServerObject)
        tls.handshake = _current.get()
        tls.outgoing = outgoing
        return tls


def remember_server_name(tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
    """Server name callback: any name will do here, what it means is decided after the handshake."""
    if isinstance(tls, ServerObject):
        tls.server_name = name


async def accept_tls(
    factory: Callable[[], AnyProtocol],
    connection: socket.socket,
    context: ServerContext,
    *,
    handshake_timeout_s: float,
    shutdown_timeout_s: float,
) -> tuple[asyncio.Transport, AnyProtocol]:
    """Do the handshake on an accepted socket, which is closed when that fails.

    :raises ssl.SSLError: the handshake failed, here or (its alert says so) on the client's side.
    :raises OSError: the client went away (ConnectionResetError) or took too long (ConnectionAbortedError).
    """
    handshake = Handshake(connection)
    _current.set(handshake)
    protocol = factory()
    try:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=context,
            ssl_handshake_timeout=handshake_timeout_s,
            ssl_shutdown_timeout=shutdown_timeout_s,
        )
    except OSError as error:
        raise handshake.failure or error from None
    return transport, protocol


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RD)
