"""`doorkeeper doctor`: what would go wrong, and what can still be reached past us."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proxy.cli.check import check_config
from proxy.config import load_config
from proxy.config.values import Unacceptable, parse_address
from proxy.doctor.finding import Level

if TYPE_CHECKING:
    from proxy.doctor.main import Report


@click.command()
@click.option("-c", "--config", "path", type=click.Path(path_type=Path), help="The file doorkeeper.yaml.")
@click.option(
    "--doorkeeper", "others", multiple=True, metavar="ADDRESS", help="Another doorkeeper, as the brokers see it; often."
)
@click.option(
    "--as-client",
    "brokers",
    metavar="HOST:PORT,...",
    help="Instead of -c, on a client's machine: what of these brokers, and of all beside them, can be reached here?",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(path: Path | None, others: tuple[str, ...], brokers: str | None, *, as_json: bool) -> None:
    """Look at the cluster: what would go wrong, and what can still be reached past the doorkeeper?

    Nothing is changed, and nobody is held up. Exit code 0: no problem was found, though perhaps something to look at;
    1: a problem.

    Example: doorkeeper doctor -c doorkeeper.yaml
    """
    if (path is None) == (brokers is None):
        raise click.UsageError("expected either -c doorkeeper.yaml or --as-client HOST:PORT,...")
    if brokers is not None and others:
        raise click.UsageError("--doorkeeper has no effect with --as-client")
    # What looks at a cluster stands on the event loop and all that belongs to it.
    from proxy.doctor.main import as_client, examine

    if brokers is not None:
        report = as_client(_addresses(brokers))
    else:
        assert path is not None
        config = load_config(path)
        report = examine(config, check_config(config), others)
    click.echo(_json(report) if as_json else _text(report))
    sys.exit(0 if report.well else 1)


def _addresses(text: str) -> list[tuple[str, int]]:
    try:
        return [parse_address(each.strip()) for each in text.split(",")]
    except Unacceptable as fault:
        raise click.BadParameter(str(fault), param_hint="--as-client") from fault


def _text(report: Report) -> str:
    lines = [f"cluster: {report.cluster}", *map(str, report.findings)]
    problems, warnings = (report.count(level) for level in (Level.PROBLEM, Level.WARNING))
    lines.append(f"problems: {problems}, warnings: {warnings}")
    if report.advice is not None:
        lines.append(f"next, on a client's machine: {report.advice}")
    return "\n".join(lines)


def _json(report: Report) -> str:
    findings = [asdict(finding) | {"level": finding.level.value} for finding in report.findings]
    return json.dumps({"cluster": report.cluster, "findings": findings, "next": report.advice}, indent=2)
