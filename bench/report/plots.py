"""The curves as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.report.findings import Findings
from bench.suites.others import Decision
from bench.suites.scaling import Curve

_SIZE_INCHES: Final = (6.4, 3.6)


@dataclass(frozen=True, slots=True)
class _Plot:
    """`lines` are by name, and of each place on the axis what the rounds found there."""

    name: str
    title: str
    axis: str
    unit: str
    lines: Mapping[str, Mapping[int, Sequence[float]]]


def draw(findings: Findings, folder: Path) -> None:
    """Write the pictures as SVG: medians, and from which to which the rounds went."""
    # Ids that are random would make every picture a change.
    mpl.rcParams["svg.hashsalt"] = "doorkeeper"
    for plot in _plots(findings):
        _figure(plot).savefig(folder / f"{plot.name}.svg", format="svg", metadata={"Date": None})


def _plots(findings: Findings) -> Iterator[_Plot]:
    yield from map(_of_curve, findings.curves)
    if findings.decisions is not None:
        yield _of_decisions(findings.decisions)


def _of_curve(curve: Curve) -> _Plot:
    lines = {
        name: {point.x: [sample.cost(curve.kind) for sample in point.samples] for point in points}
        for name, points in curve.points.items()
    }
    return _Plot(curve.name, curve.title, curve.axis, f"CPU of the proxy, {curve.kind.value}", lines)


def _of_decisions(decisions: Mapping[int, Sequence[Decision]]) -> _Plot:
    lines = {
        "never asked before": {bindings: [each.fresh_us for each in found] for bindings, found in decisions.items()},
        "remembered": {bindings: [each.remembered_us for each in found] for bindings, found in decisions.items()},
    }
    return _Plot("decisions", "one decision", "ACL bindings", "us", lines)


def _figure(plot: _Plot) -> Figure:
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    for name, points in plot.lines.items():
        xs, rounds = list(points), list(points.values())
        (line,) = axes.plot(xs, list(map(median, rounds)), marker="o", label=name)
        axes.fill_between(xs, list(map(min, rounds)), list(map(max, rounds)), alpha=0.2, color=line.get_color())
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_title(plot.title)
    axes.set_xlabel(plot.axis)
    axes.set_ylabel(plot.unit)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
