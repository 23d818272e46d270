"""`python -m bench.check`: has the doorkeeper become dearer? Ratios to the relay, against bounds in `bounds.toml`.

A ratio of two processes in the same run depends little on the machine, and on what else it does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

import click
import msgspec

from bench.report.findings import Findings
from bench.report.goals import ratios
from bench.report.tables import spread, table
from bench.run import Choice, Suite
from bench.session import measured
from bench.stage.contestants import Doorkeeper, Relay
from bench.suites.turns import Plan
from bench.suites.workloads import WORKLOADS

BOUNDS: Final = Path(__file__).parent / "bounds.toml"
_PLAN: Final = Plan(rounds=5, seconds=1.0, warm_up_s=0.3)


def load_bounds(path: Path = BOUNDS) -> Mapping[str, float]:
    """By workload, how many times the relay's CPU the doorkeeper may take.

    :raises ValueError: if it names a workload that does not exist; msgspec's own errors if it is malformed.
    """
    bounds = msgspec.toml.decode(path.read_bytes(), type=dict[str, dict[str, float]])["times_relay"]
    if unknown := bounds.keys() - {workload.name for workload in WORKLOADS}:
        raise ValueError(f"{path.name}: no such workload: {', '.join(sorted(unknown))}")
    return bounds


def exceeded(findings: Findings, bounds: Mapping[str, float]) -> list[str]:
    """The names of the workloads of which the median ratio is above its bound."""
    chosen = [workload for workload in WORKLOADS if workload.name in bounds]
    return [each.name for each in chosen if median(ratios(findings, each)) > bounds[each.name]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Compare the doorkeeper's CPU with the bounds of bounds.toml; ends with 1 if one is exceeded."""
    bounds = load_bounds()
    workloads = [workload for workload in WORKLOADS if workload.name in bounds]
    findings = measured(Choice(_PLAN, frozenset({Suite.FLOWS}), workloads, (Relay(), Doorkeeper())))
    above = exceeded(findings, bounds)
    rows = [
        (
            each.title,
            spread(ratios(findings, each)),
            f"{bounds[each.name]:g}",
            "**above**" if each.name in above else "",
        )
        for each in workloads
    ]
    click.echo(table(("policy on / relay", "found", "bound", ""), rows))
    sys.exit(1 if above else 0)


if __name__ == "__main__":
    main()
