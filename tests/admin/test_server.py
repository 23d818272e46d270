"""The admin port: what probes, scrapers and people get."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from proxy.addressing.advertised import Advertised, PortPerBroker
from proxy.addressing.topology import BrokerAddress, Topology
from proxy.admin.server import AdminServer
from proxy.config import Config, parse_config
from proxy.observability.metrics import Metrics
from proxy.policy_source import Snapshot

CONFIG = """
cluster: {bootstrap_servers: [kafka:9092]}
listeners:
  - name: clients
    bind: 127.0.0.1:9093
    advertise: kafka.example.com
    brokers: {first_port: 9101, node_ids: 1-3}
    security_protocol: PLAINTEXT
policy: {file: policy.yaml, mode: observe}
"""


@dataclass
class World:
    """The facts of a doorkeeper that the tests make up."""

    config: Config = field(default_factory=lambda: parse_config(CONFIG, Path("doorkeeper.yaml"), {}))
    topology: Topology = field(default_factory=lambda: Topology([("kafka", 9092)]))
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(7, None, None, None, {}, {}, "0123456789abcdef"))
    ready: bool = True
    draining: bool = False
    connections: int = 42

    def advertised(self) -> Mapping[str, Advertised]:
        return {"clients": PortPerBroker("kafka.example.com", 9101, (1, 2, 3))}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def admin(world: World) -> AsyncIterator[AdminServer]:
    admin = AdminServer(world, Metrics("1.2.3"), lambda: world.draining)
    await admin.start(("127.0.0.1", 0))
    yield admin
    await admin.stop()


@pytest.fixture
async def client(admin: AdminServer) -> AsyncIterator[ClientSession]:
    timeout = ClientTimeout(total=10)
    async with ClientSession(f"http://127.0.0.1:{admin.port}", timeout=timeout) as client:
        yield client


async def talk(admin: AdminServer, *said: bytes) -> bytes:
    """All that is answered, until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", admin.port)
    for words in said:
        writer.write(words)
        await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_it_lives_even_if_it_is_not_ready(client: ClientSession, world: World):
    world.ready = False
    response = await client.get("/livez")
    assert response.status == 200
    assert await response.json() == {"live": True}


async def test_it_is_ready(client: ClientSession):
    response = await client.get("/readyz")
    assert response.status == 200
    assert await response.json() == {"ready": True, "reasons": []}


@pytest.mark.parametrize(("state", "reason"), [({"ready": False}, "brokers"), ({"draining": True}, "draining")])
async def test_it_says_why_it_is_not_ready(client: ClientSession, world: World, state: dict[str, bool], reason: str):
    for name, value in state.items():
        setattr(world, name, value)
    response = await client.get("/readyz")
    told = await response.json()
    assert (response.status, told["ready"]) == (503, False)
    assert reason in told["reasons"][0]


async def test_probes_may_ask_for_the_head_alone(client: ClientSession):
    assert (await client.head("/readyz")).status == 200


async def test_metrics_are_prometheus_text_by_default(client: ClientSession):
    response = await client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert "doorkeeper_build_info{" in await response.text()


async def test_metrics_are_openmetrics_for_who_asks(client: ClientSession):
    accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5,*/*;q=0.1"
    response = await client.get("/metrics", headers={"Accept": accept})
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    text = await response.text()
    assert text.endswith("# EOF\n")
    assert "doorkeeper_connections" in [family.name for family in parse_openmetrics(text)]


async def test_the_page_shows_policy_listeners_and_brokers(client: ClientSession, world: World):
    world.topology.learn({1: BrokerAddress("10.0.0.11", 9092), 9: BrokerAddress("10.0.0.19", 9092)})
    text = await (await client.get("/")).text()
    for shown in ("Ready.", "42 client connections", "observe", "0123456789abcdef", "127.0.0.1:9093", "10.0.0.11:9092"):
        assert shown in text
    assert "clients: kafka.example.com:9101" in text
    assert "hidden, outside of node_ids" in text


async def test_the_page_shows_text_as_text(client: ClientSession, world: World):
    (listener,) = world.config.listeners
    world.config = replace(world.config, listeners=(replace(listener, advertise="<script>alert(1)</script>"),))
    world.topology.learn({1: BrokerAddress("<b>evil</b>", 9092)})
    text = await (await client.get("/")).text()
    assert "<script>" not in text
    assert "<b>" not in text


async def test_the_page_runs_and_loads_nothing(client: ClientSession):
    policy = (await client.get("/")).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/readyz", 405)])
async def test_there_is_nothing_else(client: ClientSession, method: str, path: str, status: int):
    assert (await client.request(method, path)).status == status


async def test_one_connection_serves_many_requests(admin: AdminServer):
    ask = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"
    answer = await talk(admin, ask + ask, b"GET /livez HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_head_has_no_body(admin: AdminServer):
    answer = await talk(admin, b"HEAD /livez HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 14" in answer


async def test_old_probes_are_answered_too(admin: AdminServer):
    assert (await talk(admin, b"GET /livez HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "nonsense",
    [b"\0\0\0\x12 Kafka\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x" * 100_000],
    ids=["no HTTP", "no host", "endless header"],
)
async def test_what_is_no_request_is_answered_so_and_closed(admin: AdminServer, nonsense: bytes):
    answer = await talk(admin, nonsense)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


async def test_there_is_a_bound_of_connections(admin: AdminServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("proxy.admin.http._MOST_CONNECTIONS", 1)
    _, first = await asyncio.open_connection("127.0.0.1", admin.port)
    first.write(b"GET /livez HTTP/1.1\r\n")
    assert await talk(admin) == b""
    first.close()


async def test_who_says_nothing_is_not_kept(admin: AdminServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("proxy.admin.http._IDLE_S", 0.01)
    assert await talk(admin, b"GET /livez HTTP/1.1\r\n") == b""


async def test_it_serves_on_an_address_and_tells_when_it_cannot(world: World):
    first = AdminServer(world, Metrics("1.2.3", process=False), lambda: False)
    second = AdminServer(world, Metrics("1.2.3", process=False), lambda: False)
    await first.start(("127.0.0.1", 0))
    try:
        assert first.port > 0
        with pytest.raises(OSError, match="in use"):
            await second.start(("127.0.0.1", first.port))
    finally:
        await first.stop()
        await second.stop()
