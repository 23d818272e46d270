"""One run of the doorkeeper: start, signals, reload, drain."""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from policies.strict_yaml import InvalidDocument
from proxy import __version__, open_files
from proxy.admin.server import AdminServer, Exposed
from proxy.assembly import Doorkeeper
from proxy.config.model import Config
from proxy.config.warnings import warnings
from proxy.observability import records
from proxy.observability.audit import AuditLog, Watch
from proxy.observability.line_file import LineFile
from proxy.observability.logs import configure, get_logger
from proxy.observability.metrics import Metrics
from proxy.observability.observer import Observer
from proxy.observability.workers import SnapshotExchange
from proxy.policy_source import FileSource, PolicySource
from proxy.transport.tasks import Tasks
from proxy.workers import CANNOT_START, Workers

_LOOK_FOR_CHANGES_EVERY_S: Final = 2.0
_PUBLISH_EVERY_S: Final = 2.0

_log = get_logger("doorkeeper")


def run(config: Config, log_level: str = "info") -> int:
    """Serve until SIGTERM or SIGINT; the exit code comes back. `log_level` is one of `logs.LEVELS`.

    :raises InvalidDocument: if users, policy or certificates are faulty at the start.
    """
    configure(log_level)
    FileSource(config).load(0)
    open_files.allow(config)
    secret = secrets.token_bytes(32)
    if config.workers == 1:
        return _serve(config, Worker(secret))
    with TemporaryDirectory(prefix="doorkeeper-") as folder:
        exchange = SnapshotExchange(Path(folder))

        def serve(index: int, alive: int) -> int:
            # One of them answers for all.
            own = config if index == 0 else replace(config, admin=None)
            return _serve(own, Worker(secret, index, alive, exchange))

        return Workers(config.workers, serve).run()


@dataclass(frozen=True, slots=True)
class Worker:
    """Which process this is. Only with a parent are there ``alive``, readable when it is gone, and ``exchange``."""

    secret: bytes
    index: int = 0
    alive: int | None = None
    exchange: SnapshotExchange | None = None


def _serve(config: Config, worker: Worker) -> int:
    try:
        return uvloop.run(_Run(config, FileSource(config), worker).serve())
    except OSError as error:
        _log.error("cannot start", detail=str(error))
        return CANNOT_START


