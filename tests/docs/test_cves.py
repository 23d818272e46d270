"""The list of known attacks and the tests that make them name the same ones."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CVE = re.compile(r"CVE-\d{4}-\d+")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    text = (ROOT / "docs" / "security-cves.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def attacks(cell: str) -> list[str]:
    """The names of tests begin with these."""
    return ["_".join(re.findall(r"\w+", name)).lower() for name in cell.split(", ")]


def names_of_tests() -> str:
    """The names of all tests."""
    files = (ROOT / "tests").rglob("test_*.py")
    return "\n".join(name for file in files for name in re.findall(r"def (test_\w+)", file.read_text()))


def test_every_attack_of_the_list_is_made_by_a_test() -> None:
    made = names_of_tests()
    told = [attack for row in rows("Made by a test") for attack in attacks(row[0])]
    assert len(told) > 20
    assert [attack for attack in told if not re.search(rf"(?:test|\d)_{attack}_", made)] == []


def test_every_attack_that_a_test_makes_is_told() -> None:
    told = {attack for row in rows("Made by a test") for attack in attacks(row[0])}
    assert {f"cve_{year}_{number}" for year, number in re.findall(r"cve_(\d{4})_(\d+)", names_of_tests())} <= told


def test_what_cannot_happen_has_a_reason() -> None:
    assert all(len(reason) > 20 for _, reason in rows("Cannot happen here"))


def test_every_attack_that_security_md_names_is_in_the_list() -> None:
    listed = CVE.findall((ROOT / "docs" / "security-cves.md").read_text())
    assert set(CVE.findall((ROOT / "SECURITY.md").read_text())) <= set(listed)
