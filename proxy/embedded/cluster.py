"""A whole embedded cluster: one or more brokers, and what they need."""

import atexit
import base64
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from proxy.embedded.broker import PLAIN, Broker
from proxy.embedded.java import KafkaJars, Progress, kafka_jars, quiet, version_tuple
from proxy.embedded.jvm import Jvm, packaged_jvm
from proxy.embedded.listeners import Listener
from proxy.embedded.network import LOOPBACK
from proxy.embedded.tools import Tools
from proxy.embedded.zookeeper import ZooKeeper

# A broker that crashed is only let in again when its old session has ended: Kafka's own 6 to 18 s are a long wait.
_SESSION_MS = 4000

_HEAP_MB = 384


class KafkaCluster:
    """A cluster on the loopback interface, with nodes 1 to `nodes`, that keeps its data while `directory` is kept.

    :param version: any from 0.8.2.2 to 4.x.
    :param directory: where logs, settings and data go; a temporary one, removed by `stop`, if None.
    :param properties: further settings of every broker, as in server.properties.
    :param listeners: further listeners beside the plain one; see `Listener`.
    :param cache: where downloaded jars are kept; the user's cache directory if None.
    :param jvm: the Java of the brokers; that of ZooKeeper and tools, the packaged one with a small heap, if None.
    """

    def __init__(
        self,
        version: str = "1.1.1",
        *,
        nodes: int = 1,
        directory: Path | None = None,
        properties: Mapping[str, str] | None = None,
        listeners: Sequence[Listener] = (),
        cache: Path | None = None,
        jvm: Jvm | None = None,
    ) -> None:
        version_tuple(version)
        self.version = version
        self.nodes = nodes
        self._keep = directory is not None
        self._given_directory = directory
        self._properties = dict(properties or {})
        self._listeners = tuple(listeners)
        self._cache = cache
        self._jvm = jvm
        self._brokers: dict[int, Broker] = {}
        self._zookeeper: ZooKeeper | None = None
        self._directory: Path | None = None
        self._jars: KafkaJars | None = None

    @property
    def directory(self) -> Path:
        """Where it keeps its files, known after `start`."""
        assert self._directory is not None, "start() comes first"
        return self._directory

    @property
    def brokers(self) -> tuple[Broker, ...]:
        """The brokers in the order of their ids."""
        return tuple(self._brokers.values())

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of the plain listeners, "host:port,..."."""
        return self.servers_of(PLAIN)

    def servers_of(self, listener: str) -> str:
        """Give the addresses of the listeners of this name, "host:port,..."."""
        return ",".join(f"{LOOPBACK}:{broker.ports[listener]}" for broker in self.brokers)

    def broker(self, node_id: int) -> Broker:
        """Give a broker by its id, which starts at 1.

        :raises KeyError: if there is none.
        """
        return self._brokers[node_id]

    @property
    def tools(self) -> Tools:
        """Kafka's command-line tools of the same version, known after `start`."""
        assert self._jars is not None, "start() comes first"
        return Tools(self._jars)

    def start(self, progress: Progress = quiet) -> Self:
        """Fetch, configure and start everything, and wait until every broker knows every other.

        :raises EmbeddedError: if that fails; nothing of it runs any more then.
        """
        self._jars = kafka_jars(self.version, self._cache, progress)
        self._directory = self._given_directory or self._make_directory()
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare(self._jars, self._directory, progress)
            progress(f"Kafka {self.version}: starting {self.nodes} broker{'s' if self.nodes > 1 else ''}")
            for broker in self.brokers:
                broker.launch()
            for broker in self.brokers:
                broker.wait_until_it_knows(frozenset(self._brokers))
        except BaseException:
            self.stop()
            raise
        progress(f"Kafka {self.version}: ready at {self.bootstrap_servers}")
        return self

    def _make_directory(self) -> Path:
        directory = Path(tempfile.mkdtemp(prefix="embedded-kafka-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        return directory

    def _prepare(self, jars: KafkaJars, directory: Path, progress: Progress) -> None:
        nodes = range(1, self.nodes + 1)
        jvm = self._jvm or packaged_jvm(_HEAP_MB)
        self._brokers = {n: Broker(n, jvm, jars, directory, self._listeners) for n in nodes}
        settings = {**self._common_settings(), **self._properties}
        if version_tuple(self.version) < (4, 0):
            progress(f"Kafka {self.version}: starting its ZooKeeper")
            self._zookeeper = ZooKeeper(jars, directory)
            self._zookeeper.start()
            for broker in self.brokers:
                broker.configure_with_zookeeper(settings, self._zookeeper)
        else:
            progress(f"Kafka {self.version}: preparing its storage")
            voters = ",".join(f"{b.node_id}@{LOOPBACK}:{b.controller_port}" for b in self.brokers)
            for broker in self.brokers:
                broker.configure_with_kraft(settings, voters, _cluster_id(directory))

    def _common_settings(self) -> dict[str, str]:
        """Small and quick: few partitions and threads, and no time in which a group waits for more members."""
        replicas = str(min(self.nodes, 3))
        return {
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
            "zookeeper.session.timeout.ms": str(_SESSION_MS),
            "broker.session.timeout.ms": str(_SESSION_MS),
            "broker.heartbeat.interval.ms": str(_SESSION_MS // 8),
            "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "5",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.num.partitions": "5",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }

    def stop(self) -> None:
        """Stop everything; in good order if the data is kept, else at once."""
        if self._keep:
            # Side by side: what each waits for may be another that stops.
            for broker in self.brokers:
                broker.terminate()
            for broker in self.brokers:
                broker.stop()
        for broker in self.brokers:
            broker.kill()
        if self._zookeeper is not None:
            self._zookeeper.process.kill()
        if not self._keep and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start() if not self._brokers else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _cluster_id(directory: Path) -> str:
    """Give the cluster's id (22 characters of base64), the same as long as the directory lives."""
    path = directory / "cluster-id"
    if not path.exists():
        path.write_text(base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("="))
    return path.read_text()
