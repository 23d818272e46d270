"""ApiVersions: what the broker has, cut to what is judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build, item_type
from protocol.splice import decode_response, encode_response
from protocol.versions import (
    api_versions_answer,
    broker_ranges,
    is_valid_client_software,
    offered,
    unsupported_version_answer,
)

API_VERSIONS = ApiKey.API_VERSIONS
EVERY_VERSION = known_versions(API_VERSIONS)
ranges = st.dictionaries(
    st.integers(0, 8), st.builds(lambda start, size: range(start, start + size), st.integers(0, 9), st.integers(1, 9))
)


def broker_answer(*keys: tuple[int, int, int], version: int = 4, **values: Any) -> Any:
    """A broker's own answer."""
    entity_type = response_type(API_VERSIONS, version)
    entry = item_type(entity_type, "api_keys")
    listed = tuple(build(entry, api_key=key, min_version=least, max_version=most) for key, least, most in keys)
    return build(entity_type, api_keys=listed, **values)


def features(version: int = 4) -> dict[str, Any]:
    entity_type = response_type(API_VERSIONS, version)
    supported, finalized = (item_type(entity_type, f"{kind}_features") for kind in ("supported", "finalized"))
    return {
        "supported_features": (
            build(supported, name="metadata.version", min_version=1, max_version=25),
            build(supported, name="kraft.version", min_version=0, max_version=1),
        ),
        "finalized_features_epoch": 77,
        "finalized_features": (build(finalized, name="metadata.version", max_version_level=25, min_version_level=25),),
    }


@given(broker=ranges, judged=ranges)
def test_what_is_offered_is_what_both_have(broker: dict[int, range], judged: dict[int, range]) -> None:
    pairs = {(key, version) for key, found in broker.items() for version in found}
    ours = {(key, version) for key, found in judged.items() for version in found}
    found = offered(broker, judged)
    assert {(key, version) for key, versions in found.items() for version in versions} == pairs & ours
    assert all(found.values())


def test_keys_that_kafka_does_not_have_are_left_out() -> None:
    """Forks of Kafka have some of their own, from 10000 on."""
    assert broker_ranges(broker_answer((0, 3, 13), (10000, 0, 5), (3, 0, 13))) == {0: range(3, 14), 3: range(14)}


def test_produce_is_listed_from_0_on_as_kafka_4_lists_it() -> None:
    (told,) = api_versions_answer(0, {0: range(3, 14)}, None).api_keys
    assert (told.min_version, told.max_version) == (0, 13)


def test_the_oldest_versions_of_produce_that_kafka_4_lists_are_not_taken_for_served() -> None:
    assert broker_ranges(broker_answer((0, 0, 13), (1, 4, 18))) == {0: range(3, 14), 1: range(4, 19)}
    assert broker_ranges(broker_answer((0, 0, 11), (1, 0, 17))) == {0: range(12), 1: range(18)}


def test_a_broker_may_say_a_version_that_nobody_knows_yet() -> None:
    found = broker_ranges(broker_answer((3, 0, 200)))
    assert offered(found, {3: known_versions(3)}) == {3: known_versions(3)}


@pytest.mark.parametrize("version", EVERY_VERSION)
def test_an_answer_lists_what_is_offered_in_order(version: int) -> None:
    answer = api_versions_answer(version, {3: range(1, 5), 1: range(3, 14)}, None)
    assert [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys] == [(1, 3, 13), (3, 1, 4)]
    assert answer.error_code == ErrorCode.none
    assert decode_response(API_VERSIONS, version, encode_response(API_VERSIONS, version, 1, answer)) == (1, answer)


@pytest.mark.parametrize("version", EVERY_VERSION)
def test_features_of_the_broker_are_told_where_the_version_has_them(version: int) -> None:
    broker = broker_answer(**features())
    answer = api_versions_answer(version, {}, broker)
    assert decode_response(API_VERSIONS, version, encode_response(API_VERSIONS, version, 1, answer)) == (1, answer)
    if version < 3:
        assert not hasattr(answer, "supported_features")
        return
    assert answer.finalized_features_epoch == 77
    assert [(f.name, f.max_version_level, f.min_version_level) for f in answer.finalized_features] == [
        ("metadata.version", 25, 25)
    ]
    assert ("metadata.version", 1, 25) in [(f.name, f.min_version, f.max_version) for f in answer.supported_features]


def test_a_feature_whose_minimum_is_0_is_hidden_from_version_3() -> None:
    """Its clients take that for an error (KIP-1022)."""
    broker = broker_answer(**features())
    names = {
        version: [f.name for f in api_versions_answer(version, {}, broker).supported_features] for version in (3, 4)
    }
    assert names == {3: ["metadata.version"], 4: ["metadata.version", "kraft.version"]}


@pytest.mark.parametrize("broker_version", EVERY_VERSION)
@pytest.mark.parametrize("version", EVERY_VERSION)
def test_any_version_is_answered_from_any_version(version: int, broker_version: int) -> None:
    broker = broker_answer((3, 0, 1), version=broker_version)
    answer = api_versions_answer(version, broker_ranges(broker), broker)
    assert [each.api_key for each in answer.api_keys] == [3]


def test_an_unknown_version_is_answered_in_version_0_with_the_versions_of_this_api_alone() -> None:
    """So that any client can read it and ask again (KIP-511)."""
    answer = unsupported_version_answer()
    assert isinstance(answer, response_type(API_VERSIONS, 0))
    assert answer.error_code == ErrorCode.unsupported_version
    assert [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys] == [
        (18, EVERY_VERSION.start, EVERY_VERSION.stop - 1)
    ]
    assert encode_response(API_VERSIONS, 0, 9, answer)[8:10] == b"\x00\x23"


def asked_by(name: str, software_version: str = "1.0") -> Any:
    return build(request_type(API_VERSIONS, 3), client_software_name=name, client_software_version=software_version)


@pytest.mark.parametrize("name", ["a", "apache-kafka-java", "librdkafka", "7", "confluent.kafka-9"])
def test_a_client_may_call_itself_so(name: str) -> None:
    assert is_valid_client_software(asked_by(name))
    assert is_valid_client_software(asked_by("x", name))


@pytest.mark.parametrize("name", ["", "-a", "a-", ".a", "a.", "a b", "a_b", "é", "a\n", "a/1"])
def test_a_client_may_not_call_itself_so(name: str) -> None:
    assert not is_valid_client_software(asked_by(name))
    assert not is_valid_client_software(asked_by("x", name))


@pytest.mark.parametrize("version", range(3))
def test_before_version_3_a_client_does_not_say_what_it_is(version: int) -> None:
    assert is_valid_client_software(build(request_type(API_VERSIONS, version)))
