"""A relay in front of each broker of a cluster, and what of all that passes through is worth keeping."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from protocol.apis import known_versions
from protocol.header import peek_api
from protocol.legacy.index import LEGACY_VERSIONS
from proxy.embedded import KafkaCluster
from proxy.embedded.java import version_tuple
from proxy.embedded.network import LOOPBACK
from proxy.embedded.tools import Tools

LARGEST = 1200
"""An exchange is small enough for a file if neither side of it has more bytes."""
AS_OLD = 2
"""Of every API so many versions are kept, even if kio has them: they are as old as those that it lacks."""

ENOUGH_S = 30.0


def tell(*what: object) -> None:
    """Say what is done, for whoever runs this."""
    print(*what)  # noqa: T201 - there is nobody else to tell it


class Recorder:
    """Keeps the most telling exchange, the largest that is small enough, of each API and version."""

    def __init__(self) -> None:
        self.step = ""
        self._changed = threading.Condition()
        self._kept: dict[tuple[int, int], dict[str, Any]] = {}

    def exchange(self, request: bytes, response: bytes) -> None:
        """Take a request and its answer."""
        api_key, version, _ = peek_api(request)
        wanted = version < max(len(LEGACY_VERSIONS.get(api_key, ())), AS_OLD) and known_versions(api_key)
        if not wanted or max(len(request), len(response)) > LARGEST:
            return
        entry = {
            "api_key": api_key,
            "api_version": version,
            "step": self.step,
            "request": request.hex(),
            "response": response.hex(),
        }
        with self._changed:
            kept = self._kept.get((api_key, version))
            if kept is None or _telling(entry) > _telling(kept):
                self._kept[api_key, version] = entry
            self._changed.notify_all()

    def wait_for(self, api_key: int, version: int) -> None:
        """Wait until an exchange of this kind has passed."""
        with self._changed:
            assert self._changed.wait_for(lambda: (api_key, version) in self._kept, ENOUGH_S), "nobody asked for it"

    def save(self, path: Path) -> None:
        """Write what was kept."""
        entries = [entry for _, entry in sorted(self._kept.items())]
        path.write_text(json.dumps(entries, indent=1) + "\n")
        tell(path.name, [(entry["api_key"], entry["api_version"]) for entry in entries])


def _telling(entry: dict[str, Any]) -> tuple[int, int]:
    return len(entry["response"]), len(entry["request"])


class Relay:
    """A port of its own in front of a broker's."""

    def __init__(self, target: int, recorder: Recorder) -> None:
        self._target = target
        self._recorder = recorder
        self._server = socket.create_server((LOOPBACK, 0), backlog=64)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    broker = socket.create_connection((LOOPBACK, self._target))
                except OSError:
                    client.close()
                    continue
                waiting: deque[bytes] = deque()
                for source, sink, seen in (
                    (client, broker, waiting.append),
                    (broker, client, lambda frame, waiting=waiting: self._answered(waiting, frame)),
                ):
                    threading.Thread(target=_pass_on, args=(source, sink, seen), daemon=True).start()

    def _answered(self, waiting: deque[bytes], response: bytes) -> None:
        while waiting:
            request = waiting.popleft()
            # A Produce without acknowledgement has no answer.
            if request[8:12] == response[4:8]:
                self._recorder.exchange(request, response)
                return

    def close(self) -> None:
        """Let nobody in any more."""
        self._server.close()


def _pass_on(source: socket.socket, sink: socket.socket, seen: Callable[[bytes], object]) -> None:
    """Pass on frame by frame, for a request must be noted before its answer can come."""
    buffer = b""
    with suppress(OSError):
        while data := source.recv(65536):
            buffer += data
            while len(buffer) >= 4 and len(buffer) >= (size := 4 + int.from_bytes(buffer[:4], "big")):
                frame, buffer = buffer[:size], buffer[size:]
                seen(frame)
                sink.sendall(frame)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class RelayedCluster(KafkaCluster):
    """A cluster whose brokers advertise relays."""

    def __init__(self, version: str, recorder: Recorder, **options: Any) -> None:
        super().__init__(version, **options)
        self.recorder = recorder
        self.relays: dict[str, Relay] = {}

    def _prepare(self, *arguments: Any) -> None:
        super()._prepare(*arguments)
        for broker in self.brokers:
            relays = {name: Relay(port, self.recorder) for name, port in broker.ports.items()}
            self.relays = {**relays, **self.relays}
            addresses = ",".join(f"{name}://{LOOPBACK}:{relay.port}" for name, relay in relays.items())
            named = version_tuple(self.version) >= (0, 10, 2)
            plain = {"advertised.host.name": LOOPBACK, "advertised.port": str(relays["PLAINTEXT"].port)}
            broker._settings |= {"advertised.listeners": addresses} if named else plain

    @property
    def servers(self) -> str:
        """The relay of the first broker's plain listener."""
        return f"{LOOPBACK}:{self.relays['PLAINTEXT'].port}"

    @property
    def zookeeper(self) -> str:
        """The address of its ZooKeeper."""
        assert self._zookeeper is not None, "start() comes first"
        return f"{LOOPBACK}:{self._zookeeper.port}"

    def run(self, client: str, tool: str, *arguments: str, stdin: str = "") -> str:
        """Let a Java tool of some version do something; gives what it printed."""
        self.recorder.step = f"{tool} of {client}"
        done = Tools.of(client).run(tool, *arguments, stdin=stdin)
        tell(f"  {self.recorder.step}: {done.exit_code} {done.stdout[-300:]!r} {done.stderr[-300:]!r}")
        return done.stdout
