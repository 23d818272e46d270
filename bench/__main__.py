"""`python -m bench`: measure, print a report, and keep it in bench/results/."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from bench.report import document
from bench.report.findings import Findings
from bench.report.plots import draw
from bench.run import Choice, Suite, measure
from bench.stage.processes import MeasurementFailed
from bench.stage.site import Site
from bench.suites.turns import Plan
from bench.suites.workloads import WORKLOADS

RESULTS: Final = Path(__file__).parent / "results"
_FULL: Final = Plan(rounds=5, seconds=2.0, warm_up_s=0.5)
_QUICK: Final = Plan(rounds=2, seconds=0.7, warm_up_s=0.3)
_TOLD_OF_LOG: Final = 3_000


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
    findings = measured(Choice(_QUICK if quick else _FULL, chosen, workloads, profiled))
    text = document.markdown(findings)
    click.echo(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_bytes(findings.json())
    (RESULTS / "latest.md").write_text(text)
    for curve in findings.curves:
        draw(curve, RESULTS)


def measured(choice: Choice) -> Findings:
    """Measure. A failure ends the process, and shows the ends of all logs."""
    _allow_many_connections()
    with TemporaryDirectory(prefix="doorkeeper-bench-") as name:
        folder = Path(name)
        site = Site(folder)
        site.write()
        try:
            return measure(choice, site, _say)
        except MeasurementFailed as failure:
            _say(str(failure))
            _tell_logs(folder)
            sys.exit(1)


def _allow_many_connections() -> None:
    """The processes started here inherit it; a proxy needs two files for each connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tell_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        if text := log.read_text():
            _say(f"--- the end of {log.name}:\n{text[-_TOLD_OF_LOG:]}")


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
