"""What answers at an address to somebody who shows nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.doctor.doors import Door, try_door
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK, free_port
from proxy.embedded.pki import CertificateAuthority
from tests.conftest import SharedKafka

PATIENCE_S = 10.0
SHORT_S = 0.2

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    calls: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    writers = []

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        calls.add(loop.create_task(serve(reader, writer)))

    server = await asyncio.start_server(called, LOOPBACK, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*calls, return_exceptions=True)
        await server.wait_closed()


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        ("PLAINTEXT", Door.OPEN),
        ("TLS", Door.OPEN_TLS),
        ("CERTIFICATE", Door.GUARDED),
        ("LOGIN", Door.GUARDED),
        ("LOGIN_TLS", Door.GUARDED),
    ],
)
async def test_every_listener_of_a_broker_is_told_apart(
    many_doors: KafkaCluster, listener: str, expected: Door
) -> None:
    port = many_doors.broker(1).ports[listener]
    assert await try_door((LOOPBACK, port), PATIENCE_S) is expected


@pytest.mark.kafka
@pytest.mark.parametrize("version", ["0.8.2.2", "0.9.0.1", "0.10.2.2"])
async def test_an_open_broker_of_any_age_is_open(shared_kafka: SharedKafka, version: str) -> None:
    assert await try_door((LOOPBACK, shared_kafka(version).broker(1).port), PATIENCE_S) is Door.OPEN


@pytest.mark.kafka
async def test_an_open_controller_is_known(kafka_4_1: KafkaCluster) -> None:
    address = (LOOPBACK, kafka_4_1.broker(1).controller_port)
    assert await try_door(address, PATIENCE_S) is Door.CONTROLLER


async def test_nothing_listens() -> None:
    assert await try_door((LOOPBACK, free_port()), PATIENCE_S) is Door.CLOSED


async def test_a_name_that_nobody_knows_is_closed() -> None:
    assert await try_door(("no-such-host.invalid", 9092), PATIENCE_S) is Door.CLOSED


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _leaving(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    writer.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("serve", [_silent, _leaving, _http, _echo])
@pytest.mark.parametrize("encrypted", [False, True])
async def test_what_is_no_kafka_is_not_taken_for_one(tmp_path: Path, serve: Serve, *, encrypted: bool) -> None:
    tls = _server_context(tmp_path) if encrypted else None
    async with serving(serve, tls) as address:
        assert await try_door(address, SHORT_S) in (Door.OTHER, Door.GUARDED)


@pytest.mark.parametrize(
    "answer",
    [b"Zookeeper version: 3.4.10\n", b"srvr is not executed because it is not in the whitelist.\n"],
    ids=["answers", "knows the question"],
)
async def test_a_zookeeper_need_not_answer_to_be_known(answer: bytes) -> None:
    async def zookeeper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(4) == b"srvr":
            writer.write(answer)
        writer.close()

    async with serving(zookeeper) as address:
        assert await try_door(address, PATIENCE_S) is Door.ZOOKEEPER


def _server_context(folder: Path) -> ssl.SSLContext:
    CertificateAuthority.create().server([LOOPBACK]).write_pem(folder / "server.pem", folder / "server.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@pytest.mark.parametrize(
    ("door", "open_to_all"),
    [
        (Door.OPEN, True),
        (Door.OPEN_TLS, True),
        (Door.CONTROLLER, True),
        (Door.ZOOKEEPER, True),
        (Door.GUARDED, False),
        (Door.CLOSED, False),
        (Door.OTHER, False),
    ],
)
def test_what_stands_open(door: Door, *, open_to_all: bool) -> None:
    assert door.stands_open is open_to_all
