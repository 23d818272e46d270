"""Share groups, their offsets and their state."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.names import SHARE_GROUPS, SHARE_MEMBER
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script, Step, TopicId

HELLO, GOODBYE = 0, -1


def share_group(draw: Draw) -> str:
    """Share groups keep to names of their own."""
    return draw.choice([*SHARE_GROUPS, "c.g", ""])


def _beat(draw: Draw, group: str, **values: Any) -> dict[str, Any]:
    topics = draw.distinct_topics(most=2)
    return {"group_id": group, "member_id": SHARE_MEMBER, "member_epoch": 0, "subscribed_topic_names": topics} | values


def _leaves(group: str) -> Step:
    values = {"group_id": group, "member_id": SHARE_MEMBER, "member_epoch": -1, "subscribed_topic_names": None}
    return Step(ApiKey.SHARE_GROUP_HEARTBEAT, 1, values)


@script(ApiKey.SHARE_GROUP_HEARTBEAT)
def share_group_heartbeat(draw: Draw, version: int) -> Script:
    """A member that joins and leaves."""
    group = share_group(draw)
    return [Step(ApiKey.SHARE_GROUP_HEARTBEAT, version, _beat(draw, group)), _leaves(group)]


@script(ApiKey.SHARE_GROUP_DESCRIBE)
def share_group_describe(draw: Draw, version: int) -> Script:
    """With a member; twice; of other kinds of groups."""
    group = share_group(draw)
    groups = [group, *(share_group(draw) for _ in range(draw.randint(0, 2))), draw.group()]
    return [
        Step(ApiKey.SHARE_GROUP_HEARTBEAT, 1, _beat(draw, group)),
        Step(
            ApiKey.SHARE_GROUP_DESCRIBE,
            version,
            {"group_ids": groups, "include_authorized_operations": draw.flag()},
        ),
        _leaves(group),
    ]


def _partitions(draw: Draw, **values: Any) -> list[dict[str, Any]]:
    return [
        {"partition_index": index, "partition": index, "acknowledgement_batches": [], **values}
        for index in draw.distinct_partitions()
    ]


def _by_id(draw: Draw, **values: Any) -> list[dict[str, Any]]:
    return [
        {"topic_id": TopicId(name), "partitions": _partitions(draw, **values)}
        for name in draw.distinct_topics(most=3)
        if name[:2] != "__"
    ]


def _share_fetch(group: str | None, epoch: int, topics: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "group_id": group,
        "member_id": SHARE_MEMBER,
        "share_session_epoch": epoch,
        "max_wait": 0,
        "min_bytes": 0,
        "max_bytes": 1 << 20,
        "max_records": 10,
        "batch_size": 10,
        "topics": topics,
    }


@script(ApiKey.SHARE_FETCH)
def share_fetch(draw: Draw, version: int) -> Script:
    """A share session that is opened, gone on with, and closed."""
    group = share_group(draw)
    values = [
        _share_fetch(group, HELLO, _by_id(draw)),
        _share_fetch(group, 1, draw.choice([[], _by_id(draw)])),
        _share_fetch(group, GOODBYE, []),
    ]
    return [
        Step(ApiKey.SHARE_GROUP_HEARTBEAT, 1, _beat(draw, group)),
        *(Step(ApiKey.SHARE_FETCH, version, each) for each in values),
        _leaves(group),
    ]


@script(ApiKey.SHARE_FETCH)
def share_fetch_without_a_session(draw: Draw, version: int) -> Script:
    """Its error comes after the group's."""
    return one(ApiKey.SHARE_FETCH, version, **_share_fetch(share_group(draw), 5, _by_id(draw)))


