"""Metadata, and topics that come and go."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.names import MISSING
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script, TopicId

DISTANT_MS = 10_000


@script(ApiKey.METADATA)
def metadata(draw: Draw, version: int) -> Script:
    """By name, by id, all, none; with every flag, and nothing that could be created."""
    create = draw.flag() or version < 4
    names = draw.topics(odd=True)
    topics: Any = [{"name": name} for name in names if name not in MISSING or not create]
    if version >= 12 and draw.random() < 0.4:
        topics = [{"topic_id": TopicId(name), "name": None} for name in draw.topics(fewest=1)]
    elif draw.random() < 0.2:
        topics = None
    return one(
        ApiKey.METADATA,
        version,
        topics=topics,
        allow_auto_topic_creation=create,
        include_cluster_authorized_operations=draw.flag(),
        include_topic_authorized_operations=draw.flag(),
    )


@script(ApiKey.METADATA, restores=True)
def metadata_that_may_create(draw: Draw, version: int) -> Script:
    """At least one topic is missing, and missing topics are to be created."""
    names = [draw.choice(MISSING), *draw.topics(most=3, odd=True)]
    draw.shuffle(names)
    return one(
        ApiKey.METADATA,
        version,
        topics=[{"name": name} for name in names],
        allow_auto_topic_creation=True,
        include_topic_authorized_operations=draw.flag(),
    )


@script(ApiKey.DESCRIBE_TOPIC_PARTITIONS)
def describe_topic_partitions(draw: Draw, version: int) -> Script:
    """Named and all, with limit and cursor."""
    names = draw.topics(odd=True)
    cursor = None
    if draw.random() < 0.4:
        cursor = {"topic_name": draw.choice([*names, draw.topic()]), "partition_index": draw.choice([0, 0, 1, -1])}
    return one(
        ApiKey.DESCRIBE_TOPIC_PARTITIONS,
        version,
        topics=[{"name": name} for name in names],
        response_partition_limit=draw.choice([1, 2, 3, 2000]),
        cursor=cursor,
    )


@script(ApiKey.CREATE_TOPICS, restores=True)
def create_topics(draw: Draw, version: int) -> Script:
    """New, existing, twice, impossible, with settings and assignments."""
    names = draw.topics(fewest=1, odd=True)
    return one(
        ApiKey.CREATE_TOPICS,
        version,
        topics=[_new_topic(draw, name) for name in names],
        timeout=DISTANT_MS,
        validate_only=draw.random() < 0.3,
    )


def _new_topic(draw: Draw, name: str) -> dict[str, Any]:
    configs = [{"name": "retention.ms", "value": "86400000"}] if draw.flag() else []
    if draw.random() < 0.1:
        configs = [{"name": "no.such.setting", "value": "1"}]
    if draw.random() < 0.2:
        return {
            "name": name,
            "num_partitions": -1,
            "replication_factor": -1,
            "assignments": [{"partition_index": 0, "broker_ids": [1]}],
            "configs": configs,
        }
    return {
        "name": name,
        "num_partitions": draw.choice([1, 2, -1 if draw.flag() else 1, 0]),
        "replication_factor": draw.choice([1, 1, 1, 9]),
        "configs": configs,
    }


@script(ApiKey.DELETE_TOPICS, restores=True)
def delete_topics(draw: Draw, version: int) -> Script:
    """By name and, where there is such a version, by id; twice; both at once."""
    names = draw.topics(fewest=1, most=4)
    if version < 6:
        return one(ApiKey.DELETE_TOPICS, version, topic_names=names, timeout=DISTANT_MS)
    return one(ApiKey.DELETE_TOPICS, version, topics=[_doomed(draw, name) for name in names], timeout=DISTANT_MS)


def _doomed(draw: Draw, name: str) -> dict[str, Any]:
    kind = draw.random()
    if kind < 0.05:
        return {"name": name, "topic_id": TopicId(name)}
    if kind < 0.1:
        return {"name": None, "topic_id": None}
    if kind < 0.5:
        return {"name": None, "topic_id": TopicId(name)}
    return {"name": name, "topic_id": None}


@script(ApiKey.CREATE_PARTITIONS, restores=True)
def create_partitions(draw: Draw, version: int) -> Script:
    """More, fewer, twice, missing."""
    topics = [
        {"name": name, "count": draw.choice([1, 2, 3, 3]), "assignments": draw.maybe(None, [{"broker_ids": [1]}], 0.8)}
        for name in draw.topics(fewest=1, most=4)
    ]
    return one(ApiKey.CREATE_PARTITIONS, version, topics=topics, timeout=DISTANT_MS, validate_only=draw.random() < 0.3)


@script(ApiKey.DELETE_RECORDS)
def delete_records(draw: Draw, version: int) -> Script:
    """Up to what exists, and beyond."""
    topics = [
        {
            "name": name,
            "partitions": [
                {"partition_index": index, "offset": draw.choice([0, 1, -1, 99_999])}
                for index in draw.distinct_partitions()
            ],
        }
        for name in draw.distinct_topics(fewest=1)
    ]
    return one(ApiKey.DELETE_RECORDS, version, topics=topics, timeout=DISTANT_MS)
