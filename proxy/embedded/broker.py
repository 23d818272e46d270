"""One broker of an embedded cluster."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy.embedded.errors import EmbeddedError
from proxy.embedded.java import KafkaJars, version_tuple
from proxy.embedded.jvm import Jvm, java_server
from proxy.embedded.listeners import Listener
from proxy.embedded.network import LOOPBACK, brokers_known_at, free_port
from proxy.embedded.process import ChildProcess
from proxy.embedded.tools import Tools
from proxy.embedded.zookeeper import ZooKeeper

PLAIN = "PLAINTEXT"
CONTROLLER = "CONTROLLER"

_START_S = 120.0
_STOP_S = 30.0


class Broker:
    """A broker with its directory and its ports, which stay its own over restarts.

    Before 4.0 it has a ZooKeeper; from 4.0 on it is a controller as well (KRaft, combined mode).
    """

    def __init__(self, node_id: int, jvm: Jvm, jars: KafkaJars, directory: Path, listeners: Sequence[Listener]) -> None:
        self.node_id = node_id
        self.directory = directory
        self.controller_port = free_port()
        self.ports = {name: free_port() for name in (PLAIN, *(listener.name for listener in listeners))}
        self._jvm = jvm
        self._jars = jars
        self._listeners = tuple(listeners)
        self._settings: dict[str, str] = {}
        self._zookeeper: ZooKeeper | None = None
        self._process: ChildProcess | None = None

    @property
    def port(self) -> int:
        """The port of the plain listener."""
        return self.ports[PLAIN]

    @property
    def address(self) -> str:
        """The address of the plain listener, "host:port"."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Its process; it has to run."""
        assert self._process is not None, "start() comes first"
        assert self._process.pid is not None, "start() comes first"
        return self._process.pid

    @property
    def log(self) -> Path:
        """Where it logs."""
        return self.directory / f"broker-{self.node_id}.log"

    def configure_with_zookeeper(self, settings: Mapping[str, str], zookeeper: ZooKeeper) -> None:
        """Set what it starts with, before 4.0; it may be anything that Kafka takes in server.properties."""
        self._zookeeper = zookeeper
        self._settings = {
            "broker.id": str(self.node_id),
            "zookeeper.connect": f"{LOOPBACK}:{zookeeper.port}",
            **self._listener_settings(with_controller=False),
            **settings,
        }

    def configure_with_kraft(self, settings: Mapping[str, str], voters: str, cluster_id: str) -> None:
        """Set what it starts with, from 4.0 on, and make its storage if it has none.

        :raises EmbeddedError: if Kafka refuses to.
        """
        self._settings = {
            "node.id": str(self.node_id),
            "process.roles": "broker,controller",
            "controller.quorum.voters": voters,
            "controller.listener.names": CONTROLLER,
            **self._listener_settings(with_controller=True),
            **settings,
        }
        self._process = self._make_process()
        if not (self._data / "meta.properties").exists():
            settings_file = self.directory / f"broker-{self.node_id}.properties"
            # The id may begin with "-": apart from its option it would be taken for one.
            identity = f"--cluster-id={cluster_id}"
            done = Tools(self._jars).run("StorageTool", "format", identity, "-c", str(settings_file))
            if done.exit_code != 0:
                raise EmbeddedError(f"Kafka could not make its storage:\n{done.stdout}{done.stderr}")

    @property
    def _data(self) -> Path:
        return (self.directory / f"broker-{self.node_id}").absolute()

    def _listener_settings(self, *, with_controller: bool) -> dict[str, str]:
        common = {"log.dirs": str(self._data)}
        if version_tuple(self._jars.version) < (0, 10, 2):
            # The listeners have no names yet, and 0.8 knows only this pair.
            return {**common, "host.name": LOOPBACK, "port": str(self.port)}
        protocols = {PLAIN: PLAIN, **{listener.name: listener.security_protocol for listener in self._listeners}}
        addresses = [f"{name}://{LOOPBACK}:{port}" for name, port in self.ports.items()]
        bound = list(addresses)
        if with_controller:
            protocols[CONTROLLER] = PLAIN
            bound.append(f"{CONTROLLER}://{LOOPBACK}:{self.controller_port}")
        for listener in self._listeners:
            common.update(listener.settings)
        return {
            **common,
            "listeners": ",".join(bound),
            "advertised.listeners": ",".join(addresses),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": PLAIN,
        }

    def _make_process(self) -> ChildProcess:
        name = f"broker-{self.node_id}"
        return java_server(name, self._jvm, self._jars, "kafka.Kafka", self._settings, self.directory)

    def launch(self) -> None:
        """Start it and do not wait."""
        if self._process is None:
            self._process = self._make_process()
        self._process.start()

    def wait_until_it_knows(self, node_ids: frozenset[int]) -> None:
        """Wait until it answers and knows at least these brokers.

        :raises EmbeddedError: if it does not in time.
        """
        assert self._process is not None, "launch() comes first"
        number = version_tuple(self._jars.version)

        def ready() -> bool:
            known = brokers_known_at(self.port, 4 if number >= (1, 0) else 0)
            # 0.8 names no broker as long as there is no topic.
            return known is not None and (known >= node_ids or number < (0, 9))

        self._process.wait_until(ready, _START_S)

    def start(self) -> None:
        """Start it (again) and wait until it answers and is part of its cluster.

        :raises EmbeddedError: if it does not in time.
        """
        self._wait_for_old_session()
        self.launch()
        self.wait_until_it_knows(frozenset({self.node_id}))

    def _wait_for_old_session(self) -> None:
        zookeeper = self._zookeeper
        if zookeeper is not None:
            zookeeper.process.wait_until(lambda: not zookeeper.remembers(self.node_id), _STOP_S)

    def terminate(self) -> None:
        """Ask it to stop and do not wait."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Stop it in good order: it hands its partitions to others first."""
        if self._process is not None:
            self._process.stop(_STOP_S)

    def kill(self) -> None:
        """Let it crash."""
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Let it hang, with its connections open, until `resume`; not for as long as a session lasts."""
        if self._process is not None:
            self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        if self._process is not None:
            self._process.signal(signal.SIGCONT)
