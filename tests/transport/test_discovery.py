"""Learning the cluster from brokers of every age."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import structlog

from protocol.apis import ApiKey, known_versions
from proxy.addressing.topology import BrokerAddress, Topology, VersionFacts
from proxy.observability.metrics import Metrics
from proxy.observability.observer import Observer
from proxy.transport.discovery import Discovery
from tests.transport.support import FakeKafka, until, within


class Cluster:
    """Fake brokers, what is known of them, and discovery."""

    def __init__(self):
        self.metrics = Metrics("test", process=False)
        self.kafkas = []

    async def add(self, **traits):
        self.kafkas.append(await FakeKafka(**traits).start())
        return self.kafkas[-1]

    def form(self):
        """Let every broker tell of all of them, with ids from 1 on."""
        addresses = {n: BrokerAddress(*kafka.address) for n, kafka in enumerate(self.kafkas, 1)}
        for kafka in self.kafkas:
            kafka.brokers = addresses

    def discover(self, *bootstrap, **options):
        self.topology = Topology(bootstrap or [self.kafkas[0].address])
        options = {"timeout_s": 5.0, "jitter": lambda: 0.0, **options}
        self.discovery = Discovery(self.topology, Observer(self.metrics), **options)
        return self.discovery

    def up(self, node_id):
        return self.metrics.registry.get_sample_value("doorkeeper_broker_up", {"node_id": str(node_id)})


@pytest.fixture
async def cluster():
    made = Cluster()
    with structlog.testing.capture_logs() as made.logs:
        yield made
    for kafka in made.kafkas:
        await kafka.stop()


@asynccontextmanager
async def running(discovery):
    task = asyncio.get_running_loop().create_task(discovery.run())
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def closed_port():
    kafka = await FakeKafka().start()
    await kafka.stop()
    return kafka.address


@pytest.mark.parametrize(
    ("versions", "metadata", "asked"),
    [
        # 4.x, and one that is newer than we are
        (range(5), range(14), [("Metadata", 1), ("ApiVersions", 4), ("Metadata", 13)]),
        (range(9), range(20), [("Metadata", 1), ("ApiVersions", 4), ("Metadata", 13)]),
        # 2.4 says in its refusal what it has
        (range(4), range(10), [("Metadata", 1), ("ApiVersions", 4), ("ApiVersions", 3), ("Metadata", 9)]),
        # 0.10 to 2.3 do not
        (range(3), range(9), [("Metadata", 1), ("ApiVersions", 4), ("ApiVersions", 0), ("Metadata", 8)]),
        (range(1), range(2), [("Metadata", 1), ("ApiVersions", 4), ("ApiVersions", 0), ("Metadata", 1)]),
        # 0.8 and 0.9 take each version for 0
        (None, range(1), [("Metadata", 1), ("ListGroups", 0), ("Metadata", 0)]),
        # one that is so new that it has forgotten Metadata 1 closes the connection
        (range(5), range(5, 14), [("Metadata", 1), ("ApiVersions", 4), ("Metadata", 13)]),
    ],
)
async def test_asks_each_age_in_its_own_way(cluster, versions, metadata, asked):
    assert known_versions(ApiKey.METADATA)[-1] == 13
    kafka = await cluster.add(versions=versions, metadata=metadata)
    cluster.form()
    assert await within(cluster.discover().refresh())
    assert kafka.asked == asked
    assert cluster.topology.brokers == {1: BrokerAddress(*kafka.address)}
    facts = cluster.topology.versions_of(1)
    if versions is None:
        assert facts == VersionFacts(None, "0.9.0")
    else:
        assert {key.api_key for key in facts.response.api_keys} == {3, 18}


async def test_a_broker_that_never_answers_api_versions_is_not_asked(cluster):
    """KAFKA-3547: 0.9 keeps silent instead of closing."""
    kafka = await cluster.add(versions=None, metadata=range(1), silent=True)
    cluster.form()
    assert await within(cluster.discover(timeout_s=60.0).refresh())
    assert cluster.topology.versions_of(1) == VersionFacts(None, "0.9.0")
    assert ("ApiVersions", 4) not in kafka.asked


async def test_a_broker_that_is_too_busy_to_tell_is_not_taken_for_an_old_one(cluster):
    await cluster.add(busy=True)
    cluster.form()
    assert not await within(cluster.discover(timeout_s=0.05).refresh())
    assert cluster.topology.versions_of(1) is None
    assert "no answer in time" in cluster.logs[0]["troubles"][0]


@pytest.mark.parametrize(("groups", "release"), [(False, "0.8.2"), (True, "0.9.0")])
@pytest.mark.parametrize("silent", [False, True])
async def test_which_old_release_a_broker_is(cluster, groups, release, silent):
    await cluster.add(versions=None, groups=groups, silent=silent)
    cluster.form()
    assert await within(cluster.discover(timeout_s=0.05).refresh())
    facts = cluster.topology.versions_of(1)
    assert facts == VersionFacts(None, release)
    assert facts.ranges[ApiKey.PRODUCE] == range(2 if groups else 1)
    assert (ApiKey.JOIN_GROUP in facts.ranges) is groups


async def test_brokers_that_are_known_to_be_old_are_not_asked(cluster):
    kafka = await cluster.add(versions=None, metadata=range(1))
    cluster.form()
    assert await within(cluster.discover(release="0.8.2").refresh())
    assert kafka.asked == [("Metadata", 0)]
    assert cluster.topology.versions_of(1) == VersionFacts(None, "0.8.2")


async def test_an_old_broker_is_asked_again_only_after_it_was_away(cluster):
    """It may have been upgraded then."""
    kafka = await cluster.add(versions=None, metadata=range(1))
    cluster.form()
    discovery = cluster.discover()
    await within(discovery.refresh())
    kafka.asked.clear()
    await within(discovery.refresh())
    assert kafka.asked == [("Metadata", 0)]
    discovery.broker_failed(*kafka.address)
    kafka.versions, kafka.metadata = range(1), range(2)
    await within(discovery.refresh())
    assert cluster.topology.versions_of(1).response is not None


async def test_a_broker_in_trouble_is_not_taken_for_an_old_one(cluster):
    kafka = await cluster.add()
    cluster.form()
    discovery = cluster.discover()
    await within(discovery.refresh())
    kafka.versions = None
    assert not await within(discovery.refresh())
    assert cluster.topology.versions_of(1).response is not None
    assert cluster.up(1) == 0


async def test_every_broker_is_asked_for_its_own_versions(cluster):
    """A cluster is upgraded one broker at a time."""
    await cluster.add()
    await cluster.add(versions=range(1), metadata=range(2))
    cluster.form()
    await within(cluster.discover().refresh())
    newest = [max(key.max_version for key in cluster.topology.versions_of(n).response.api_keys) for n in (1, 2)]
    assert newest == [13, 1]
    assert (cluster.up(1), cluster.up(2)) == (1, 1)


async def test_the_next_server_is_asked_when_one_is_down(cluster):
    await cluster.add()
    cluster.form()
    discovery = cluster.discover(await closed_port(), cluster.kafkas[0].address)
    assert await within(discovery.refresh())
    assert 1 in cluster.topology.brokers


async def test_a_broker_that_is_down_is_told_but_does_no_harm(cluster):
    await cluster.add()
    dead = await cluster.add()
    cluster.form()
    await dead.stop()
    cluster.kafkas.remove(dead)
    assert await within(cluster.discover().refresh())
    assert (cluster.up(1), cluster.up(2)) == (1, 0)
    assert {cluster.topology.pick_any() for _ in range(4)} == {cluster.kafkas[0].address}


async def test_changes_are_logged(cluster):
    kafka = await cluster.add()
    cluster.form()
    discovery = cluster.discover()
    await within(discovery.refresh())
    kafka.brokers = {1: BrokerAddress(*kafka.address), 7: BrokerAddress(*kafka.address)}
    await within(discovery.refresh())
    kafka.brokers = {7: BrokerAddress(*kafka.address)}
    await within(discovery.refresh())
    host, port = kafka.address
    assert [entry["event"] for entry in cluster.logs if entry["log_level"] == "info"] == [
        f"broker 1 added at {host}:{port}",
        f"broker 7 added at {host}:{port}",
        f"broker 1 removed, was at {host}:{port}",
    ]


async def test_a_cluster_that_is_down_is_tried_again_and_told_once(cluster):
    host, port = await closed_port()
    async with running(cluster.discover((host, port), interval_s=0.01)):
        await until(lambda: cluster.logs)
        kafka = cluster.kafkas
        kafka.append(await FakeKafka(brokers={1: BrokerAddress(host, port)}).start(port))
        await until(lambda: cluster.topology.known)
    (warning,) = [entry for entry in cluster.logs if entry["log_level"] == "warning"]
    assert warning["event"] == "the cluster cannot be reached"
    assert warning["troubles"][0].startswith(f"{host}:{port}: ")


async def test_a_failed_connection_makes_it_look_at_once(cluster, monkeypatch):
    monkeypatch.setattr("proxy.transport.discovery._NOT_SOONER_THAN_S", 0.0)
    kafka = await cluster.add()
    cluster.form()
    async with running(cluster.discover(interval_s=3600.0)):
        await until(lambda: cluster.topology.known)
        kafka.brokers = {**kafka.brokers, 2: BrokerAddress(*kafka.address)}
        cluster.discovery.broker_failed(*kafka.address)
        assert cluster.up(1) == 0
        await until(lambda: 2 in cluster.topology.brokers)


async def test_an_unknown_broker_is_looked_for_once(cluster, monkeypatch):
    kafka = await cluster.add()
    cluster.form()
    discovery = cluster.discover()
    assert await within(discovery.has(1))
    count = len(kafka.asked)
    assert not await within(discovery.has(2))
    assert len(kafka.asked) == count, (
        "whoever knocks at a missing broker must not make us ask the cluster again and again"
    )
    monkeypatch.setattr("proxy.transport.discovery._NOT_SOONER_THAN_S", 0.0)
    kafka.brokers = {**kafka.brokers, 2: BrokerAddress(*kafka.address)}
    found = await within(asyncio.gather(*(discovery.has(2) for _ in range(10))))
    assert found == [True] * 10
    assert kafka.asked[count:].count(("Metadata", 13)) == 1


async def test_a_broker_that_knows_nobody_yet_is_asked_again_soon(cluster):
    """So it is for a moment after the start of a cluster, and with 0.8 until there is a topic."""
    kafka = await cluster.add()
    async with running(cluster.discover(interval_s=3600.0)):
        await until(lambda: cluster.logs)
        assert cluster.topology.known, "clients are served by the bootstrap server: their topics are what it waits for"
        assert cluster.topology.pick_any() == kafka.address
        kafka.brokers = {1: BrokerAddress(*kafka.address)}
        await until(lambda: 1 in cluster.topology.brokers)


async def test_nonsense_instead_of_an_answer_is_a_failure(cluster):
    async def nonsense(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    assert not await within(cluster.discover(server.sockets[0].getsockname()).refresh())
    (warning,) = cluster.logs
    assert "is this a Kafka broker" in warning["troubles"][0]
    server.close()
    await server.wait_closed()
