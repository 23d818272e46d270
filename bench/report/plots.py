"""The curves as pictures."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.suites.scaling import Curve

_SIZE_INCHES: Final = (6.4, 3.6)


def draw(curve: Curve, folder: Path) -> Path:
    """Write the picture of a curve as SVG: medians, and from which to which the rounds went."""
    # Ids that are random would make every picture a change.
    mpl.rcParams["svg.hashsalt"] = "doorkeeper"
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    for name, points in curve.points.items():
        costs = [[sample.cost(curve.kind) for sample in point.samples] for point in points]
        xs = [point.x for point in points]
        (line,) = axes.plot(xs, list(map(median, costs)), marker="o", label=name)
        axes.fill_between(xs, list(map(min, costs)), list(map(max, costs)), alpha=0.2, color=line.get_color())
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_title(curve.title)
    axes.set_xlabel(curve.axis)
    axes.set_ylabel(f"CPU of the proxy, {curve.kind.value}")
    axes.grid(alpha=0.3)
    axes.legend()
    path = folder / f"{curve.name}.svg"
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path
