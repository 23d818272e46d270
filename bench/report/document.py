"""The report as a whole."""

from __future__ import annotations

from typing import Final

from bench.report import goals
from bench.report.findings import Findings
from bench.report.sections import sections
from bench.stage.site import BINDINGS

_QUIET_CORES: Final = 0.2
_CANNOT_SAY: Final = """\
## What these figures cannot say

- Everything runs on one machine over the loopback interface: there is no network card, no loss, no distance. Its
  kernel's share differs from that of a real network, and its large segments flatter bulk transfer.
- The proxy has one of {cores} cores to itself, the clients and the broker share the rest. Where the proxy's share of
  its core is well under 100 %, they were the limit, and the rate says nothing about the proxy. Its CPU figures stand.
- The ideal broker answers at once. A real one is slower, so that data comes in smaller pieces and each costs more CPU.
- With real brokers, everything competes for the {cores} cores; their CPU depends on how much comes in one piece.
- Clients, and the broker's side of a latency, are Python processes: latencies are larger than those of a client in C,
  for all alike. Compare columns, not clocks.
- One principal and one host. Nothing is said about reloads, fetch sessions, consumer groups, or days of running.
- A spread of a few percent is noise, and of one connection even 25 %. Compare ratios within one run, not figures of
  different runs or machines."""


def markdown(findings: Findings) -> str:
    """The whole report; it reads well as plain text too."""
    parts = [_heading(findings), *_warnings(findings), goals.section(findings), *sections(findings)]
    parts.append(_CANNOT_SAY.format(cores=findings.machine["cores"]))
    return "\n\n".join(parts) + "\n"


def _heading(findings: Findings) -> str:
    about = ", ".join(f"{key} {value}" for key, value in findings.machine.items())
    plan = findings.plan
    return (
        "# Doorkeeper beside a bare TLS relay, and others\n\n"
        "TLS 1.3 in, plaintext out. **Policy on**: everything on, that is clients log in by SCRAM-SHA-256, the policy "
        f"is enforced with {BINDINGS:,} ACL bindings, denials are audited, metrics are kept; **policy off**: the same "
        "without decisions. All others know no SASL and no policy. c: connections, w: requests in flight on each. GB: "
        f"10^9 bytes of Kafka frames. Median of {plan.rounds} interleaved rounds of {plan.seconds:g} s "
        f"(smallest-largest). CPU is that of the proxy's processes, user and system.\n\n{about}."
    )


def _warnings(findings: Findings) -> list[str]:
    found = [f"- {name}: {note}" for name, note in findings.contestants.notes.items() if note]
    found += [f"- **not installed here, so not measured: {name}**" for name in findings.contestants.absent]
    text = f"- Others on this machine used up to {findings.bystanders:.2f} cores meanwhile."
    if findings.bystanders > _QUIET_CORES:
        text += " **That is too much**: they cool the caches and cut the flow into smaller pieces. Measure in quiet."
    return ["\n".join([*found, text])]
