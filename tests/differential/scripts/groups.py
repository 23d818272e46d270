"""Groups of the classic and of the consumer protocol, and their offsets."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script, Step, Told, TopicId

SESSION_MS = 45_000


def joining(draw: Draw, group: str) -> dict[str, Any]:
    """The values of a JoinGroup."""
    return {
        "group_id": group,
        "session_timeout": SESSION_MS,
        "rebalance_timeout": SESSION_MS,
        "member_id": draw.maybe("", "nobody-knows-me", 0.9),
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": b"\0\1"}],
        "reason": draw.maybe("why not"),
    }


def member(version: int, since: int) -> Told | str:
    """The id of the member that joined in the first step, or in the second where the first is only told its id."""
    return Told(1 if version >= since else 0, "member_id")


def joined(draw: Draw, group: str) -> list[Step]:
    """Steps that make a member (the version is one that asks for the id first)."""
    values = joining(draw, group) | {"member_id": ""}
    return [
        Step(ApiKey.JOIN_GROUP, 5, values),
        Step(ApiKey.JOIN_GROUP, 5, values | {"member_id": Told(0, "member_id")}),
    ]


def leaving(group: str, member_id: Any) -> Step:
    """A step that takes a member out again."""
    return Step(ApiKey.LEAVE_GROUP, 3, {"group_id": group, "members": [{"member_id": member_id}]})


@script(ApiKey.JOIN_GROUP)
def join_group(draw: Draw, version: int) -> Script:
    """A member that joins, and leaves again."""
    group = draw.group()
    values = joining(draw, group)
    steps = [Step(ApiKey.JOIN_GROUP, version, values)]
    if version >= 4:
        steps.append(Step(ApiKey.JOIN_GROUP, version, values | {"member_id": Told(0, "member_id")}))
    return [*steps, leaving(group, member(version, 4))]


@script(ApiKey.SYNC_GROUP)
def sync_group(draw: Draw, version: int) -> Script:
    """With its own protocol, another, or none."""
    group = draw.group()
    values = {
        "group_id": group,
        "generation_id": Told(1, "generation_id"),
        "member_id": Told(1, "member_id"),
        "protocol_type": draw.maybe("consumer", chance=0.8),
        "protocol_name": draw.choice(["range", "range", "sticky", None]),
        "assignments": [{"member_id": Told(1, "member_id"), "assignment": b"\0\1\2"}],
    }
    return [*joined(draw, group), Step(ApiKey.SYNC_GROUP, version, values), leaving(group, Told(1, "member_id"))]


@script(ApiKey.HEARTBEAT)
def heartbeat(draw: Draw, version: int) -> Script:
    """Of a member, and of nobody."""
    group = draw.group()
    nobody = {"group_id": group, "generation_id": 1, "member_id": draw.choice(["", "nobody"])}
    mine = {"group_id": group, "generation_id": Told(1, "generation_id"), "member_id": Told(1, "member_id")}
    return [
        *joined(draw, group),
        Step(ApiKey.HEARTBEAT, version, mine),
        Step(ApiKey.HEARTBEAT, version, nobody),
        leaving(group, Told(1, "member_id")),
    ]


@script(ApiKey.LEAVE_GROUP)
def leave_group(draw: Draw, version: int) -> Script:
    """A member, and nobody."""
    group = draw.group()
    mine = {
        "group_id": group,
        "member_id": Told(1, "member_id"),
        "members": [{"member_id": Told(1, "member_id")}, {"member_id": "nobody", "group_instance_id": draw.maybe("i")}],
    }
    return [*joined(draw, group), Step(ApiKey.LEAVE_GROUP, version, mine)]


@script(ApiKey.DESCRIBE_GROUPS)
def describe_groups(draw: Draw, version: int) -> Script:
    """Empty ones and one with a member; twice."""
    group = draw.group()
    groups = [draw.group() for _ in range(draw.randint(0, 3))]
    described = Step(
        ApiKey.DESCRIBE_GROUPS, version, {"groups": [group, *groups], "include_authorized_operations": draw.flag()}
    )
    return [*joined(draw, group), described, leaving(group, Told(1, "member_id"))]


@script(ApiKey.LIST_GROUPS)
def list_groups(draw: Draw, version: int) -> Script:
    """All, and some kinds."""
    states = draw.choice([[], [], ["Empty"], ["Stable", "NoSuchState"]])
    types = draw.choice([[], [], ["classic"], ["consumer", "classic"]])
    return one(ApiKey.LIST_GROUPS, version, states_filter=states, types_filter=types)


@script(ApiKey.DELETE_GROUPS)
def delete_groups(draw: Draw, version: int) -> Script:
    """With and without offsets; twice."""
    groups = [draw.group() for _ in range(draw.randint(0, 4))]
    return one(ApiKey.DELETE_GROUPS, version, groups_names=groups)


@script(ApiKey.OFFSET_COMMIT)
def offset_commit(draw: Draw, version: int) -> Script:
    """Without a member, as administrators do, and with one that nobody knows."""
    topics = [
        {
            "name": name,
            "topic_id": TopicId(name),
            "partitions": [
                {
                    "partition_index": index,
                    "committed_offset": draw.choice([0, 1, 5]),
                    "committed_leader_epoch": -1,
                    "committed_metadata": draw.choice(["", "m", None, "x" * 200]),
                }
                for index in draw.partitions()
            ],
        }
        for name in draw.topics()
    ]
    known = draw.random() < 0.85
    return one(
        ApiKey.OFFSET_COMMIT,
        version,
        group_id=draw.group(),
        generation_id_or_member_epoch=-1 if known else 3,
        member_id="" if known else "nobody",
        retention_time_ms=-1,
        topics=topics,
    )


@script(ApiKey.OFFSET_FETCH)
def offset_fetch(draw: Draw, version: int) -> Script:
    """Some, none, all; of several groups."""
    if version < 8:
        return one(ApiKey.OFFSET_FETCH, version, **_offsets(draw, version), require_stable=draw.flag())
    groups = [_offsets(draw, version) for _ in range(draw.randint(0, 3))]
    return one(ApiKey.OFFSET_FETCH, version, groups=groups, require_stable=draw.flag())


def _offsets(draw: Draw, version: int) -> dict[str, Any]:
    topics: Any = [
        {"name": name, "topic_id": TopicId(name), "partition_indexes": draw.partitions()} for name in draw.topics()
    ]
    if version >= 2 and draw.random() < 0.3:
        topics = None
    unknown = version >= 9 and draw.random() < 0.15
    return {
        "group_id": draw.group(),
        "member_id": "nobody" if unknown else None,
        "member_epoch": 1 if unknown else -1,
        "topics": topics,
    }


@script(ApiKey.OFFSET_DELETE)
def offset_delete(draw: Draw, version: int) -> Script:
    """What was committed, and what was not."""
    topics = [
        {"name": name, "partitions": [{"partition_index": index} for index in draw.partitions()]}
        for name in draw.topics()
    ]
    return one(ApiKey.OFFSET_DELETE, version, group_id=draw.group(), topics=topics)


@script(ApiKey.FIND_COORDINATOR)
def find_coordinator(draw: Draw, version: int) -> Script:
    """Of groups, transactions, shares and what there is not."""
    key_type = draw.choice([0, 0, 1, 1, 2, 9]) if version else 0
    keys = [draw.group() if key_type == 0 else draw.transactional_id() for _ in range(draw.randint(0, 4))]
    if key_type == 2 and draw.flag():
        keys = ["g:AAAAAAAAAAAAAAAAAAAABB:0"]
    key = keys[0] if keys else "a"
    return one(ApiKey.FIND_COORDINATOR, version, key=key, key_type=key_type, coordinator_keys=keys)


def beating(draw: Draw, group: str, topics: Any) -> dict[str, Any]:
    """The values of a ConsumerGroupHeartbeat that joins."""
    return {
        "group_id": group,
        "member_id": "member-" + group,
        "member_epoch": 0,
        "rebalance_timeout": SESSION_MS,
        "subscribed_topic_names": topics,
        "server_assignor": draw.maybe("uniform"),
        "topic_partitions": [],
    }


def consumer_group(draw: Draw) -> str:
    """Groups of the consumer protocol keep to names of their own."""
    return draw.choice(["a.consumer", "b.consumer", "ab.consumer", "c.g", ""])


@script(ApiKey.CONSUMER_GROUP_HEARTBEAT)
def consumer_group_heartbeat(draw: Draw, version: int) -> Script:
    """A member that joins, goes on, and leaves."""
    group = consumer_group(draw)
    topics = draw.choice([draw.distinct_topics(most=2), draw.distinct_topics(most=2), draw.topics()])
    joins = beating(draw, group, topics)
    me = {"group_id": group, "member_id": Told(0, "member_id"), "rebalance_timeout": -1}
    goes_on = me | {"member_epoch": Told(0, "member_epoch"), "subscribed_topic_names": None, "topic_partitions": None}
    leaves = goes_on | {"member_epoch": -1}
    return [Step(ApiKey.CONSUMER_GROUP_HEARTBEAT, version, values) for values in (joins, goes_on, leaves)]


@script(ApiKey.CONSUMER_GROUP_HEARTBEAT)
def consumer_group_heartbeat_by_pattern(draw: Draw, version: int) -> Script:
    """Subscribed by a pattern."""
    if version < 1:
        return consumer_group_heartbeat(draw, version)
    group = consumer_group(draw)
    joins = beating(draw, group, None) | {"subscribed_topic_regex": draw.choice(["a.*", "", "(", "zz"])}
    leaves = {"group_id": group, "member_id": "member-" + group, "rebalance_timeout": -1, "member_epoch": -1}
    return [Step(ApiKey.CONSUMER_GROUP_HEARTBEAT, version, values) for values in (joins, leaves)]


@script(ApiKey.CONSUMER_GROUP_DESCRIBE)
def consumer_group_describe(draw: Draw, version: int) -> Script:
    """With a member that the super user would see, and without."""
    group = consumer_group(draw)
    groups = [consumer_group(draw) for _ in range(draw.randint(0, 3))]
    described = {"group_ids": [group, *groups, draw.group()], "include_authorized_operations": draw.flag()}
    leaves = {"group_id": group, "member_id": Told(0, "member_id"), "rebalance_timeout": -1, "member_epoch": -1}
    return [
        Step(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, beating(draw, group, draw.distinct_topics(fewest=1, most=2))),
        Step(ApiKey.CONSUMER_GROUP_DESCRIBE, version, described),
        Step(ApiKey.CONSUMER_GROUP_HEARTBEAT, 1, leaves),
    ]
