"""Records and their offsets: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DescribeProducers."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.names import PARTITIONS
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Records, Script, Step, Told, TopicId

TIMEOUT_MS = 10_000
FULL = {"replica_id": -1, "max_wait": 0, "min_bytes": 0, "max_bytes": 1 << 20, "session_id": 0, "session_epoch": -1}


def _produced(names: list[str], records: Any, draw: Draw) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "topic_id": TopicId(name),
            "partition_data": [{"index": index, "records": records} for index in draw.distinct_partitions()],
        }
        for name in names
    ]


@script(ApiKey.PRODUCE)
def produce(draw: Draw, version: int) -> Script:
    """Plain records; some with acks=0, some that cannot be read."""
    records: Any = Records()
    if draw.random() < 0.1:
        records = b"no record batch at all, though long enough to be looked at as if it were one: sixty bytes"
    return one(
        ApiKey.PRODUCE,
        version,
        transactional_id=draw.maybe(draw.transactional_id(), chance=0.2),
        acks=draw.choice([-1, -1, 1, 0]),
        timeout=TIMEOUT_MS,
        topic_data=_produced(draw.distinct_topics(odd=True), records, draw),
    )


@script(ApiKey.PRODUCE)
def produce_transactionally(draw: Draw, version: int) -> Script:
    """The flag stands in the batch; the transactional id may be missing or another."""
    mine = draw.transactional_id()
    batch = Records(transactional=True, producer_id=Told(0, "producer_id"), epoch=Told(0, "producer_epoch"), sequence=0)
    topic_data = _produced(draw.distinct_topics(fewest=1), batch, draw)
    return [
        Step(ApiKey.INIT_PRODUCER_ID, 4, init_values(mine)),
        Step(
            ApiKey.PRODUCE,
            version,
            {
                "transactional_id": draw.choice([mine, mine, None, draw.transactional_id()]),
                "acks": draw.choice([-1, -1, 0]),
                "timeout": TIMEOUT_MS,
                "topic_data": topic_data,
            },
        ),
    ]


def init_values(transactional_id: str | None) -> dict[str, Any]:
    """The values of an InitProducerId that begins anew."""
    return {
        "transactional_id": transactional_id,
        "transaction_timeout": 600_000,
        "producer_id": -1,
        "producer_epoch": -1,
    }


def fetched(names: list[str], draw: Draw, *, all_ids: bool = True) -> list[dict[str, Any]]:
    """The topics of a Fetch."""
    return [
        {
            "topic": name,
            "topic_id": TopicId(name),
            "partitions": [
                {
                    "partition": index,
                    "current_leader_epoch": -1,
                    "fetch_offset": draw.choice([0, 0, 1, 99_999]),
                    "last_fetched_epoch": -1,
                    "log_start_offset": -1,
                    "partition_max_bytes": 1 << 20,
                }
                for index in draw.distinct_partitions()
            ],
        }
        for name in names
        if all_ids or name in PARTITIONS
    ]


@script(ApiKey.FETCH)
def fetch(draw: Draw, version: int) -> Script:
    """Without a fetch session."""
    values = FULL | {"topics": fetched(draw.distinct_topics(), draw), "isolation_level": draw.choice([0, 1])}
    return one(ApiKey.FETCH, version, **values)


@script(ApiKey.FETCH)
def fetch_in_a_session(draw: Draw, version: int) -> Script:
    """Opened, gone on with, with additions and forgotten topics, and closed."""
    if version < 7:
        return fetch(draw, version)
    names = draw.distinct_topics(fewest=1)
    mine = {"session_id": Told(0, "session_id")}
    forgotten = [{"topic": name, "topic_id": TopicId(name), "partitions": [0]} for name in names[:1]]
    more = FULL | mine | {"topics": [], "session_epoch": 1}
    added = FULL | mine | {"topics": fetched(draw.distinct_topics(), draw), "session_epoch": 2}
    less = FULL | mine | {"topics": [], "session_epoch": 3, "forgotten_topics_data": forgotten}
    last = FULL | mine | {"topics": fetched(names, draw), "session_epoch": -1}
    values = [FULL | {"topics": fetched(names, draw), "session_epoch": 0}, more, added, less, more, last]
    return [Step(ApiKey.FETCH, version, each) for each in values]


@script(ApiKey.FETCH)
def fetch_in_a_session_that_there_is_not(draw: Draw, version: int) -> Script:
    """Its error comes before all rights."""
    epoch = draw.choice([1, 5])
    values = FULL | {"topics": fetched(draw.distinct_topics(), draw), "session_id": 99, "session_epoch": epoch}
    return one(ApiKey.FETCH, version, **values)


@script(ApiKey.FETCH)
def fetch_as_a_replica(draw: Draw, version: int) -> Script:
    """In the request, or hidden in a tagged field."""
    replica = {"replica_id": 9, "replica_state": {"replica_id": 9, "replica_epoch": 1}}
    return one(ApiKey.FETCH, version, **(FULL | replica | {"topics": fetched(draw.distinct_topics(fewest=1), draw)}))


@script(ApiKey.LIST_OFFSETS)
def list_offsets(draw: Draw, version: int) -> Script:
    """First, last, by time; twice."""
    topics = [
        {
            "name": name,
            "partitions": [
                {
                    "partition_index": index,
                    "current_leader_epoch": -1,
                    "timestamp": draw.choice([-1, -2, 0, -3, -4]),
                    "max_num_offsets": 1,
                }
                for index in draw.partitions()
            ],
        }
        for name in draw.topics()
    ]
    isolation = draw.choice([0, 1])
    return one(
        ApiKey.LIST_OFFSETS, version, replica_id=-1, isolation_level=isolation, topics=topics, timeout=TIMEOUT_MS
    )


@script(ApiKey.OFFSET_FOR_LEADER_EPOCH)
def offset_for_leader_epoch(draw: Draw, version: int) -> Script:
    """Of the first epoch and of one that has not been."""
    topics = [
        {
            "topic": name,
            "partitions": [
                {"partition": index, "current_leader_epoch": -1, "leader_epoch": draw.choice([0, 0, 5])}
                for index in draw.distinct_partitions()
            ],
        }
        for name in draw.distinct_topics()
    ]
    return one(ApiKey.OFFSET_FOR_LEADER_EPOCH, version, replica_id=draw.choice([-1, -2]), topics=topics)


@script(ApiKey.DESCRIBE_PRODUCERS)
def describe_producers(draw: Draw, version: int) -> Script:
    """Twice, too, and of names that cannot be."""
    topics = [{"name": name, "partition_indexes": draw.partitions()} for name in draw.topics(odd=True)]
    return one(ApiKey.DESCRIBE_PRODUCERS, version, topics=topics)
