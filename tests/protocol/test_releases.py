"""Every release is known by what its brokers say that they have."""

from __future__ import annotations

import pytest

from protocol.apis import ApiKey
from protocol.releases import release_of
from protocol.versions import BEFORE_API_VERSIONS
from tests.protocol.recordings.api_versions import read

RECORDED = read()
ALIKE = {"3.3": "3.3 or 3.4", "3.4": "3.3 or 3.4"}


@pytest.mark.parametrize("version", RECORDED)
def test_a_release_is_known_by_its_versions(version: str) -> None:
    ranges = {key: range(lowest, highest + 1) for key, lowest, highest in RECORDED[version]}
    release = version.rpartition(".")[0]
    assert release_of(ranges) == ALIKE.get(release, release)


def test_all_releases_since_0_10_are_recorded() -> None:
    old, new = {"0.10.0", "0.10.1", "0.10.2", "0.11.0", "1.0", "1.1"}, {"4.0", "4.1"}
    between = {f"{major}.{minor}" for major, minors in ((2, 9), (3, 10)) for minor in range(minors)}
    assert {version.rpartition(".")[0] for version in RECORDED} == old | between | new


def test_a_broker_may_be_newer_than_all_that_is_known() -> None:
    ranges = {key: range(lowest, highest + 1) for key, lowest, highest in RECORDED["4.1.0"]}
    assert release_of(ranges | {ApiKey.FETCH: range(4, 20)}) == "newer than 4.1"


def test_one_that_says_nothing_that_is_known_is_unknown() -> None:
    assert release_of({}) == "unknown"
    assert release_of(BEFORE_API_VERSIONS["0.9.0"]) == "unknown"
