"""The floor to compare with: TLS 1.3 in, plaintext out, nothing read and nothing decided.

Run as `python -m bench.stage.relay PORT PORT_OF_MTLS BROKER_PORT CERTIFICATE KEY CLIENT_CA`.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Mapping
from typing import Final, cast

import uvloop

HOST: Final = "127.0.0.1"


class Side(asyncio.Protocol):
    """One of two connections: what it reads, `other` writes, and reading waits for writing."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def tie(self, other: Side) -> None:
        """Join two connections, and send on what came before there was another."""
        self.other, other.other = other, self
        if other.transport is not None and self._early:
            other.transport.write(b"".join(self._early))
            self._early = []

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class ClientSide(Side):
    """The client's connection, which opens the broker's."""

    def __init__(self, broker_port: int, opening: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._broker_port = broker_port
        self._opening = opening

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._open())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, broker = await loop.create_connection(Side, HOST, self._broker_port)
        if self.transport is None and broker.transport is not None:
            broker.transport.close()
        self.tie(broker)


def context(certificate: str, key: str, client_ca: str | None = None) -> ssl.SSLContext:
    """TLS 1.3; with an authority it asks the client for a certificate, as the doorkeeper's does."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(certificate, key)
    if client_ca is not None:
        made.load_verify_locations(client_ca)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


async def serve(ports: Mapping[int, ssl.SSLContext], broker_port: int) -> None:
    """Relay until the process is told to end."""
    opening: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: ClientSide(broker_port, opening), HOST, port, ssl=tls, backlog=4096)
        for port, tls in ports.items()
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    """See the module."""
    port, port_of_mtls, broker_port = map(int, sys.argv[1:4])
    certificate, key, client_ca = sys.argv[4:7]
    ports = {port: context(certificate, key), port_of_mtls: context(certificate, key, client_ca)}
    uvloop.run(serve(ports, broker_port))


if __name__ == "__main__":
    main()
