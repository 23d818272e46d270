"""Whether the policy is about this cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.document import PolicyDocument
from policies.faults import nearest
from policies.index import EMPTY_ROW, ResourceTable
from policies.model import (
    WILDCARD_RESOURCE,
    AclBinding,
    PatternType,
    Permission,
    PolicySource,
    ResourceType,
)
from proxy.doctor.finding import Finding, Level, listed

_MOST_COMPARED: Final = 5_000
"""Among more names than that, looking for the one that was meant takes longer than anybody waits."""


def judge_policy(policy: PolicyDocument, topics: frozenset[str]) -> Iterator[Finding]:
    """Topics that the policy names and the cluster does not have, and those that no policy is about."""
    about_topics = [binding for binding in policy.bindings if binding.resource_type is ResourceType.TOPIC]
    yield from _missing(about_topics, topics)
    yield from _uncovered(policy, about_topics, topics)


def _missing(bindings: list[AclBinding], topics: frozenset[str]) -> Iterator[Finding]:
    by_policy: dict[PolicySource, dict[str, None]] = {}
    for binding in bindings:
        is_name = binding.pattern_type is PatternType.LITERAL and binding.resource_name != WILDCARD_RESOURCE
        if is_name and binding.resource_name not in topics:
            assert binding.source is not None
            by_policy.setdefault(binding.source, {})[binding.resource_name] = None
    for source, missing in by_policy.items():
        names = list(missing)
        message = f"policy {source.policy!r} names topics that the cluster does not have: {listed(names)}"
        remedy = nearest(names[0], sorted(topics)) if len(names) == 1 and len(topics) <= _MOST_COMPARED else None
        yield Finding(Level.WARNING, "topic-missing", f"{source.file}:{source.line}", message, remedy)


def _uncovered(policy: PolicyDocument, bindings: list[AclBinding], topics: frozenset[str]) -> Iterator[Finding]:
    covering = ResourceTable([b for b in bindings if policy.allow_if_no_acl or b.permission is Permission.ALLOW])
    found = sorted(topic for topic in topics if covering.row(topic) is EMPTY_ROW)
    if not found:
        return
    if policy.allow_if_no_acl:
        message = f"every client may do everything with topics that no policy is about: {listed(found)}"
        yield Finding(Level.WARNING, "topic-open", policy.file, message, "no_match: deny")
    else:
        message = f"nobody but super users may use these topics: {listed(found)}"
        yield Finding(Level.WARNING, "topic-uncovered", policy.file, message)
