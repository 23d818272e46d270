"""Whether a policy is about the cluster that was found."""

from __future__ import annotations

import pytest

from policies.document import load_policy
from proxy.doctor.finding import Finding, Level
from proxy.doctor.policy import judge_policy

POLICY = """\
no_match: {no_match}
policies:
  - name: owners
    principals: [User:a]
    {permission}: [Read]
    topics: [{topics}]
    consumer_groups: [nobody-knows]
"""


def judged(topics: str, found: set[str], no_match: str = "deny", permission: str = "allow") -> list[Finding]:
    document = load_policy(POLICY.format(topics=topics, no_match=no_match, permission=permission), "policy.yaml")
    return list(judge_policy(document, frozenset(found)))


@pytest.mark.parametrize("topics", ["orders", "orde*", "'*'", "{literal: orders}"])
def test_all_is_well(topics: str) -> None:
    assert judged(topics, {"orders"}) == []


def test_a_topic_that_does_not_exist() -> None:
    (found,) = judged("orders, oders, 'x*', oders", {"orders"})
    assert (found.level, found.check, found.subject) == (Level.WARNING, "topic-missing", "policy.yaml:3")
    assert found.message == "policy 'owners' names topics that the cluster does not have: oders"
    assert found.remedy == "did you mean 'orders'?"


def test_topics_that_do_not_exist_are_told_together() -> None:
    (found,) = judged("oders, orders, bils", {"orders"})
    assert found.message.endswith(": oders, bils")
    assert found.remedy is None


def test_among_very_many_topics_nobody_looks_for_the_one_that_was_meant() -> None:
    missing, _ = judged("oders", {"orders", *map(str, range(5_000))})
    assert (missing.check, missing.remedy) == ("topic-missing", None)


def test_nothing_is_like_it() -> None:
    missing, uncovered = judged("payments", {"zzz"})
    assert (missing.check, missing.remedy) == ("topic-missing", None)
    assert uncovered.check == "topic-uncovered"


def test_topics_that_nobody_may_use() -> None:
    (found,) = judged("orders", {"orders", "orders.late", "bills"})
    assert (found.level, found.check) == (Level.WARNING, "topic-uncovered")
    assert found.message == "nobody but super users may use these topics: bills, orders.late"


def test_a_denial_lets_nobody_use_a_topic() -> None:
    (found,) = judged("orders", {"orders"}, permission="deny")
    assert found.check == "topic-uncovered"


def test_topics_that_everybody_may_use() -> None:
    (found,) = judged("orders", {"orders", "bills"}, no_match="allow")
    assert (found.level, found.check) == (Level.WARNING, "topic-open")
    assert found.message.endswith(": bills")
    assert found.remedy == "no_match: deny"


def test_a_topic_that_is_denied_to_some_is_not_open_to_all() -> None:
    assert judged("orders", {"orders"}, no_match="allow", permission="deny") == []


def test_many_topics_are_not_all_listed() -> None:
    (found,) = judged("'x*'", {f"t{number:02}" for number in range(12)})
    assert found.message.endswith("t08, t09 and 2 more")