class _Run:
    def __init__(self, config: Config, source: PolicySource, worker: Worker) -> None:
        self._config = config
        self._source = source
        self._worker = worker
        self._tasks = Tasks(lambda error: _log.error("bug: a task failed", exc_info=error))
        self._fingerprint = source.fingerprint()
        self._generation = 1
        self._stop = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._draining = False

    async def serve(self) -> int:
        config = self._config
        metrics = Metrics(__version__)
        audit = AuditLog(
            LineFile(config.audit.target),
            now=lambda: records.timestamp(time.time()),
            watch=Watch(metrics.audit_lines.inc, metrics.audit_lines_dropped.inc, _audit_trouble),
        )
        observer = Observer(metrics, audit, grants=config.audit.grants)
        snapshot = self._source.load(self._generation)
        worker = self._worker
        doorkeeper = Doorkeeper(
            config, snapshot, observer, secret=worker.secret, reuse_port=worker.exchange is not None
        )
        admin = AdminServer(doorkeeper, self._all_metrics(metrics), lambda: self._draining)
        self._tasks.spawn(self._watch(doorkeeper, observer))
        try:
            self._listen_to_signals(doorkeeper, audit)
            if config.admin is not None:
                await admin.start(config.admin.bind)
            await doorkeeper.start()
            self._tell_started()
            gc.collect()
            gc.freeze()
            await self._stop.wait()
            return await self._drain(doorkeeper)
        finally:
            await self._tasks.cancel()
            await doorkeeper.stop()
            await admin.stop()
            audit.close()

    def _listen_to_signals(self, doorkeeper: Doorkeeper, audit: AuditLog) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, doorkeeper)
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload, audit)
        if self._worker.alive is not None:
            loop.add_reader(self._worker.alive, self._orphaned, doorkeeper)

    def _asked_to_stop(self, doorkeeper: Doorkeeper) -> None:
        if self._stop.is_set():
            _log.warning("asked to stop a second time: open connections are cut off")
            doorkeeper.abort()
        self._stop.set()

    def _orphaned(self, doorkeeper: Doorkeeper) -> None:
        """Nobody would start this worker again, nor tell it to stop."""
        assert self._worker.alive is not None
        asyncio.get_running_loop().remove_reader(self._worker.alive)
        _log.error("the parent process is gone")
        self._asked_to_stop(doorkeeper)

    def _all_metrics(self, own: Metrics) -> Exposed:
        """The metrics to show: with several workers, those of all of them."""
        exchange = self._worker.exchange
        if exchange is None:
            return own
        self._tasks.spawn(self._publish(own, exchange))
        return exchange.seen_by(self._worker.index, own.registry)

    async def _publish(self, own: Metrics, exchange: SnapshotExchange) -> None:
        while True:
            exchange.publish(self._worker.index, own.registry)
            await asyncio.sleep(_PUBLISH_EVERY_S)

    def _asked_to_reload(self, audit: AuditLog) -> None:
        audit.reopen()
        self._reload_wanted.set()

    async def _watch(self, doorkeeper: Doorkeeper, observer: Observer) -> None:
        """Reload when asked, and when a file has changed and was then left alone for one look: writing takes time."""
        seen = self._fingerprint
        while True:
            asked = await self._asked_within(_LOOK_FOR_CHANGES_EVERY_S / 2)
            now = self._source.fingerprint()
            if asked or (now == seen and now != self._fingerprint):
                await self._reload(doorkeeper, observer)
            seen = now

    async def _asked_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._reload_wanted.wait(), seconds)
        except TimeoutError:
            return False
        self._reload_wanted.clear()
        return True

    async def _reload(self, doorkeeper: Doorkeeper, observer: Observer) -> None:
        """All of the new files, or all of the old. Reading them must not hold up anybody's requests."""
        self._fingerprint = self._source.fingerprint()
        loop = asyncio.get_running_loop()
        try:
            snapshot = await loop.run_in_executor(None, self._source.load, self._generation + 1)
        except InvalidDocument as invalid:
            observer.policy_reloaded(success=False)
            _log.error(
                "the changed files are not taken, the old ones stay in force",
                faults=[str(fault) for fault in invalid.faults],
            )
            return
        self._generation += 1
        doorkeeper.take(snapshot)
        observer.policy_reloaded(success=True)
        _log.info("reloaded certificates, users and policy", generation=self._generation, policy=snapshot.digest)

    async def _drain(self, doorkeeper: Doorkeeper) -> int:
        self._draining = True
        _log.info("draining", connections=doorkeeper.connections)
        doorkeeper.stop_accepting()
        cut_off = await doorkeeper.drain()
        if cut_off:
            _log.warning("connections were cut off when the time for draining was over", connections=cut_off)
        return 0

    def _tell_started(self) -> None:
        for warning in warnings(self._config):
            _log.warning(str(warning))
        if (clients := open_files.enough_for(self._config)) < self._config.limits.max_connections:
            remedy = open_files.remedy(self._config)
            _log.warning("too few files may be open for limits.max_connections", enough_for=clients, remedy=remedy)
        for listener in self._config.listeners:
            host, port = listener.bind
            _log.info(
                "listening",
                listener=listener.name,
                bind=f"{host}:{port}",
                advertise=listener.advertise,
                security_protocol=listener.security_protocol.value,
            )


def _audit_trouble(error: OSError | None) -> None:
    if error is None:
        _log.info("the audit trail can be written again")
    else:
        _log.error("the audit trail cannot be written", detail=error.strerror or str(error))
