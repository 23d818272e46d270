"""`doorkeeper run` as an operator sees it: a process with ports, signals, logs and an exit code."""

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import socket
import struct
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from protocol.splice import decode_response, encode_request, encode_response
from proxy.addressing.topology import BrokerAddress
from proxy.embedded.network import free_range
from tests.transport.support import FakeKafka, everything, within

CONFIG = """
cluster: {{bootstrap_servers: [127.0.0.1:{kafka}]}}
listeners:
  - name: clients
    bind: 127.0.0.1:{port}
    advertise: localhost
    brokers: {{first_port: {broker_port}, node_ids: 1-2}}
    security_protocol: PLAINTEXT
policy: {{file: policy.yaml, mode: enforce}}
admin: {{bind: 127.0.0.1:{admin}}}
audit: {{file: audit.jsonl}}
workers: {workers}
limits: {{drain_timeout_s: {drain_timeout_s}, max_connections: {max_connections}}}
"""
POLICY = """
policies:
  - name: everybody-reads
    principals: ["*"]
    allow: [Describe, Read]
    topics: ["*"]
"""
PATIENCE_S = 20


class Running:
    """A doorkeeper in a process of its own, in front of a broker that may or may not be there."""

    config = CONFIG

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka = FakeKafka()
        first = free_range(5)
        self.port, self.broker_port, _, self.admin, self.kafka_port = range(first, first + 5)
        self.log = []
        self._logged = asyncio.Event()
        self._process = None

    async def start(self, *, workers=1, drain_timeout_s=20, with_kafka=True, max_connections=1000, files=(4096, 4096)):
        if with_kafka:
            await self.start_kafka()
        self.write_policy(POLICY)
        settings = {
            "port": self.port,
            "broker_port": self.broker_port,
            "admin": self.admin,
            "kafka": self.kafka_port,
            "workers": workers,
            "drain_timeout_s": drain_timeout_s,
            "max_connections": max_connections,
        }
        config = self.folder / "doorkeeper.yaml"
        config.write_text(self.config.format(**settings))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy.cli", "run", "-c", str(config)),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files),
        )
        self._reading = asyncio.get_running_loop().create_task(self._read_log())

    async def start_kafka(self):
        self.kafka.brokers = {1: BrokerAddress("127.0.0.1", self.kafka_port)}
        await self.kafka.start(self.kafka_port)

    def write_policy(self, text):
        fresh = self.folder / "policy.fresh"
        fresh.write_text(text)
        fresh.replace(self.folder / "policy.yaml")

    @property
    def pid(self):
        return self._process.pid

    def workers(self):
        """The process ids of the workers."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    async def logged(self, pattern, count=1):
        """Wait until that many lines of the log match; the last one comes back."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [line for line in self.log if re.search(pattern, line)]) < count:
                self._logged.clear()
                await self._logged.wait()
        return found[-1]

    async def ready(self, status=200):
        """Wait until /readyz answers so."""
        async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"http://127.0.0.1:{self.admin}/readyz") as answer:
                        if answer.status == status:
                            return await answer.json()
                await asyncio.sleep(0.02)

    async def metric(self, name):
        """The sum of a metric over its labels."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.admin}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(name + r"[ {]", line))

    async def client(self, port=None):
        return await within(asyncio.open_connection("127.0.0.1", port or self.port))

    async def metadata(self, port=None):
        """The answer to a Metadata request on a connection of its own."""
        reader, writer = await self.client(port)
        writer.write(metadata_request("test"))
        answer = decode_response(ApiKey.METADATA, 1, await frame(reader))[1]
        writer.close()
        return answer

    def signal(self, number):
        os.kill(self.pid, number)

    async def ended(self):
        """The exit code."""
        code = await within(self._process.wait())
        await within(self._reading)
        return code

    async def ended_with(self, code):
        """Stop it; whether it ends with that exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended() == code

    async def clean(self):
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self.ended()
        if hasattr(self.kafka, "address"):
            await self.kafka.stop()

    async def _read_log(self):
        async for line in self._process.stderr:
            self.log.append(line.decode())
            self._logged.set()


@pytest.fixture
async def doorkeeper(tmp_path):
    running = Running(tmp_path)
    yield running
    await running.clean()


