"""Every test of the transport runs under uvloop and under plain asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import structlog
import uvloop

from tests.transport.support import Authority, Certificates, World


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder, "authority")
    return Certificates(
        authority,
        authority.issue("server", "localhost", "127.0.0.1", "kafka.example.test", "b7.example.test"),
        authority.issue("alice"),
        Authority(folder, "strange-authority").issue("mallory"),
    )


@pytest.fixture
async def world(certificates: Certificates) -> AsyncIterator[World]:
    with structlog.testing.capture_logs() as logs:
        made = World(certificates, logs)
        yield made
        await made.close()
