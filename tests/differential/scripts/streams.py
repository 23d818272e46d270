"""Streams groups."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.scripts.draw import Draw, script
from tests.differential.values import Script, Step

MEMBER = "streams-member"


def streams_group(draw: Draw) -> str:
    """Streams groups keep to names of their own."""
    return draw.choice(["a.streams", "b.streams", "ab.streams", "c.g", ""])


def _beat(draw: Draw, group: str) -> dict[str, Any]:
    subtopology = {
        "subtopology_id": "0",
        "source_topics": draw.distinct_topics(most=2),
        "repartition_sink_topics": draw.distinct_topics(most=1),
    }
    return {
        "group_id": group,
        "member_id": MEMBER,
        "member_epoch": 0,
        "rebalance_timeout": 45_000,
        "topology": {"epoch": 1, "subtopologies": [subtopology]},
        "active_tasks": [],
        "standby_tasks": [],
        "warmup_tasks": [],
        "process_id": "process",
        "client_tags": [],
    }


def _leaves(group: str) -> Step:
    values = {"group_id": group, "member_id": MEMBER, "member_epoch": -1, "rebalance_timeout": -1}
    return Step(ApiKey.STREAMS_GROUP_HEARTBEAT, 0, values)


@script(ApiKey.STREAMS_GROUP_HEARTBEAT, restores=True)
def streams_group_heartbeat(draw: Draw, version: int) -> Script:
    """A member that joins and leaves; some topologies ask for topics of their own."""
    group = streams_group(draw)
    values = _beat(draw, group)
    if draw.random() < 0.4:
        name = draw.choice(["a.new", "b.new", "c.new"])
        changelog = {"name": name, "partitions": 0, "replication_factor": 1, "topic_configs": []}
        values["topology"]["subtopologies"][0]["state_changelog_topics"] = [changelog]
    return [Step(ApiKey.STREAMS_GROUP_HEARTBEAT, version, values), _leaves(group)]


@script(ApiKey.STREAMS_GROUP_DESCRIBE)
def streams_group_describe(draw: Draw, version: int) -> Script:
    """With a member; twice; of other kinds of groups."""
    group = streams_group(draw)
    groups = [group, *(streams_group(draw) for _ in range(draw.randint(0, 2))), draw.group()]
    described = {"group_ids": groups, "include_authorized_operations": draw.flag()}
    return [
        Step(ApiKey.STREAMS_GROUP_HEARTBEAT, 0, _beat(draw, group)),
        Step(ApiKey.STREAMS_GROUP_DESCRIBE, version, described),
        _leaves(group),
    ]
