"""Principals by network in a running doorkeeper, also behind a load balancer."""

import pytest

from protocol.apis import ApiKey
from protocol.splice import decode_response
from tests.json_lines import records
from tests.supervisor.test_run import CONFIG, Running, frame, metadata_request
from tests.transport.support import everything

NETWORKS = """\
    principal_by_network:
      - {{network: 10.1.2.0/24, principal: "User:press"}}
      - {{network: 127.0.0.0/8, principal: "User:here"}}
"""
BALANCER = "    proxy_protocol: {{from: [127.0.0.1]}}\n"
HEADER = b"PROXY TCP4 10.1.2.3 10.0.0.1 5555 9092\r\n"


@pytest.fixture
async def doorkeeper(tmp_path):
    running = Running(tmp_path)
    yield running
    await running.clean()


async def start(doorkeeper, more):
    doorkeeper.config = CONFIG.replace("policy: {{", f"{more}policy: {{{{", 1)
    await doorkeeper.start()
    await doorkeeper.ready()


async def asks(doorkeeper, before=b""):
    """The answer to a Metadata request, or nothing."""
    reader, writer = await doorkeeper.client()
    writer.write(before + metadata_request("test"))
    try:
        return decode_response(ApiKey.METADATA, 1, await frame(reader))[1]
    finally:
        writer.close()


def known_as(doorkeeper):
    """Who clients were, and how that was known."""
    told = records(doorkeeper.folder / "audit.jsonl")
    events = [event for event in told if event["event"] == "authentication.succeeded"]
    return [(event["principal"], event["host"], event["mechanism"]) for event in events]


async def test_a_client_is_whom_its_address_says_and_the_log_warns(doorkeeper):
    await start(doorkeeper, NETWORKS)
    assert "whoever can send from 10.1.2.0/24 is User:press" in await doorkeeper.logged("address alone")
    assert (await asks(doorkeeper)).brokers
    assert await doorkeeper.ended_with(0)
    assert known_as(doorkeeper) == [("User:here", "127.0.0.1", "NETWORK")]


async def test_behind_a_trusted_balancer_it_is_the_address_in_the_header(doorkeeper):
    await start(doorkeeper, BALANCER + NETWORKS)
    assert (await asks(doorkeeper, HEADER)).brokers
    assert await doorkeeper.ended_with(0)
    assert known_as(doorkeeper) == [("User:press", "10.1.2.3", "NETWORK")]


async def test_a_header_from_anybody_else_makes_nobody_of_him(doorkeeper):
    await start(doorkeeper, NETWORKS)
    reader, writer = await doorkeeper.client()
    writer.write(HEADER + metadata_request("test"))
    assert await everything(reader) == b""
    writer.close()
    assert await doorkeeper.ended_with(0)
    assert known_as(doorkeeper) == []
