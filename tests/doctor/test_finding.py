"""How a finding reads."""

from __future__ import annotations

from proxy.doctor.finding import Finding, Level


def test_with_a_remedy_and_without() -> None:
    finding = Finding(Level.UNKNOWN, "settings-not-told", "broker 1", "it does not tell", "look yourself")
    assert str(finding) == "not known: broker 1: it does not tell (look yourself)"
    assert str(Finding(Level.PROBLEM, "open", "10.0.0.1:9092", "it is")) == "problem: 10.0.0.1:9092: it is"
