"""What is aimed at, and whether this run reached it: by the median of its rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.load.jobs import Kind, Sample
from bench.report.findings import Findings
from bench.report.tables import number, table
from bench.stage.contestants import POLICY_ON, RELAY
from bench.suites.real import GOALS as REAL_GOALS
from bench.suites.real import OWN_TLS
from bench.suites.workloads import WORKLOADS, Workload

ENOUGH_ROUNDS: Final = 5
_P50_OVER_RELAY_US: Final = 40
_P99_TIMES_RELAY: Final = 1.2
_IDLE_MB: Final = 60
_CONNECTION_KB: Final = 50
_START_S: Final = 1.0
_FRESH_US: Final = 2.0
_REMEMBERED_US: Final = 0.3


@dataclass(frozen=True, slots=True)
class Aim:
    """One goal and what was found."""

    what: str
    goal: str
    found: str
    reached: bool


def ratios(findings: Findings, workload: Workload) -> list[float]:
    """The doorkeeper's cost by the relay's, round by round."""
    assert findings.flows is not None
    samples = findings.flows[workload.name]
    costs = {name: [each.cost(workload.kind) for each in samples[name]] for name in (POLICY_ON, RELAY)}
    return [ours / floor for ours, floor in zip(costs[POLICY_ON], costs[RELAY], strict=True)]


def aims(findings: Findings) -> list[Aim]:
    """All goals that this run can say something about."""
    return [*_flows(findings), *_latency(findings), *_memory(findings), *_rest(findings), *_real(findings)]


def section(findings: Findings) -> str:
    """The goals as a table."""
    found = aims(findings)
    rows = [(each.what, each.goal, each.found, "yes" if each.reached else "**no**") for each in found]
    text = f"## Goals: {sum(each.reached for each in found)} of {len(found)} reached\n\n"
    if findings.plan.rounds < ENOUGH_ROUNDS:
        text += f"Fewer than {ENOUGH_ROUNDS} rounds: take none of this for certain.\n\n"
    return text + table(("", "goal", "found (median)", "reached"), rows)


def _flows(findings: Findings) -> Iterator[Aim]:
    if findings.flows is None:
        return
    for workload in WORKLOADS:
        if workload.goal is None or workload.name not in findings.flows:
            continue
        times = median(ratios(findings, workload))
        cost = median(each.cost(workload.kind) for each in findings.flows[workload.name][POLICY_ON])
        goal = f"{workload.goal}".replace(" x", " x relay")
        if workload.goal.at_most is not None:
            goal += f" {_UNITS[workload.kind]}"
        found = f"{times:.2f} x relay, {number(cost)} {_UNITS[workload.kind]}"
        yield Aim(workload.title, goal, found, workload.goal.reached(times, cost))


_UNITS: Final = {Kind.BULK: "s/GB", Kind.SMALL: "us", Kind.CONNECTIONS: "ms"}


def _latency(findings: Findings) -> Iterator[Aim]:
    if findings.latency is None:
        return
    seen = {name: [each.latencies for each in findings.latency[name]] for name in (RELAY, POLICY_ON)}
    p50 = {name: median(each.p50 for each in found if each is not None) for name, found in seen.items()}
    p99 = {name: median(each.p99 for each in found if each is not None) for name, found in seen.items()}
    more, times = p50[POLICY_ON] - p50[RELAY], p99[POLICY_ON] / p99[RELAY]
    yield Aim("latency p50", f"relay + {_P50_OVER_RELAY_US} us", f"relay + {more:.0f} us", more <= _P50_OVER_RELAY_US)
    yield Aim("latency p99", f"{_P99_TIMES_RELAY:g} x relay", f"{times:.2f} x relay", times <= _P99_TIMES_RELAY)


def _memory(findings: Findings) -> Iterator[Aim]:
    if findings.memory is None:
        return
    ours = findings.memory[POLICY_ON]
    process, connection = ours.before / 1e6, ours.per_connection / 1e3
    yield Aim("memory of a fresh process", f"{_IDLE_MB} MB", f"{process:.0f} MB", process <= _IDLE_MB)
    yield Aim(
        "memory of an idle connection", f"{_CONNECTION_KB} KB", f"{connection:.0f} KB", connection <= _CONNECTION_KB
    )


def _rest(findings: Findings) -> Iterator[Aim]:
    if findings.starts is not None:
        seconds = median(each.seconds for each in findings.starts[POLICY_ON])
        yield Aim("start to ready", f"{_START_S:g} s", f"{seconds:.2f} s", seconds <= _START_S)
    if findings.decisions is not None:
        fresh = [median(each.fresh_us for each in found) for found in findings.decisions.values()]
        remembered = [median(each.remembered_us for each in found) for found in findings.decisions.values()]
        yield Aim("a decision, at most", f"{_FRESH_US:g} us", f"{max(fresh):.2f} us", max(fresh) <= _FRESH_US)
        yield Aim(
            "a remembered decision, at most",
            f"{_REMEMBERED_US:g} us",
            f"{max(remembered):.2f} us",
            max(remembered) <= _REMEMBERED_US,
        )


def _real(findings: Findings) -> Iterator[Aim]:
    for flows in findings.real:
        for title, samples in flows.samples.items():
            goal = REAL_GOALS.get(title)
            if goal is None:
                continue
            times = median(times_own_tls(samples[POLICY_ON], samples[OWN_TLS]))
            what = f"Kafka {flows.release.version}: {title}"
            yield Aim(what, f"{goal:g} x own TLS", f"{times:.2f} x own TLS", times <= goal)


def times_own_tls(ours: Sequence[Sample], own: Sequence[Sample]) -> list[float]:
    """The cost of broker and proxy by the cost of the broker with its own TLS, round by round."""
    return [mine.cost(Kind.BULK) / theirs.cost(Kind.BULK) for mine, theirs in zip(ours, own, strict=True)]
