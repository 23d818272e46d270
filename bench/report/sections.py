"""The parts of the report, one for each suite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from bench.load.jobs import Kind, Latencies, Sample
from bench.report.findings import Findings
from bench.report.goals import ratios, times_own_tls
from bench.report.tables import number, spread, table
from bench.stage.contestants import POLICY_ON
from bench.stage.releases import Release
from bench.suites.others import CROWD, IDLE_CONNECTIONS, LATENCY_AT_LEAST_S, PACED_CONNECTIONS, RATE
from bench.suites.profile import Profile
from bench.suites.real import OWN_TLS
from bench.suites.workloads import WORKLOADS

_HOW_TO_READ_PROFILES: Final = """\
py-spy counts the time in which Python holds its lock: our own code, and the system calls for writing in `send`. It
leaves out waiting, OpenSSL, and the event loop's reading, which give the lock away. perf counts all CPU time."""

_ABOUT_REAL_BROKERS: Final = """\
CPU-s/GB of the broker, and of what stands before it. The broker may use every core. It runs as operators run it: on a
Java of its time, with the options of Kafka's own start script."""

_ABOUT_LATENCY: Final = f"""\
In microseconds, from when a request was due (open loop: who is late waits in it too) until its answer. Samples are of
{LATENCY_AT_LEAST_S:g} s at least, so that enough requests lie above each percentile."""

_ABOUT_STORMS: Final = """\
While they do, others send at a steady rate: their latency before it, and in the eight seconds around it. All come from
one address, so that the doorkeeper's limit for one (`max_handshakes_per_address`) is raised to that for all."""


def sections(findings: Findings) -> Iterator[str]:
    """Those that were measured."""
    if findings.flows is not None:
        yield _flows(findings)
    if findings.real:
        yield _real(findings)
    if findings.latency is not None:
        yield _latency(findings)
    if findings.storms is not None:
        yield _storms(findings)
    if findings.memory is not None or findings.starts is not None:
        yield _process(findings)
    if findings.decisions is not None:
        yield _decisions(findings)
    if findings.curves or findings.workers is not None:
        yield _growth(findings)
    yield from map(_profile, findings.profiles)


def _flows(findings: Findings) -> str:
    names = findings.contestants.names
    assert findings.flows is not None
    costs, rates = [], []
    for workload in WORKLOADS:
        if workload.name not in findings.flows:
            continue
        samples = findings.flows[workload.name]
        costs.append(
            (
                workload.title,
                workload.kind.value,
                *(spread([each.cost(workload.kind) for each in samples[name]]) for name in names),
                spread(ratios(findings, workload)),
            )
        )
        rates.append((workload.title, *(_rate(samples[name]) for name in names)))
    return "\n\n".join(
        (
            "## CPU of the proxy, ideal broker",
            table(("", "unit", *names, "policy on / relay"), costs),
            "## Requests per second (share of a core)",
            table(("", *names), rates),
        )
    )


def _rate(samples: Sequence[Sample]) -> str:
    share = median(sample.cpu_s / sample.seconds for sample in samples)
    text = f"{median(sample.rate for sample in samples):,.0f} ({share:.0%})"
    trips = [sample.latencies for sample in samples if sample.latencies is not None]
    if trips:
        text += f" p50 {median(each.p50 for each in trips):,.0f} us"
    return text


def _real(findings: Findings) -> str:
    parts = [
        "## Broker and proxy together, real brokers",
        _ABOUT_REAL_BROKERS,
        "\n".join(_release(flows.release) for flows in findings.real),
    ]
    for flows in findings.real:
        for title, samples in flows.samples.items():
            rows = [
                (
                    name,
                    spread([each.cost(Kind.BULK) for each in found]),
                    number(median(each.cpu_of[0] / each.transferred * 1e9 for each in found)),
                    number(median(sum(each.cpu_of[1:]) / each.transferred * 1e9 for each in found)),
                    spread(times_own_tls(found, samples[OWN_TLS])),
                    f"{median(each.transferred / each.seconds / 1e6 for each in found):,.0f}",
                )
                for name, found in samples.items()
            ]
            head = (f"Kafka {flows.release.version}: {title}", "together", "broker", "proxy", "/ own TLS", "MB/s")
            parts.append(table(head, rows))
    return "\n\n".join(parts)


