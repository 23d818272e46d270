"""The rules of the house: directions of imports, what is installed, and how large its parts are."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("policies", "protocol", "proxy")
LONGEST_FILE = 600
LONGEST_FUNCTION = 60


def sources() -> Iterator[Path]:
    """Every source file of the product."""
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


def report(kind: str, lengths: dict[str, int]) -> None:
    """Tell the longest ones (pytest -rP shows it)."""
    for name, length in sorted(lengths.items(), key=lambda each: -each[1])[:10]:
        print(f"{length:5} lines: {kind} {name}")  # noqa: T201 - the report is the output


def test_imports_go_one_way() -> None:
    """The contracts of import-linter in pyproject.toml."""
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_only_the_three_packages_are_installed(tmp_path: Path) -> None:
    """What a wheel that is built now would put beside other packages."""
    uv = Path(sys.executable).parent / "uv"
    built = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", tmp_path, ROOT], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert sorted(top) == sorted(PACKAGES)
    assert "doorkeeper = proxy.cli:main" in entry_points


def test_no_file_swallows_the_rest() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    report("file", lengths)
    assert max(lengths.values()) <= LONGEST_FILE


def test_functions_have_one_idea() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    report("function", lengths)
    assert max(lengths.values()) <= LONGEST_FUNCTION


@pytest.mark.parametrize("package", ["protocol", "policies", "proxy/session", "proxy/enforcement", "proxy/addressing"])
def test_what_decides_neither_waits_nor_looks_at_a_clock(package: str) -> None:
    """import-linter looks at modules; this looks at every import statement, those inside functions too."""
    forbidden = {"asyncio", "ssl", "socket", "time", "logging", "random", "uvloop", "h11"}
    found = {
        name.split(".")[0]
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
    }
    assert not found & forbidden


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
