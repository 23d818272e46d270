"""The cluster itself: brokers, logs, leaders, features, the quorum."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script

TIMEOUT_MS = 10_000


@script(ApiKey.DESCRIBE_CLUSTER)
def describe_cluster(draw: Draw, version: int) -> Script:
    """Of brokers, of controllers, of what there is not."""
    return one(
        ApiKey.DESCRIBE_CLUSTER,
        version,
        include_cluster_authorized_operations=draw.flag(),
        endpoint_type=draw.choice([1, 1, 1, 2, 9]),
        include_fenced_brokers=draw.flag(),
    )


def _named(draw: Draw, field: str, partitions: str) -> list[dict[str, Any]]:
    return [{field: name, partitions: draw.distinct_partitions()} for name in draw.distinct_topics(odd=True)]


@script(ApiKey.ALTER_REPLICA_LOG_DIRS)
def alter_replica_log_dirs(draw: Draw, version: int) -> Script:
    """To where there is no directory."""
    dirs = [{"path": draw.choice(["/nowhere", "relative"]), "topics": _named(draw, "name", "partitions")}]
    return one(ApiKey.ALTER_REPLICA_LOG_DIRS, version, dirs=dirs)


@script(ApiKey.DESCRIBE_LOG_DIRS)
def describe_log_dirs(draw: Draw, version: int) -> Script:
    """Some and all."""
    topics = draw.choice([None, _named(draw, "topic", "partitions")])
    return one(ApiKey.DESCRIBE_LOG_DIRS, version, topics=topics)


@script(ApiKey.ELECT_LEADERS, settles=True)
def elect_leaders(draw: Draw, version: int) -> Script:
    """Some and all, of each kind."""
    topics = draw.choice([None, _named(draw, "topic", "partitions"), _named(draw, "topic", "partitions")])
    kind = draw.choice([0, 0, 1, 9] if draw.random() < 0.2 else [0])
    return one(ApiKey.ELECT_LEADERS, version, election_type=kind, topic_partitions=topics, timeout=TIMEOUT_MS)


@script(ApiKey.ALTER_PARTITION_REASSIGNMENTS, settles=True)
def alter_partition_reassignments(draw: Draw, version: int) -> Script:
    """To where they are, to where nobody is, and not at all."""
    topics = [
        {
            "name": name,
            "partitions": [
                {"partition_index": index, "replicas": draw.choice([[1], [9], None, []])}
                for index in draw.distinct_partitions()
            ],
        }
        for name in draw.distinct_topics()
    ]
    return one(
        ApiKey.ALTER_PARTITION_REASSIGNMENTS,
        version,
        timeout=TIMEOUT_MS,
        allow_replication_factor_change=draw.flag(),
        topics=topics,
    )


@script(ApiKey.LIST_PARTITION_REASSIGNMENTS)
def list_partition_reassignments(draw: Draw, version: int) -> Script:
    """Some and all."""
    topics = draw.choice([None, _named(draw, "name", "partition_indexes")])
    return one(ApiKey.LIST_PARTITION_REASSIGNMENTS, version, timeout=TIMEOUT_MS, topics=topics)


@script(ApiKey.DESCRIBE_QUORUM)
def describe_quorum(draw: Draw, version: int) -> Script:
    """The one that there is, and others."""
    name = draw.choice(["__cluster_metadata", "__cluster_metadata", "a"])
    partitions = [{"partition_index": draw.choice([0, 0, 1])}]
    topics = draw.choice([[{"topic_name": name, "partitions": partitions}]] * 4 + [[]])
    return one(ApiKey.DESCRIBE_QUORUM, version, topics=topics)


@script(ApiKey.UPDATE_FEATURES, settles=True)
def update_features(draw: Draw, version: int) -> Script:
    """Nothing that changes anything."""
    updates = [
        {"feature": feature, "max_version_level": level, "upgrade_type": draw.choice([1, 2])}
        for feature, level in draw.choice(
            [[("share.version", 1)], [("no.such.feature", 1)], [], [("group.version", 99)]]
        )
    ]
    return one(ApiKey.UPDATE_FEATURES, version, timeout=TIMEOUT_MS, feature_updates=updates, validate_only=draw.flag())


@script(ApiKey.UNREGISTER_BROKER, settles=True)
def unregister_broker(draw: Draw, version: int) -> Script:
    """One that there is not."""
    return one(ApiKey.UNREGISTER_BROKER, version, broker_id=draw.choice([77, -1]))


@script(ApiKey.ADD_RAFT_VOTER)
def add_raft_voter(draw: Draw, version: int) -> Script:
    """To a quorum that does not take any."""
    listeners = [{"name": "CONTROLLER", "host": "nowhere", "port": 1}]
    cluster_id = draw.maybe(None, "another")
    return one(ApiKey.ADD_RAFT_VOTER, version, cluster_id=cluster_id, timeout=1000, voter_id=7, listeners=listeners)


@script(ApiKey.REMOVE_RAFT_VOTER)
def remove_raft_voter(draw: Draw, version: int) -> Script:
    """One that there is not."""
    return one(ApiKey.REMOVE_RAFT_VOTER, version, cluster_id=draw.maybe(None, "another"), voter_id=7)


@script(ApiKey.DESCRIBE_CLIENT_QUOTAS)
def describe_client_quotas(draw: Draw, version: int) -> Script:
    """All, some, and what there is not."""
    component = {
        "entity_type": draw.choice(["user", "client-id", "ip", "planet"]),
        "match_type": draw.choice([0, 1, 2, 9] if draw.random() < 0.3 else [0, 1, 2]),
        "match": draw.maybe("somebody"),
    }
    return one(ApiKey.DESCRIBE_CLIENT_QUOTAS, version, components=draw.choice([[], [component]]), strict=draw.flag())


@script(ApiKey.ALTER_CLIENT_QUOTAS, settles=True)
def alter_client_quotas(draw: Draw, version: int) -> Script:
    """Set and removed; some that cannot be."""
    entries = [
        {
            "entity": [
                {
                    "entity_type": draw.choice(["client-id", "client-id", "planet"]),
                    "entity_name": draw.maybe("somebody"),
                }
            ],
            "ops": [
                {
                    "key": draw.choice(["producer_byte_rate", "producer_byte_rate", "no_such_rate"]),
                    "value": 1e9,
                    "remove": draw.flag(),
                }
            ],
        }
        for _ in range(draw.randint(0, 2))
    ]
    return one(ApiKey.ALTER_CLIENT_QUOTAS, version, entries=entries, validate_only=draw.flag())
