"""The files that a user of the bench may change: other proxies, and the bounds of `make bench-check`."""

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench import check
from bench.run import everybody
from bench.stage import peers
from bench.suites.workloads import WORKLOADS

TOLD = re.compile(r"@([a-z_]+)@")


@pytest.mark.parametrize("peer", peers.peers(), ids=lambda peer: peer.name)
def test_every_word_of_an_entry_and_its_template_is_one_that_is_filled_in(peer):
    told = [line for line in peers.FILE.read_text().splitlines() if line.startswith("#")]
    words = set(TOLD.findall("".join(told)))
    used = [*peer.entry.arguments]
    if peer.entry.template is not None:
        used.append((peers.FILE.parent / "peers" / peer.entry.template).read_text())
    assert set(TOLD.findall("".join(used))) <= words


def test_a_wrong_word_in_an_entry_is_refused(tmp_path):
    file = tmp_path / "peers.toml"
    file.write_text('[mine]\nprogram = "x"\narguments = []\ncertificate = true\n')
    with pytest.raises(msgspec.ValidationError, match="certificate"):
        peers.peers(file)


def test_who_is_not_installed_is_named(monkeypatch):
    entry = peers.Entry(program="no-such-program-anywhere", arguments=())
    monkeypatch.setattr("bench.run.peers", lambda: [peers.Peer("somebody", entry)])
    told = []
    here, absent = everybody(told.append)
    assert absent == ["somebody"]
    assert "somebody" not in [each.name for each in here]
    assert told == ["NOT INSTALLED, so not measured: somebody (no-such-program-anywhere)"]


def test_bounds_are_kept_for_everything_that_has_a_goal():
    assert {each.name for each in WORKLOADS if each.goal is not None} <= set(check.load_bounds())


def test_a_bound_for_nothing_is_refused(tmp_path):
    file: Path = tmp_path / "bounds.toml"
    file.write_text("[times_relay]\nsmall = 2.0\nsmal = 2.0\n")
    with pytest.raises(ValueError, match=r"no such workload: smal$"):
        check.load_bounds(file)


def test_goals_are_judged_by_ratio_or_by_cost():
    goal = next(each.goal for each in WORKLOADS if each.name == "connect-mtls")
    both = replace(goal, times_relay=1.5, at_most=1.2)
    assert both.reached(times_relay=1.4, cost=9)
    assert both.reached(times_relay=9, cost=1.1)
    assert not both.reached(times_relay=1.6, cost=1.3)
