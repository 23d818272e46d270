"""The API keys, and the schemas held for them."""

from __future__ import annotations

import pytest
from kio.schema.index import api_key_map, schema_name_map

from protocol.apis import ApiKey, api_label, known_versions, request_type, response_type
from protocol.errors import UnsupportedApi
from protocol.legacy.index import LEGACY_VERSIONS

GONE = {ApiKey.LEADER_AND_ISR, ApiKey.STOP_REPLICA, ApiKey.UPDATE_METADATA, ApiKey.CONTROLLED_SHUTDOWN}


def test_every_key_that_has_a_schema_has_a_name() -> None:
    assert set(ApiKey) - GONE == set(api_key_map)


@pytest.mark.parametrize("api_key", ApiKey)
def test_the_versions_of_an_api_have_no_gap(api_key: ApiKey) -> None:
    """They are told as ranges."""
    name = api_key_map.get(api_key)
    legacy = LEGACY_VERSIONS.get(api_key, range(0))
    assert list(known_versions(api_key)) == ([*legacy, *sorted(schema_name_map[name])] if name else [])


@pytest.mark.parametrize("api_key", ApiKey)
def test_schemas_say_the_key_and_version_they_are_held_for(api_key: ApiKey) -> None:
    for version in known_versions(api_key):
        for found in (request_type(api_key, version), response_type(api_key, version)):
            assert (found.__api_key__, found.__version__) == (api_key, version)


@pytest.mark.parametrize(("api_key", "version"), [(10000, 0), (-1, 0), (3, -1), (3, 1000), (4, 0)])
def test_what_has_no_schema_is_unsupported(api_key: int, version: int) -> None:
    assert version not in known_versions(api_key)
    with pytest.raises(UnsupportedApi):
        request_type(api_key, version)
    with pytest.raises(UnsupportedApi):
        response_type(api_key, version)


@pytest.mark.parametrize(
    ("api_key", "label"), [(8, "OffsetCommit"), (57, "UpdateFeatures"), (92, "DeleteShareGroupOffsets")]
)
def test_an_api_is_called_as_kafka_calls_it(api_key: int, label: str) -> None:
    assert api_label(api_key) == ApiKey(api_key).label == label


def test_a_key_that_kafka_does_not_have_is_shown_as_its_number() -> None:
    assert api_label(10000) == "ApiKey(10000)"
