"""What is put aside when two answers are compared, and that nothing else is."""

from __future__ import annotations

from typing import Any, Final

import pytest

from protocol.apis import ApiKey
from tests.differential.normal import differences, normal

_DISK: Final = 82_206_720_000


def _differing(kafka: dict[str, Any], doorkeeper: dict[str, Any]) -> list[str]:
    trees = [normal(ApiKey.DESCRIBE_LOG_DIRS, _log_dirs(**values), {}) for values in (kafka, doorkeeper)]
    return [path for path, _, _ in differences(*trees)]


def _log_dirs(*, name: str = "a", size: int = 70, usable: int = _DISK, total: int = _DISK) -> dict[str, Any]:
    partitions = [{"partition_index": 0, "partition_size": size, "offset_lag": 0, "is_future_key": False}]
    topics = [{"name": name, "partitions": partitions}]
    directory = {"error_code": 0, "log_dir": "/logs", "topics": topics, "total_bytes": total, "usable_bytes": usable}
    return {"throttle_time": 0, "error_code": 0, "results": [directory]}


@pytest.mark.parametrize(
    ("kafka", "doorkeeper"),
    [
        pytest.param({"usable": _DISK}, {"usable": _DISK + 4096}, id="something else wrote to the disk"),
        pytest.param({"total": _DISK}, {"total": _DISK + 4096}, id="the disk grew"),
        pytest.param(
            {"name": "__consumer_offsets", "size": 70},
            {"name": "__consumer_offsets", "size": 140},
            id="a coordinator wrote",
        ),
    ],
)
def test_what_depends_on_the_moment_is_no_difference(kafka: dict[str, Any], doorkeeper: dict[str, Any]) -> None:
    assert _differing(kafka, doorkeeper) == []


@pytest.mark.parametrize(
    ("kafka", "doorkeeper", "place"),
    [
        pytest.param({"usable": _DISK}, {"usable": -1}, "results[0].usable_bytes", id="not told"),
        pytest.param({"total": _DISK}, {"total": 0}, "results[0].total_bytes", id="nothing"),
        pytest.param(
            {"size": 70}, {"size": 71}, "results[0].topics[0].partitions[0].partition_size", id="what clients wrote"
        ),
        pytest.param({"name": "a"}, {"name": "b"}, "results[0].topics[0].name", id="another topic"),
    ],
)
def test_what_the_doorkeeper_answers_for_is_a_difference(
    kafka: dict[str, Any], doorkeeper: dict[str, Any], place: str
) -> None:
    assert _differing(kafka, doorkeeper) == [place]


def test_lists_without_an_order_are_sorted_by_what_they_are_about() -> None:
    """So that one entry that differs is told as itself, not as a mix-up of all."""
    topics = [{"topic_id": "one", "partitions": [{"partition_index": 0, "error_code": 3}]}]
    other = {"topic_id": "two", "partitions": [{"partition_index": 1, "error_code": 0}]}
    changed = [other, {"topic_id": "one", "partitions": [{"partition_index": 0, "error_code": 9}]}]
    trees = [normal(ApiKey.SHARE_FETCH, {"responses": each}, {}) for each in ([*topics, other], changed)]
    assert [path for path, _, _ in differences(*trees)] == ["responses[0].partitions[0].error_code"]