def metadata_request(client_id):
    return encode_request(ApiKey.METADATA, 1, 7, client_id, build(request_type(ApiKey.METADATA, 1), topics=()))


async def frame(reader):
    head = await within(reader.readexactly(4))
    return head + await within(reader.readexactly(struct.unpack(">i", head)[0]))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_serves_until_it_is_told_to_stop(doorkeeper, stop):
    await doorkeeper.start()
    assert await doorkeeper.ready() == {"ready": True, "reasons": []}
    for port in (doorkeeper.port, doorkeeper.broker_port):
        (broker,) = (await doorkeeper.metadata(port)).brokers
        assert (broker.node_id, broker.host, broker.port) == (1, "localhost", doorkeeper.broker_port)
    doorkeeper.signal(stop)
    assert await doorkeeper.ended() == 0
    assert not [line for line in doorkeeper.log if json.loads(line)["level"] in ("warning", "error")]


def files_of(pid):
    """The soft and the hard limit of open files of a process."""
    return psutil.Process(pid).rlimit(resource.RLIMIT_NOFILE)


@pytest.mark.parametrize("workers", [1, 2])
async def test_files_enough_for_all_clients_may_be_open(doorkeeper, workers):
    await doorkeeper.start(workers=workers, max_connections=500, files=(256, 4096))
    await doorkeeper.ready()
    for pid in doorkeeper.workers() if workers > 1 else [doorkeeper.pid]:
        soft, hard = files_of(pid)
        assert 1000 < soft < hard == 4096
    assert not [line for line in doorkeeper.log if "too few files" in line]


async def test_too_few_files_are_told_at_the_start(doorkeeper):
    await doorkeeper.start(max_connections=500, files=(256, 512))
    told = json.loads(await doorkeeper.logged("too few files may be open for limits.max_connections"))
    assert files_of(doorkeeper.pid) == (512, 512)
    assert 200 < told["enough_for"] < 256
    assert "LimitNOFILE" in told["remedy"]


async def test_listens_also_for_a_broker_that_does_not_exist_yet(doorkeeper):
    """Its port must be ours before any client is told of it; until then whoever comes is closed."""
    await doorkeeper.start()
    await doorkeeper.ready()
    reader, writer = await doorkeeper.client(doorkeeper.broker_port + 1)
    writer.write(metadata_request("test"))
    assert await everything(reader) == b""
    writer.close()
    doorkeeper.kafka.brokers[2] = BrokerAddress("127.0.0.1", doorkeeper.kafka_port)
    assert [broker.node_id for broker in (await doorkeeper.metadata()).brokers] == [1, 2]
    assert len((await doorkeeper.metadata(doorkeeper.broker_port + 1)).brokers) == 2


async def test_waits_for_a_cluster_that_is_down(doorkeeper):
    await doorkeeper.start(with_kafka=False)
    answer = await doorkeeper.ready(503)
    assert answer["ready"] is False
    await doorkeeper.logged("the cluster cannot be reached")
    await doorkeeper.start_kafka()
    await doorkeeper.ready()
    assert (await doorkeeper.metadata()).brokers


async def test_a_port_that_is_taken_ends_it(doorkeeper):
    with socket.create_server(("127.0.0.1", doorkeeper.port)):
        await doorkeeper.start()
        assert await doorkeeper.ended() == 1
    assert f"cannot listen on 127.0.0.1:{doorkeeper.port}" in await doorkeeper.logged("cannot start")


async def test_what_is_in_flight_is_finished(doorkeeper):
    await doorkeeper.start()
    await doorkeeper.ready()
    doorkeeper.kafka.ignored = "slow"
    reader, writer = await doorkeeper.client()
    writer.write(metadata_request("slow"))
    await until_asked(doorkeeper.kafka)
    doorkeeper.signal(signal.SIGTERM)
    await doorkeeper.ready(503)
    with pytest.raises(ConnectionRefusedError):
        await doorkeeper.client()
    (broker_writer,) = [each for each in doorkeeper.kafka._writers if not each.is_closing()]
    answer = doorkeeper.kafka._metadata(1)
    broker_writer.write(encode_response(ApiKey.METADATA, 1, 7, answer))
    assert decode_response(ApiKey.METADATA, 1, await frame(reader))[1].brokers
    assert await everything(reader) == b""
    assert await doorkeeper.ended() == 0
    writer.close()


