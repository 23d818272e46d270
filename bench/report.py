"""What was measured, as text for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median
from typing import Any, Final

import msgspec

from bench.jobs import Memory, Sample
from bench.measure import Flows, Plan, Samples
from bench.processes import CONTESTANTS, POLICY_ON, RELAY
from bench.profile import Profile
from bench.site import BINDINGS
from bench.workloads import Workload

_CANNOT_SAY: Final = """\
What these figures cannot say
- Everything runs on one machine over the loopback interface: there is no network card, no loss, no distance. Its
  kernel's share differs from that of a real network, and its large segments flatter bulk transfer.
- The proxy has one of {cores} cores to itself, the clients and the broker share the rest. Where the proxy's share of
  its core is well under 100 %, they were the limit, and the rate says nothing about the proxy. Its CPU figures stand.
- The broker is ideal. A real one is slower, so that data comes in smaller pieces and each costs more CPU.
- The clients are closed loops: each waits for its answers. Latency under load is not measured; the round trips of c1 w1
  are those of an otherwise idle proxy, clients and broker in Python included.
- One topic, one principal, one partition a topic. Nothing is said about thousands of either, nor about SASL, reloads,
  fetch sessions, or days of running.
- What reads and writes cost depends on how many requests come in one piece, and that on who was busy just then. The
  difference between doorkeeper and relay is steadier than their quotient.
- A spread of a few percent is noise. Compare ratios within one run, not figures of different runs or machines."""


_HOW_TO_READ_PROFILES: Final = """\
py-spy counts the time in which Python holds its lock: our own code, and the system calls for writing in `send`. It
leaves out waiting, OpenSSL, and the event loop's reading, which give the lock away. perf counts all CPU time."""


@dataclass(frozen=True, slots=True)
class Report:
    """All of one run."""

    plan: Plan
    workloads: Sequence[Workload]
    flows: Flows | None
    memory: Mapping[str, Memory]
    profiles: Sequence[Profile] = ()

    def markdown(self) -> str:
        """The whole report; it reads well as plain text too."""
        parts = [_heading(self.plan)]
        if self.flows is not None:
            samples = self.flows.samples
            parts += [_table(_COST_COLUMNS, self._costs(samples)), _table(_RATE_COLUMNS, self._rates(samples))]
            parts.append(_bystanders(self.flows.bystanders))
        if self.memory:
            parts.append(_table(("resident memory", *CONTESTANTS), self._memories()))
        parts += [_profile(profile) for profile in self.profiles]
        parts.append(_CANNOT_SAY.format(cores=os.cpu_count()))
        return "\n\n".join(parts) + "\n"

    def json(self) -> bytes:
        """Every sample."""
        everything = {
            "machine": _machine(),
            "plan": asdict(self.plan),
            "units": {workload.name: workload.kind.value for workload in self.workloads},
            "flows": self.flows,
            "memory": self.memory,
            "profiles": [asdict(profile) for profile in self.profiles],
        }
        return msgspec.json.format(msgspec.json.encode(everything))

    def _costs(self, samples: Samples) -> Iterator[Sequence[str]]:
        for workload in self.workloads:
            found = samples[workload.name]
            costs = {name: [each.cost(workload.kind) for each in found[name]] for name in CONTESTANTS}
            pairs = list(zip(costs[POLICY_ON], costs[RELAY], strict=True))
            yield (
                workload.title,
                workload.kind.value,
                *(_spread(costs[name]) for name in CONTESTANTS),
                _spread([mine / floor for mine, floor in pairs]),
                _spread([mine - floor for mine, floor in pairs]),
                _goal(workload.goal),
            )

    def _rates(self, samples: Samples) -> Iterator[Sequence[str]]:
        for workload in self.workloads:
            found = samples[workload.name]
            yield workload.title, *(_rate(found[name]) for name in CONTESTANTS)

    def _memories(self) -> Iterator[Sequence[str]]:
        yield "fresh process, MB", *(f"{self.memory[name].before / 1e6:.0f}" for name in CONTESTANTS)
        yield "an idle connection, KB", *(f"{self.memory[name].per_connection / 1e3:.1f}" for name in CONTESTANTS)


_QUIET_CORES: Final = 0.2
_COST_COLUMNS: Final = ("CPU of the proxy", "unit", *CONTESTANTS, "on / relay", "on - relay", "goal: /, -")
_RATE_COLUMNS: Final = ("requests per second (share of a core)", *CONTESTANTS)


def _heading(plan: Plan) -> str:
    about = ", ".join(f"{key} {value}" for key, value in _machine().items())
    return (
        "# Doorkeeper beside a bare TLS relay\n\n"
        f"TLS 1.3 with client certificates in, plaintext out. Policy on: enforced, {BINDINGS:,} ACL bindings. "
        "c: connections, w: requests in flight on each. GB: 10^9 bytes of Kafka frames. "
        f"Median of {plan.rounds} interleaved rounds of {plan.seconds:g} s (smallest-largest).\n\n{about}."
    )


def _machine() -> Mapping[str, Any]:
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "uvloop": version("uvloop"),
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
    }


def _spread(values: Sequence[float]) -> str:
    return f"{_number(median(values))} ({_number(min(values))}-{_number(max(values))})"


def _bystanders(cores: float) -> str:
    text = f"Others on this machine used up to {cores:.2f} cores meanwhile."
    if cores > _QUIET_CORES:
        text += " That is too much: they cool the caches and cut the flow into smaller pieces. Measure again in quiet."
    return text


def _goal(costs: tuple[float, float] | None) -> str:
    if costs is None:
        return ""
    floor, ours = costs
    return f"{_number(ours / floor)}, {_number(ours - floor)}"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _rate(samples: Sequence[Sample]) -> str:
    share = median(sample.cpu_s / sample.seconds for sample in samples)
    text = f"{median(sample.rate for sample in samples):,.0f} ({share:.0%})"
    latencies = [sample.latencies_us for sample in samples if sample.latencies_us is not None]
    if latencies and all(sample.latencies_us for sample in samples):
        middle, slow = (median(each) for each in zip(*latencies, strict=True))
        text += f" p50 {middle:,.0f} us, p99 {slow:,.0f} us"
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def _profile(profile: Profile) -> str:
    functions = [(line.name, f"{line.own:.1f}", f"{line.total:.1f}") for line in profile.functions]
    libraries = [(line.name, f"{line.own:.1f}") for line in profile.libraries]
    parts = [f"## Profile: {profile.title}", _HOW_TO_READ_PROFILES]
    if functions:
        parts.append(_table(("Python function (py-spy)", "own %", "with callees %"), functions))
    if libraries:
        parts.append(_table(("library (perf)", "own %"), libraries))
    return "\n\n".join(parts)
