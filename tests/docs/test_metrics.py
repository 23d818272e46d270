"""Metrics are told, and alerts ask for nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from prometheus_client import Counter, Gauge, Info

from proxy.observability.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]


def labels_by_name() -> dict[str, set[str]]:
    """Every metric of ours by the name that its samples have."""
    found = {"doorkeeper_build_info": {"version", "python"}}
    for metric in vars(Metrics("1.2.3", process=False)).values():
        if isinstance(metric, Counter | Gauge) and not isinstance(metric, Info):
            suffix = "_total" if isinstance(metric, Counter) else ""
            found[f"{metric._name}{suffix}"] = set(metric._labelnames)
    return found


def test_the_table_of_metrics_has_all_of_them_with_their_labels() -> None:
    rows = re.findall(
        r"^\| `(doorkeeper_\w+)` \|([^|]*)\|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == labels_by_name()


def test_alerts_ask_for_metrics_and_labels_that_there_are() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    known = labels_by_name()
    assert len(group["rules"]) > 10
    for rule in group["rules"]:
        asked = re.findall(r"(doorkeeper_\w+)(?:\{(\w+)=)?", rule["expr"])
        assert asked
        for name, label in asked:
            assert name in known, rule["alert"]
            assert not label or label in known[name], rule["alert"]
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert used <= set().union(*(known[name] for name, _ in asked)), rule["alert"]