@pytest.mark.parametrize("impatient", [True, False])
async def test_draining_ends_in_the_end(doorkeeper, impatient):
    """By the deadline, or by a second signal."""
    await doorkeeper.start(drain_timeout_s=600 if impatient else 1)
    await doorkeeper.ready()
    doorkeeper.kafka.ignored = "slow"
    reader, writer = await doorkeeper.client()
    writer.write(metadata_request("slow"))
    await until_asked(doorkeeper.kafka)
    doorkeeper.signal(signal.SIGTERM)
    await doorkeeper.logged("draining")
    if impatient:
        doorkeeper.signal(signal.SIGTERM)
    assert await everything(reader) == b""
    assert await doorkeeper.ended() == 0
    writer.close()


@pytest.mark.parametrize("asked", [True, False])
async def test_reloads_all_or_nothing(doorkeeper, asked):
    """A faulty file is told, and the old ones stay in force; asked by SIGHUP, or by the change alone."""
    await doorkeeper.start()
    await doorkeeper.ready()
    doorkeeper.write_policy(POLICY.replace("topics:", "topcs:"))
    if asked:
        doorkeeper.signal(signal.SIGHUP)
    line = json.loads(await doorkeeper.logged("are not taken"))
    assert any("did you mean 'topics'?" in fault for fault in line["faults"])
    assert (await doorkeeper.metadata()).brokers
    doorkeeper.write_policy(POLICY.replace("everybody", "anybody"))
    if asked:
        doorkeeper.signal(signal.SIGHUP)
    assert json.loads(await doorkeeper.logged("reloaded"))["generation"] == 2
    assert await doorkeeper.metric("doorkeeper_policy_generation") == 2


async def until_asked(kafka):
    """Wait until a client's question about topics has come."""
    seen = kafka.asked.count(("Metadata", 1))
    async with asyncio.timeout(PATIENCE_S):
        while kafka.asked.count(("Metadata", 1)) == seen:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.01)


# Several workers


async def test_workers_share_the_ports_and_the_metrics(doorkeeper):
    await doorkeeper.start(workers=2)
    await doorkeeper.ready()
    await doorkeeper.logged("listening", 2)
    for _ in range(40):
        assert (await doorkeeper.metadata()).brokers
    async with asyncio.timeout(PATIENCE_S):
        while await doorkeeper.metric("doorkeeper_connections_opened_total") < 40:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.05)
    doorkeeper.signal(signal.SIGTERM)
    assert await doorkeeper.ended() == 0
    assert len([line for line in doorkeeper.log if "draining" in line]) == 2


async def test_a_worker_that_dies_is_started_again(doorkeeper):
    await doorkeeper.start(workers=2)
    await doorkeeper.ready()
    await doorkeeper.logged("listening", 2)
    before = doorkeeper.workers()
    os.kill(before[0], signal.SIGKILL)
    assert json.loads(await doorkeeper.logged("a worker has died"))["worker"] == 0
    await doorkeeper.logged("listening", 3)
    await doorkeeper.ready()
    assert len(set(doorkeeper.workers()) | set(before)) == 3
    assert (await doorkeeper.metadata()).brokers
    doorkeeper.signal(signal.SIGINT)
    assert await doorkeeper.ended() == 0


async def test_workers_reload_together(doorkeeper):
    await doorkeeper.start(workers=2)
    await doorkeeper.ready()
    await doorkeeper.logged("listening", 2)
    doorkeeper.signal(signal.SIGHUP)
    await doorkeeper.logged("reloaded", 2)


async def test_workers_end_with_their_parent(doorkeeper):
    """However it ends: nobody would be left to stop them."""
    await doorkeeper.start(workers=2)
    await doorkeeper.ready()
    await doorkeeper.logged("listening", 2)
    doorkeeper.signal(signal.SIGKILL)
    await doorkeeper.ended()
    with pytest.raises(ConnectionRefusedError):
        await doorkeeper.client()


async def test_workers_that_cannot_start_end_it(doorkeeper):
    with socket.create_server(("127.0.0.1", doorkeeper.port)):
        await doorkeeper.start(workers=2)
        assert await doorkeeper.ended() == 1
