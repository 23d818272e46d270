"""A measurement from beginning to end, in a folder of its own."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from bench.report.findings import Findings
from bench.run import Choice, measure
from bench.stage.processes import MeasurementFailed
from bench.stage.site import Site

_TOLD_OF_LOG: Final = 3_000


def measured(choice: Choice) -> Findings:
    """Measure. A failure ends the process, and shows the ends of all logs."""
    _allow_many_connections()
    with TemporaryDirectory(prefix="doorkeeper-bench-") as name:
        folder = Path(name)
        site = Site(folder)
        site.write()
        try:
            return measure(choice, site, say)
        except MeasurementFailed as failure:
            say(str(failure))
            _tell_logs(folder)
            sys.exit(1)


def say(text: str) -> None:
    """Tell how far it is, apart from the report."""
    click.echo(text, err=True)


def _allow_many_connections() -> None:
    """The processes started here inherit it; a proxy needs two files for each connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tell_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        if text := log.read_text():
            say(f"--- the end of {log.name}:\n{text[-_TOLD_OF_LOG:]}")
