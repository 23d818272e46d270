"""`python -m bench`: measure, print a report, and keep it in bench/results/."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from bench.measure import Plan, measure_flows, measure_idle
from bench.processes import POLICY_ON, Load, MeasurementFailed, Stage
from bench.profile import Profile, missing_tools, profile
from bench.report import Report
from bench.site import Site
from bench.workloads import IDLE, WORKLOADS, Workload
from proxy.embedded.network import free_port

_RESULTS: Final = Path(__file__).parent / "results"
_FULL: Final = Plan(rounds=5, seconds=2.0, warm_up_s=0.5)
_QUICK: Final = Plan(rounds=2, seconds=0.7, warm_up_s=0.3)
_IDLE_CONNECTIONS: Final = 1_000
_PROFILED_S: Final = 8.0
_TOLD_OF_LOG: Final = 3_000
_NAMES: Final = (*(workload.name for workload in WORKLOADS), IDLE)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="About a minute: fewer and shorter rounds.")
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="Measure this alone; may be given repeatedly.")
@click.option("--profile", "profiled", is_flag=True, help="Show where the doorkeeper's time goes (py-spy, perf).")
def main(quick: bool, only: tuple[str, ...], profiled: bool) -> None:
    """Measure the CPU that the doorkeeper takes, beside a bare TLS relay in the same run."""
    _allow_many_connections()
    chosen = [workload for workload in WORKLOADS if workload.name in (only or _NAMES)]
    plan = _QUICK if quick else _FULL
    with TemporaryDirectory(prefix="doorkeeper-bench-") as folder:
        site = Site(Path(folder))
        site.write()
        stage = Stage(site, free_port())
        try:
            with stage.broker(), stage.load() as load:
                flows = measure_flows(stage, load, chosen, plan, _say) if chosen else None
                memory = measure_idle(stage, load, _IDLE_CONNECTIONS, _say) if IDLE in (only or _NAMES) else {}
                profiles = _profiles(stage, load, chosen, Path(folder)) if profiled else []
        except MeasurementFailed as failure:
            _say(str(failure))
            _tell_logs(Path(folder))
            sys.exit(1)
    _keep(Report(plan, chosen, flows, memory, profiles))


def _profiles(stage: Stage, load: Load, workloads: list[Workload], folder: Path) -> list[Profile]:
    for tool in missing_tools():
        _say(f"{tool} is not there: its part of the profile is left out")
    found = []
    with stage.contestant(POLICY_ON) as target:
        for workload in workloads:
            _say(f"profile: {workload.title}")
            found.append(profile(load, workload, target, _PROFILED_S, folder))
    return found


def _keep(report: Report) -> None:
    text = report.markdown()
    click.echo(text)
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "latest.json").write_bytes(report.json())
    (_RESULTS / "latest.md").write_text(text)


def _tell_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        if text := log.read_text():
            _say(f"--- the end of {log.name}:\n{text[-_TOLD_OF_LOG:]}")


def _allow_many_connections() -> None:
    """The processes started here inherit it; the proxy needs two files for each connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
