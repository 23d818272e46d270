"""The page of the doctor has every check that there is, with its levels."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"problem": "PROBLEM", "warning": "WARNING", "not known": "UNKNOWN", "fine": "FINE"}


def in_code() -> dict[str, set[str]]:
    """The levels of each check, wherever a finding is made."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "proxy" / "doctor").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Finding", "at"):
                level, check = node.args[:2]
                if isinstance(level, ast.Attribute) and isinstance(check, ast.Constant):
                    found.setdefault(str(check.value), set()).add(level.attr)
    return found


def test_the_page_has_every_check_with_its_levels() -> None:
    rows = re.findall(r"^\| `([a-z][a-z-]+)` \| ([^|]+) \|", (ROOT / "docs" / "doctor.md").read_text(), re.MULTILINE)
    on_page = {check: {LEVELS[level] for level in LEVELS if re.search(rf"\b{level}\b", told)} for check, told in rows}
    assert on_page == in_code()
