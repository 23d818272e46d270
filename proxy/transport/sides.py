"""The two asyncio protocols of a connection: thin, so that all the thinking is in one place."""

import asyncio
import socket
from typing import Protocol, cast

from proxy.transport.flow import HIGH_WATER, LOW_WATER, Hold, Valve


class Shell(Protocol):
    """What the sides report to."""

    client_valve: Valve
    broker_valve: Valve

    def client_bytes(self, data: bytes) -> None:
        """Bytes came from the client."""
        ...

    def client_gone(self, *, lost: bool) -> None:
        """The client sent its last byte; `lost`: and its socket is closed."""
        ...

    def broker_made(self, side: "BrokerSide") -> None:
        """The connection to the broker came about."""
        ...

    def broker_bytes(self, side: "BrokerSide", data: bytes) -> None:
        """Bytes came from the broker."""
        ...

    def broker_gone(self, side: "BrokerSide", why: str, *, lost: bool) -> None:
        """The broker sent its last byte; `lost`: and its socket is closed."""
        ...


class ClientSide(asyncio.Protocol):
    """The client's socket."""

    __slots__ = ("_shell",)

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        self._shell.client_bytes(data)

    def eof_received(self) -> None:
        """A half-closed client is a client that has gone, as it is for a broker."""
        self._shell.client_gone(lost=False)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The socket is closed."""
        self._shell.client_gone(lost=True)

    def pause_writing(self) -> None:
        """The client does not read: neither do we from the broker."""
        self._shell.broker_valve.hold(Hold.OTHER_SIDE_FULL)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._shell.broker_valve.release(Hold.OTHER_SIDE_FULL)


class BrokerSide(asyncio.Protocol):
    """The broker's socket."""

    __slots__ = ("_shell", "transport")

    transport: asyncio.Transport

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The broker is there."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self.transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        tune(transport.get_extra_info("socket"))
        self._shell.broker_made(self)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        self._shell.broker_bytes(self, data)

    def eof_received(self) -> None:
        """A broker that says no more is of no use."""
        self._shell.broker_gone(self, "the broker closed the connection", lost=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        why = f"the connection to the broker broke: {exc}" if exc else "the broker closed the connection"
        self._shell.broker_gone(self, why, lost=True)

    def pause_writing(self) -> None:
        """The broker does not read: neither do we from the client."""
        self._shell.client_valve.hold(Hold.OTHER_SIDE_FULL)

    def resume_writing(self) -> None:
        """The broker reads again."""
        self._shell.client_valve.release(Hold.OTHER_SIDE_FULL)


def tune(connection: socket.socket) -> None:
    """No waiting for more bytes before small ones leave, and a peer that vanished is noticed in the end."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
