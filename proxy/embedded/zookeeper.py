"""The ZooKeeper of a Kafka before 4.0, from the jars of that Kafka itself."""

from pathlib import Path

from proxy.embedded.java import KafkaJars
from proxy.embedded.jvm import java_server, packaged_jvm
from proxy.embedded.network import LOOPBACK, ask_word, free_port
from proxy.embedded.process import ChildProcess

_START_S = 60.0
_TICK_MS = 2000


class ZooKeeper:
    """A single ZooKeeper server with its directory."""

    def __init__(self, jars: KafkaJars, directory: Path) -> None:
        self.port = free_port()
        settings = {
            "dataDir": str((directory / "zookeeper").absolute()),
            "clientPort": str(self.port),
            "clientPortAddress": LOOPBACK,
            "maxClientCnxns": "0",
            "tickTime": str(_TICK_MS),
        }
        main_class = "org.apache.zookeeper.server.ZooKeeperServerMain"
        jvm = packaged_jvm(heap_mb=128)
        self.process: ChildProcess = java_server("zookeeper", jvm, jars, main_class, settings, directory)

    def start(self) -> None:
        """Start it and wait until it answers.

        :raises EmbeddedError: if it does not.
        """
        self.process.start()
        self.process.wait_until(lambda: ask_word(self.port, b"ruok") == b"imok", _START_S)

    def remembers(self, node_id: int) -> bool:
        """Tell whether a broker's session lives on, as it does for seconds after a crash: its id is taken so long."""
        return f"/brokers/ids/{node_id}\n".encode() in ask_word(self.port, b"dump") + b"\n"
