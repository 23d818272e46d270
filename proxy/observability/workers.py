"""The metrics of several worker processes as one.

A worker hands its numbers to the process that serves /metrics as a snapshot: plain JSON, fit for any pipe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# Gauges that say how much of something a process holds add up; of all others (a generation, a time) the largest stands.
_ADDITIVE_GAUGES = frozenset(
    {
        "doorkeeper_connections",
        "doorkeeper_handshakes",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
    }
)

_Key = tuple[str, tuple[tuple[str, str], ...]]


def snapshot(collector: Collector) -> bytes:
    """The present numbers of one process."""
    families = [
        [family.name, family.documentation, family.type, [[s.name, s.labels, s.value] for s in family.samples]]
        for family in collector.collect()
    ]
    return json.dumps(families, separators=(",", ":")).encode()


class SnapshotExchange:
    """Snapshots of all workers in a folder of their own: each writes its own, any may read them all.

    A worker that died leaves its numbers until it is back, so that counters do not fall for that while.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, index: int, collector: Collector) -> None:
        """Write the present numbers of a worker, all at once.

        :raises OSError: the folder cannot be written.
        """
        fresh = self._folder / f"{index}.fresh"
        fresh.write_bytes(snapshot(collector))
        fresh.replace(self._folder / f"{index}.json")

    def seen_by(self, index: int, collector: Collector) -> SharedMetrics:
        """The metrics of all, as a worker sees them: its own are the present ones."""
        return SharedMetrics(self, index, collector)

    def others(self, index: int) -> list[bytes]:
        """What the other workers have published."""
        own = f"{index}.json"
        return [path.read_bytes() for path in sorted(self._folder.glob("*.json")) if path.name != own]


class SharedMetrics:
    """The metrics of several processes, as one registry."""

    def __init__(self, exchange: SnapshotExchange, index: int, own: Collector) -> None:
        self._exchange = exchange
        self._index = index
        self._own = own

    @property
    def registry(self) -> Collector:
        """The metrics of this moment."""
        return Merged([snapshot(self._own), *self._exchange.others(self._index)])


class Merged(Collector):
    """Snapshots of several processes as one collector: counters add up, gauges add up where that makes sense."""

    def __init__(self, snapshots: Sequence[bytes]) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterator[Metric]:
        """One family per name, in the order of the first process that knows it."""
        families: dict[str, Metric] = {}
        values: dict[str, dict[_Key, float]] = {}
        for name, documentation, kind, samples in _families(self._snapshots):
            families.setdefault(name, Metric(name, documentation, kind))
            _add(values.setdefault(name, {}), samples, additive=kind == "counter" or name in _ADDITIVE_GAUGES)
        for name, family in families.items():
            for (sample, labels), value in values[name].items():
                family.add_sample(sample, dict(labels), value)
            yield family


_Samples = list[tuple[str, dict[str, str], float]]


def _families(snapshots: Iterable[bytes]) -> Iterator[tuple[str, str, str, _Samples]]:
    for data in snapshots:
        yield from json.loads(data)


def _add(values: dict[_Key, float], samples: _Samples, *, additive: bool) -> None:
    for sample, labels, value in samples:
        key = sample, tuple(sorted(labels.items()))
        before = values.get(key)
        if before is None:
            values[key] = value
        else:
            values[key] = before + value if additive else max(before, value)
