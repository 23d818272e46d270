"""The metrics of several worker processes as one.

A worker hands its numbers to the process that serves /metrics as a snapshot: plain JSON, fit for any pipe.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# Gauges that say how much of something a process holds add up; of all others (a generation, a time) the largest stands.
_ADDITIVE_GAUGES = frozenset(
    {"doorkeeper_connections", "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds"}
)

_Key = tuple[str, tuple[tuple[str, str], ...]]


def snapshot(collector: Collector) -> bytes:
    """The present numbers of one process."""
    families = [
        [family.name, family.documentation, family.type, [[s.name, s.labels, s.value] for s in family.samples]]
        for family in collector.collect()
    ]
    return json.dumps(families, separators=(",", ":")).encode()


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
