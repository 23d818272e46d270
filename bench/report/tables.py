"""How figures are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median


def number(value: float) -> str:
    """Three digits or so."""
    if abs(value) < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def spread(values: Sequence[float]) -> str:
    """The median, and from which to which they go."""
    return f"{number(median(values))} ({number(min(values))}-{number(max(values))})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown that reads well as plain text too."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
