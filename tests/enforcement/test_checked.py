"""What the audit trail is told: each denial once, and nothing of filters and of the first of two alternatives."""

from __future__ import annotations

import pytest

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from proxy.enforcement.access import Mode
from proxy.enforcement.call import ClusterFacts
from tests.enforcement.support import (
    TAF,
    naming,
    run,
)


def test_a_denial_is_recorded_once_with_the_number_of_items() -> None:
    outcome = run(ApiKey.LIST_OFFSETS, 7, naming(ApiKey.LIST_OFFSETS, 7, "secret", "open", "secret"))
    assert [(c.name, c.count, c.decision.allowed) for c in outcome.checked] == [("secret", 2, False)]


def test_filters_and_first_alternatives_are_not_recorded() -> None:
    for version in known_versions(ApiKey.INIT_PRODUCER_ID):
        request = naming(ApiKey.INIT_PRODUCER_ID, version, transactional_id=None)
        assert run(ApiKey.INIT_PRODUCER_ID, version, request, principal="User:nobody").checked == []
    everything = build(request_type(ApiKey.METADATA, 9), topics=None)
    assert run(ApiKey.METADATA, 9, everything, principal="User:nobody").checked == []
    outcome = run(ApiKey.CREATE_TOPICS, 7, naming(ApiKey.CREATE_TOPICS, 7, "secret"))
    assert [(c.right.operation.label, c.name) for c in outcome.checked] == [("Create", "secret")]


def test_hidden_offsets_are_recorded_though_nobody_named_their_topics() -> None:
    request, answer = request_type(ApiKey.OFFSET_FETCH, 9), response_type(ApiKey.OFFSET_FETCH, 9)
    group = item_type(answer, "groups")
    topics = tuple(build(item_type(group, "topics"), name=name) for name in ("secret", "open"))
    everything = build(request, groups=(build(item_type(request, "groups"), group_id="open", topics=None),))
    served = build(answer, groups=(build(group, group_id="open", topics=topics),))
    outcome = run(ApiKey.OFFSET_FETCH, 9, everything, served=served)
    assert [(c.name, c.count) for c in outcome.checked] == [("secret", 1)]


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE])
@pytest.mark.parametrize("api_key", [ApiKey.PRODUCE, ApiKey.LIST_OFFSETS, ApiKey.OFFSET_FETCH, ApiKey.DELETE_RECORDS])
def test_an_observed_denial_is_recorded_as_an_enforced_one(api_key: ApiKey, mode: Mode) -> None:
    version = known_versions(api_key)[-2] if api_key in (ApiKey.PRODUCE, ApiKey.OFFSET_FETCH) else 2
    outcome = run(api_key, version, naming(api_key, version, "open", "secret"), mode=mode)
    assert [(c.name, c.count, c.decision.allowed) for c in outcome.checked] == [("secret", 1, False)]
    assert (outcome.forwarded == outcome.frame) == (mode is Mode.OBSERVE)


def test_grants_are_recorded_where_they_are_wanted() -> None:
    for api_key, version in ((ApiKey.PRODUCE, 9), (ApiKey.OFFSET_FETCH, 9), (ApiKey.LIST_OFFSETS, 7)):
        outcome = run(api_key, version, naming(api_key, version, "open", "secret"), grants=True)
        topics = [(c.name, c.count, c.decision.allowed) for c in outcome.checked if c.right.error == TAF]
        assert topics == [("open", 1, True), ("secret", 1, False)]


def test_ids_are_learned_once_for_all_connections() -> None:
    facts = ClusterFacts()
    request = naming(ApiKey.PRODUCE, 13, "open")
    assert len(run(ApiKey.PRODUCE, 13, request, facts=facts).questions) == 1
    assert len(run(ApiKey.PRODUCE, 13, request, facts=facts).questions) == 0
