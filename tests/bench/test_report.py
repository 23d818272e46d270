"""What a reader is told: who reached what, what was not there, and when not to believe it."""

import pytest

from bench import check
from bench.load.jobs import Sample
from bench.report.document import markdown
from bench.report.findings import Contestants, Findings
from bench.report.goals import aims
from bench.stage.contestants import POLICY_OFF, POLICY_ON, RELAY
from bench.stage.releases import RELEASES
from bench.suites.real import OWN_TLS, RealFlows
from bench.suites.turns import Plan


def samples(*microseconds):
    """Rounds of 1,000 requests that took so much CPU each."""
    return [Sample(seconds=1, done=1_000, transferred=10**6, cpu_of=(each / 1e3,)) for each in microseconds]


def findings(*, relay=(10, 10, 10, 10, 10), ours=(13, 13, 13, 20, 20), bystanders=0.0, real=()):
    return Findings(
        machine={"cores": 2},
        plan=Plan(rounds=len(relay), seconds=1, warm_up_s=0),
        contestants=Contestants([RELAY, POLICY_OFF, POLICY_ON], {}, ["kafka-proxy"]),
        bystanders=bystanders,
        flows={"single": {RELAY: samples(*relay), POLICY_OFF: samples(*ours), POLICY_ON: samples(*ours)}},
        real=real,
    )


def test_the_median_of_the_rounds_decides_about_a_goal():
    (aim,) = aims(findings())
    assert (aim.goal, aim.found, aim.reached) == ("1.35 x relay", "1.30 x relay, 13.0 us", True)
    (aim,) = aims(findings(ours=(13, 13, 14, 14, 14)))
    assert not aim.reached


def test_ratios_are_of_one_round_so_that_a_slow_round_of_both_changes_nothing():
    (aim,) = aims(findings(relay=(10, 20, 30, 10, 10), ours=(13, 26, 39, 13, 13)))
    assert aim.found.startswith("1.30 x relay")


def test_the_report_names_goals_spread_and_who_was_absent():
    text = markdown(findings())
    assert "Goals: 1 of 1 reached" in text
    assert "13.0 (13.0-20.0)" in text
    assert "not installed here, so not measured: kafka-proxy" in text
    assert "What these figures cannot say" in text
    assert "Measure in quiet" not in text


def test_a_missed_goal_a_noisy_machine_and_too_few_rounds_are_said_aloud():
    text = markdown(findings(relay=(10, 10), ours=(20, 20), bystanders=0.5))
    assert "Goals: 0 of 1 reached" in text
    assert "**no**" in text
    assert "Measure in quiet" in text
    assert "take none of this for certain" in text


@pytest.mark.parametrize(("bound", "above"), [(1.31, []), (1.29, ["single"])])
def test_what_is_above_its_bound_is_named(bound, above):
    assert check.exceeded(findings(), {"single": bound}) == above


def test_a_workload_of_real_brokers_without_a_goal_is_told_all_the_same():
    compared = {OWN_TLS: samples(10, 10, 10, 10, 10), POLICY_ON: samples(9, 9, 9, 9, 9)}
    flows = {"produce 16 KB, c8 w5": compared, "produce 16 KB, c8 w50": compared}
    found = findings(real=[RealFlows(RELEASES[0], flows)])
    _, aim = aims(found)
    assert (aim.what, aim.found) == ("Kafka 1.1.1: produce 16 KB, c8 w5", "0.90 x own TLS")
    assert "| Kafka 1.1.1: produce 16 KB, c8 w50 |" in markdown(found)


def test_of_real_brokers_the_report_says_what_they_ran_on():
    flows = {"produce 16 KB, c8 w1": dict.fromkeys((OWN_TLS, POLICY_ON), samples(10, 10, 10, 10, 10))}
    text = markdown(findings(real=[RealFlows(release, flows) for release in RELEASES]))
    assert "- Kafka 1.1.1: Java 11.0.13, `-server -Xmx1G -Xms1G -XX:+UseG1GC" in text
    assert "- Kafka 4.1.0: Java 21.0.8, `-server -Xmx1G -Xms1G -XX:+UseG1GC" in text
