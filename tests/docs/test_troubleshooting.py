"""What the page of messages says that we say, we say; and what we warn of is on it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
OTHERS = ("embedded", "quickstart")
"""Parts of the product that have a log of their own, or none."""


def tables() -> dict[str, list[list[str]]]:
    """The cells of each table, by its heading."""
    found = {}
    for section in PAGE.split("\n## ")[1:]:
        lines = [line for line in section.splitlines() if line.startswith("| ")]
        found[section.splitlines()[0]] = [[cell.strip() for cell in line[2:-2].split(" | ")] for line in lines[1:]]
    return found


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def constant(node: ast.expr) -> str | None:
    """A text of the source; what is put into it when it runs is dots."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(constant(part) or "..." for part in node.values)
    return None


def nodes() -> Iterator[ast.AST]:
    for path in (ROOT / "proxy").rglob("*.py"):
        if not set(OTHERS) & set(path.parts):
            yield from ast.walk(ast.parse(path.read_text()))


TEXTS = {text for node in nodes() if isinstance(node, ast.expr) and (text := constant(node)) is not None}


def is_said(span: str) -> bool:
    """Whether a text of the source has these words in this order, whatever stands for the dots."""
    words = [re.escape(part) for part in span.split("...")]
    pattern = re.compile(r".*".join(words), re.DOTALL)
    return any(pattern.search(text) for text in TEXTS)


WARNINGS = {"warning", "error", "_warn_seldom", "_tell"}


def warned() -> set[str]:
    """The first words of every warning and error."""
    return {
        text
        for node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WARNINGS
        for text in [constant(node.args[0]) if node.args else None]
        if text
    }


def test_everything_that_is_warned_of_is_on_the_page() -> None:
    told = [re.compile(re.escape(span).replace(r"\.\.\.", ".+")) for row in tables()[OWN] for span in spans(row[0])]
    assert len(told) > 15
    assert sorted(text for text in warned() if not any(each.fullmatch(text) for each in told)) == []


OWN = "The doorkeeper's own messages"


@pytest.mark.parametrize("row", tables()[OWN], ids=lambda row: row[0])
def test_a_message_of_ours_is_one(row: list[str]) -> None:
    assert all(map(is_said, spans(row[0])))


NOT_TEXTS = re.compile(r"(tls|kafka_plaintext|http|proxy_protocol|no_proxy_header) on a [A-Z_]+ port")


@pytest.mark.parametrize("heading", ["TLS", "The wrong protocol", "Logging in", "Connections and addresses"])
def test_what_our_log_is_said_to_say_it_says(heading: str) -> None:
    said = [span for row in tables()[heading] for span in spans(row[3])]
    said = ["... on a ... port" if NOT_TEXTS.fullmatch(span) else span for span in said]
    assert said
    assert [span for span in said if not is_said(span) and "Unexpected Kafka request" not in span] == []


def test_every_row_has_all_its_cells() -> None:
    for heading, rows in tables().items():
        assert {len(row) for row in rows} == {3 if heading == OWN else 5}, heading
