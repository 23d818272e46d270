"""One run of the doorkeeper: start, signals, reload, drain."""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import time
from contextlib import suppress
from typing import Final

import uvloop

from policies.strict_yaml import InvalidDocument
from proxy import __version__
from proxy.admin.server import AdminServer
from proxy.assembly import Doorkeeper
from proxy.config.model import Config
from proxy.config.warnings import warnings
from proxy.observability import records
from proxy.observability.audit import AuditLog, Watch
from proxy.observability.line_file import LineFile
from proxy.observability.logs import configure, get_logger
from proxy.observability.metrics import Metrics
from proxy.observability.observer import Observer
from proxy.policy_source import FileSource, PolicySource

_LOOK_FOR_CHANGES_EVERY_S: Final = 2.0

_log = get_logger("doorkeeper")


def run(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; the exit code comes back.

    :raises InvalidDocument: if users, policy or certificates are faulty at the start.
    """
    configure()
    if config.workers > 1:
        raise InvalidDocument([config.fault("workers", "more than one worker is not supported yet", "workers: 1")])
    source = FileSource(config)
    source.load(0)
    try:
        return uvloop.run(_Run(config, source).serve())
    except OSError as error:
        _log.error("cannot start", detail=str(error))
        return 1


class _Run:
    def __init__(self, config: Config, source: PolicySource) -> None:
        self._config = config
        self._source = source
        self._fingerprint = source.fingerprint()
        self._generation = 1
        self._stop = asyncio.Event()
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
        doorkeeper = Doorkeeper(config, snapshot, observer, secret=secrets.token_bytes(32))
        admin = AdminServer(doorkeeper, metrics, lambda: self._draining)
        watcher = asyncio.create_task(self._watch(doorkeeper, observer))
        try:
            self._listen_to_signals(doorkeeper, observer, audit)
            if config.admin is not None:
                await admin.start(config.admin.bind)
            await doorkeeper.start()
            self._tell_started()
            gc.collect()
            gc.freeze()
            await self._stop.wait()
            return await self._drain(doorkeeper)
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            await doorkeeper.stop()
            await admin.stop()
            audit.close()

    def _listen_to_signals(self, doorkeeper: Doorkeeper, observer: Observer, audit: AuditLog) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, doorkeeper)
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload, doorkeeper, observer, audit)

    def _asked_to_stop(self, doorkeeper: Doorkeeper) -> None:
        if self._stop.is_set():
            _log.warning("asked to stop a second time: open connections are cut off")
            doorkeeper.abort()
        self._stop.set()

    def _asked_to_reload(self, doorkeeper: Doorkeeper, observer: Observer, audit: AuditLog) -> None:
        audit.reopen()
        self._reload(doorkeeper, observer)

    async def _watch(self, doorkeeper: Doorkeeper, observer: Observer) -> None:
        """Reload when a file has changed and has then been left alone for one look: files are written in pieces."""
        seen = self._fingerprint
        while True:
            await asyncio.sleep(_LOOK_FOR_CHANGES_EVERY_S / 2)
            now = self._source.fingerprint()
            if now == seen and now != self._fingerprint:
                self._reload(doorkeeper, observer)
            seen = now

    def _reload(self, doorkeeper: Doorkeeper, observer: Observer) -> None:
        """All of the new files, or all of the old."""
        self._fingerprint = self._source.fingerprint()
        try:
            snapshot = self._source.load(self._generation + 1)
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
