"""Writes what the documents take from the code: the rules of all APIs, what is served, and the JSON Schemas.

``python docs/generate.py`` writes the files anew; with ``--check`` it only says which of them are out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from policies.schema import policy_schema
from protocol.apis import ApiKey, known_versions
from proxy.authentication.schema import users_schema
from proxy.config import json_schema
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.table import TABLE

_ROOT: Final = Path(__file__).resolve().parent.parent
_BEGIN: Final = "<!-- served: written by `make docs` -->"
_END: Final = "<!-- end of served -->"
_BY_ITSELF: Final = {
    ApiKey.SASL_HANDSHAKE: "Part of authentication; after it the answer is ILLEGAL_SASL_STATE.",
    ApiKey.API_VERSIONS: "Before and after authentication: what the broker has, cut to what is judged here.",
    ApiKey.SASL_AUTHENTICATE: "Part of authentication; after it the answer is ILLEGAL_SASL_STATE.",
}
_INTRODUCTION: Final = """\
# The rules

Written by `make docs` from the table of rules in `proxy/enforcement/table.py`; do not edit.

For each API: the versions that are judged, and what a principal must be allowed. "Read Topic" is the operation Read on
the resource type Topic. A client is offered the versions that both this table and the broker behind have. Whatever is
not here is not offered and never reaches a broker.

| Key | API | Versions |
|---|---|---|
"""


def generated() -> dict[Path, str]:
    """Every file that is written from the code, and its text."""
    readme = _ROOT / "README.md"
    return {
        _ROOT / "docs" / "rules.md": _rules(),
        _ROOT / "docs" / "schema" / "config.json": _as_json(json_schema()),
        _ROOT / "docs" / "schema" / "policy.json": _as_json(policy_schema()),
        _ROOT / "docs" / "schema" / "users.json": _as_json(users_schema()),
        readme: _with_served(readme.read_text(encoding="utf-8")),
    }


def stale() -> list[Path]:
    """The files whose text is not what the code says now."""
    return [path for path, text in generated().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def _rules() -> str:
    index = "".join(f"| {int(key)} | [{key.label}](#{key.label.lower()}) | {_versions(key)} |\n" for key in _served())
    rules = "".join(f"\n## {key.label}\n\n{_told(key)}" for key in _served())
    missing = ", ".join(f"{key.label} ({int(key)})" for key in ApiKey if key not in _served())
    return f"{_INTRODUCTION}{index}{rules}\n## Not served\n\n{missing}\n"


def _served() -> list[ApiKey]:
    return sorted({*TABLE, *_BY_ITSELF})


def _versions(key: ApiKey) -> str:
    versions = TABLE[key].versions if key in TABLE else known_versions(key)
    return f"{versions[0]}-{versions[-1]}" if len(versions) > 1 else str(versions[0])


def _told(key: ApiKey) -> str:
    if key in _BY_ITSELF:
        return f"Versions {_versions(key)}. Answered by the doorkeeper itself. {_BY_ITSELF[key]}\n"
    rule = TABLE[key]
    exempt = "".join(f"\nNot judged: `{field}`, {reason}.\n" for field, reason in rule.exempt)
    return f"Versions {_versions(key)}.\n\n" + "".join(f"- {line}\n" for line in _demands(rule)) + exempt


def _demands(rule: ApiRule) -> Iterator[str]:
    if rule.summary:
        yield " ".join(rule.summary.split())
    for clause in rule.clauses:
        text = clause.describe()
        yield f"{text[0].upper()}{text[1:]}."


def _with_served(readme: str) -> str:
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    table = "\n| API | Versions |\n|---|---|\n" + "".join(f"| {key.label} | {_versions(key)} |\n" for key in _served())
    return f"{before}{_BEGIN}{table}\n{_END}{after}"


def _as_json(schema: object) -> str:
    return json.dumps(schema, indent=2) + "\n"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; end with 1 if a file is out of date.")
def main(*, check: bool) -> None:
    """Write the generated documents anew."""
    texts = generated()
    outdated = stale()
    for path in outdated:
        click.echo(f"{path.relative_to(_ROOT)} {'is out of date: run make docs' if check else 'written'}", err=check)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
    sys.exit(1 if check and outdated else 0)


if __name__ == "__main__":
    main()
