"""The matrix as a page: what each client can do with each broker, without the doorkeeper and through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.matrix.pairs import STEPS, Outcome

_ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = _ROOT / "docs" / "matrix.md"
README: Final = _ROOT / "README.md"
_BEGIN: Final = "<!-- matrix: written by `make test-matrix` -->\n"
_END: Final = "<!-- end of matrix -->\n"

_INTRODUCTION: Final = """\
# Clients and brokers

Written by `make test-matrix`; do not edit.

Each client lists topics, produces, and consumes with a group that commits its offsets; first straight to a broker
without security, then through a doorkeeper in front of it, where it also has to be denied a topic and a group in its
own words. What works straight has to work through the doorkeeper.

| In a cell | Meaning |
|---|---|
| yes | Everything, straight and through the doorkeeper, denials included. |
| part | What works straight (see below) works through the doorkeeper. |
| - | The two do not understand each other, with or without a doorkeeper. |
| **no** | Something works straight and does not through the doorkeeper. |

"""


def cell(outcome: Outcome) -> str:
    """What a table shows of a pair."""
    if outcome.broken:
        return "**no**"
    if not outcome.able:
        return "-"
    return "yes" if len(outcome.able) == len(STEPS) else "part"


def table(outcomes: Iterable[Outcome], brokers: Sequence[str]) -> str:
    """Clients down, brokers across."""
    found = {(outcome.client, outcome.broker): cell(outcome) for outcome in outcomes}
    lines = [f"| Client | {' | '.join(brokers)} |", f"|---|{'---|' * len(brokers)}"]
    lines += [
        f"| {client} | {' | '.join(found.get((client, broker), '') for broker in brokers)} |"
        for client in dict.fromkeys(name for name, _ in found)
    ]
    return "\n".join(lines) + "\n"


def write(outcomes: Sequence[Outcome], brokers: Sequence[str]) -> None:
    """Write the page, and the table into the README."""
    before, _, rest = README.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    README.write_text(f"{before}{_BEGIN}{table(outcomes, brokers)}\n{_END}{after}")
    parts = [_INTRODUCTION, table(outcomes, brokers), "\n"]
    partly = [outcome for outcome in outcomes if cell(outcome) == "part"]
    if partly:
        parts.append("## What works in part\n\n| Client | Broker | Works |\n|---|---|---|\n")
        parts += [f"| {each.client} | {each.broker} | {', '.join(each.able)} |\n" for each in partly]
    PAGE.write_text("".join(parts))
