"""The documents that are written from the code say what the code says."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from policies.document import load_policy
from proxy.config import parse_config
from proxy.enforcement.table import TABLE

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_is_out_of_date(generate):
    assert generate.stale() == [], "run make docs"


def test_the_check_ends_with_0_when_all_is_fresh():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, SCRIPT, "--check"], env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_check_names_a_stale_file_and_leaves_it_alone(generate, monkeypatch, tmp_path, capsys):
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text())
    monkeypatch.setattr(generate, "_ROOT", tmp_path)
    with pytest.raises(SystemExit) as ended:
        generate.main(["--check"])
    assert ended.value.code == 1
    assert "docs/rules.md is out of date: run make docs" in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()


def test_writing_brings_everything_up_to_date(generate, monkeypatch, tmp_path):
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text())
    monkeypatch.setattr(generate, "_ROOT", tmp_path)
    with pytest.raises(SystemExit) as ended:
        generate.main([])
    assert ended.value.code == 0
    assert generate.stale() == []


def test_every_rule_tells_what_it_asks(generate):
    for key, rule in TABLE.items():
        assert any(generate._demands(rule)), f"{key.label} has neither a summary nor clauses"


def test_the_schemas_are_json():
    for name in ("config", "policy"):
        assert json.loads((ROOT / "docs" / "schema" / f"{name}.json").read_text())["type"] == "object"


def examples(document: str, name: str) -> list[str]:
    """The YAML examples of a document whose first line is a comment with the file's name."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    return [block for block in blocks if block.startswith(f"# {name}")]


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_the_examples_of_doorkeeper_yaml_are_valid(document, tmp_path):
    found = examples(document, "doorkeeper.yaml")
    assert found
    for text in found:
        assert parse_config(text, tmp_path / "doorkeeper.yaml", {"KEY_PASSWORD": "secret"}).listeners


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_the_examples_of_policy_yaml_are_valid(document):
    found = examples(document, "policy.yaml")
    assert found
    for text in found:
        assert load_policy(text, "policy.yaml").policies


def links(document: Path) -> list[Path]:
    """The files that a document links to."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    return [document.parent / target for target in targets if "://" not in target]


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(document):
    assert [str(target) for target in links(document) if not target.exists()] == []
