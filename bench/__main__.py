"""`python -m bench`: measure, print a report, and keep it in bench/results/."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from bench.report import document
from bench.report.plots import draw
from bench.run import Choice, Suite, everybody
from bench.session import measured, say
from bench.suites.turns import Plan
from bench.suites.workloads import WORKLOADS

RESULTS: Final = Path(__file__).parent / "results"
_FULL: Final = Plan(rounds=5, seconds=1.5, warm_up_s=0.4)
_QUICK: Final = Plan(rounds=2, seconds=0.7, warm_up_s=0.3)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds, in some minutes.")
@click.option(
    "--suite",
    "suites",
    multiple=True,
    type=click.Choice([suite.value for suite in Suite]),
    help="Measure this alone; may be given repeatedly.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([workload.name for workload in WORKLOADS]),
    help="Of the flows, measure this alone; may be given repeatedly. Without --suite, nothing else.",
)
@click.option("--profile", "profiled", is_flag=True, help="Show where the doorkeeper's time goes (py-spy, perf).")
def main(quick: bool, suites: tuple[str, ...], only: tuple[str, ...], profiled: bool) -> None:
    """Measure the CPU that the doorkeeper takes, beside a bare TLS relay and others in the same run."""
    chosen = frozenset(map(Suite, suites or ([Suite.FLOWS.value] if only else [suite.value for suite in Suite])))
    workloads = [workload for workload in WORKLOADS if workload.name in only or not only]
    here, absent = everybody(say)
    findings = measured(Choice(_QUICK if quick else _FULL, chosen, workloads, here, absent, profiled))
    text = document.markdown(findings)
    click.echo(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_bytes(findings.json())
    (RESULTS / "latest.md").write_text(text)
    draw(findings, RESULTS)


if __name__ == "__main__":
    main()