def _release(release: Release) -> str:
    tls = "1.3" if release.tls_1_3 else "1.2, since it knows no other"
    return f"- Kafka {release.version}: Java {release.java}, `{' '.join(release.options)}`. Its own TLS is {tls}."


def _latency(findings: Findings) -> str:
    assert findings.latency is not None
    rows = []
    for name in findings.contestants.names:
        found = [each.latencies for each in findings.latency[name] if each.latencies is not None]
        rows.append((name, *_percentiles(found)))
    return "\n\n".join(
        (
            f"## Latency at {RATE:,} requests of 1 KB a second, c{PACED_CONNECTIONS}",
            _ABOUT_LATENCY,
            table(("", "p50", "p99", "p99.9", "worst"), rows),
        )
    )


def _percentiles(found: Sequence[Latencies]) -> Sequence[str]:
    return [
        spread([each.p50 for each in found]),
        spread([each.p99 for each in found]),
        spread([each.p999 for each in found]),
        spread([each.worst for each in found]),
    ]


def _storms(findings: Findings) -> str:
    assert findings.storms is not None
    rows = [
        (
            name,
            spread([each.arrival.seconds for each in found]),
            f"{max(each.arrival.lost for each in found)}",
            spread([each.arrival.cpu_s for each in found]),
            spread([each.calm.p99 for each in found]),
            spread([each.stormy.p99 for each in found]),
            spread([each.stormy.worst / 1e3 for each in found]),
        )
        for name, found in findings.storms.items()
    ]
    return "\n\n".join(
        (
            f"## {CROWD:,} clients connect and log in at once",
            _ABOUT_STORMS,
            table(("", "all in, s", "lost", "CPU s", "p99 before, us", "p99 in it, us", "worst in it, ms"), rows),
        )
    )


def _process(findings: Findings) -> str:
    rows = []
    for name in findings.contestants.names:
        memory = (findings.memory or {}).get(name)
        starts = (findings.starts or {}).get(name)
        rows.append(
            (
                name,
                f"{memory.before / 1e6:.0f}" if memory else "",
                f"{memory.per_connection / 1e3:.1f}" if memory else "",
                spread([each.seconds for each in starts]) if starts else "",
                spread([each.cpu_s for each in starts]) if starts else "",
            )
        )
    head = ("", "fresh process, MB", f"each of {IDLE_CONNECTIONS:,} idle connections, KB", "start to ready, s", "CPU s")
    return "## Memory and start\n\n" + table(head, rows)


def _decisions(findings: Findings) -> str:
    assert findings.decisions is not None
    rows = [
        (
            f"{bindings:,}",
            spread([each.fresh_us for each in found]),
            spread([each.remembered_us for each in found]),
        )
        for bindings, found in findings.decisions.items()
    ]
    return "\n\n".join(
        (
            "## One decision",
            "![one decision](decisions.svg)",
            table(("ACL bindings", "never asked before, us", "remembered, us"), rows),
        )
    )


def _growth(findings: Findings) -> str:
    parts = ["## How cost grows"]
    for curve in findings.curves:
        xs = [point.x for point in next(iter(curve.points.values()))]
        rows = [
            (name, *(spread([each.cost(curve.kind) for each in point.samples]) for point in points))
            for name, points in curve.points.items()
        ]
        parts += [f"![{curve.title}]({curve.name}.svg)", table((f"{curve.title}: {curve.axis}", *map(str, xs)), rows)]
    if findings.workers is not None:
        rows = [
            (
                str(workers),
                spread([each.cost(Kind.BULK) for each in found]),
                spread([each.rate for each in found]),
            )
            for workers, found in findings.workers.items()
        ]
        parts.append(table(("worker processes (produce 16 KB, c16 w5)", "CPU-s/GB", "requests per second"), rows))
    return "\n\n".join(parts)


def _profile(profile: Profile) -> str:
    functions = [(line.name, f"{line.own:.1f}", f"{line.total or 0:.1f}") for line in profile.functions]
    libraries = [(line.name, f"{line.own:.1f}") for line in profile.libraries]
    parts = [f"## Profile of {POLICY_ON}: {profile.title}", _HOW_TO_READ_PROFILES]
    if functions:
        parts.append(table(("Python function (py-spy)", "own %", "with callees %"), functions))
    if libraries:
        parts.append(table(("library (perf)", "own %"), libraries))
    return "\n\n".join(parts)