@script(ApiKey.SHARE_ACKNOWLEDGE)
def share_acknowledge(draw: Draw, version: int) -> Script:
    """In a share session, and without one."""
    group = share_group(draw)
    batches = [{"first_offset": 0, "last_offset": 0, "acknowledge_types": [1]}]
    opened = _share_fetch(group, HELLO, _by_id(draw))
    values = {"group_id": group, "member_id": SHARE_MEMBER, "share_session_epoch": draw.choice([1, 1, 5])}
    values["topics"] = _by_id(draw, acknowledgement_batches=batches)
    return [
        Step(ApiKey.SHARE_GROUP_HEARTBEAT, 1, _beat(draw, group)),
        Step(ApiKey.SHARE_FETCH, 1, opened),
        Step(ApiKey.SHARE_ACKNOWLEDGE, version, values),
        Step(ApiKey.SHARE_FETCH, 1, _share_fetch(group, GOODBYE, [])),
        _leaves(group),
    ]


@script(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS)
def describe_share_group_offsets(draw: Draw, version: int) -> Script:
    """Some, none, all; of several groups."""
    groups = [
        {
            "group_id": draw.choice([share_group(draw), draw.group()]),
            "topics": draw.choice(
                [None, [{"topic_name": name, "partitions": draw.distinct_partitions()} for name in draw.topics()]]
            ),
        }
        for _ in range(draw.randint(0, 3))
    ]
    return one(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, version, groups=groups)


@script(ApiKey.ALTER_SHARE_GROUP_OFFSETS)
def alter_share_group_offsets(draw: Draw, version: int) -> Script:
    """Of share groups, and of what is none."""
    topics = [
        {"topic_name": name, "partitions": [{"partition_index": index, "start_offset": 0} for index in [0]]}
        for name in draw.distinct_topics()
    ]
    group = draw.choice([share_group(draw), share_group(draw), draw.group()])
    return one(ApiKey.ALTER_SHARE_GROUP_OFFSETS, version, group_id=group, topics=topics)


@script(ApiKey.DELETE_SHARE_GROUP_OFFSETS)
def delete_share_group_offsets(draw: Draw, version: int) -> Script:
    """Of share groups, and of what is none."""
    topics = [{"topic_name": name} for name in draw.distinct_topics()]
    group = draw.choice([share_group(draw), share_group(draw), draw.group()])
    return one(ApiKey.DELETE_SHARE_GROUP_OFFSETS, version, group_id=group, topics=topics)


def _state(api_key: ApiKey, draw: Draw, version: int, **values: Any) -> Script:
    return one(api_key, version, group_id=draw.choice(["state", ""]), topics=_by_id(draw, **values))


@script(ApiKey.INITIALIZE_SHARE_GROUP_STATE)
def initialize_share_group_state(draw: Draw, version: int) -> Script:
    """What brokers say to each other."""
    return _state(ApiKey.INITIALIZE_SHARE_GROUP_STATE, draw, version, state_epoch=0, start_offset=0)


@script(ApiKey.READ_SHARE_GROUP_STATE)
def read_share_group_state(draw: Draw, version: int) -> Script:
    """What brokers say to each other."""
    return _state(ApiKey.READ_SHARE_GROUP_STATE, draw, version, leader_epoch=0)


@script(ApiKey.WRITE_SHARE_GROUP_STATE)
def write_share_group_state(draw: Draw, version: int) -> Script:
    """What brokers say to each other."""
    values = {"state_epoch": 0, "leader_epoch": 0, "start_offset": 0, "state_batches": []}
    return _state(ApiKey.WRITE_SHARE_GROUP_STATE, draw, version, **values)


@script(ApiKey.DELETE_SHARE_GROUP_STATE)
def delete_share_group_state(draw: Draw, version: int) -> Script:
    """What brokers say to each other."""
    return _state(ApiKey.DELETE_SHARE_GROUP_STATE, draw, version)


@script(ApiKey.READ_SHARE_GROUP_STATE_SUMMARY)
def read_share_group_state_summary(draw: Draw, version: int) -> Script:
    """What brokers say to each other."""
    return _state(ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, draw, version, leader_epoch=0)
