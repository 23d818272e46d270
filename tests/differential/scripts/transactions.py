"""Producer ids and transactions."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.scripts.data import init_values
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script, Step, Told

ME: dict[str, Any] = {"producer_id": Told(0, "producer_id"), "producer_epoch": Told(0, "producer_epoch")}


@script(ApiKey.INIT_PRODUCER_ID)
def init_producer_id(draw: Draw, version: int) -> Script:
    """With and without a transactional id; some half filled in."""
    values = init_values(draw.choice([None, draw.transactional_id(), draw.transactional_id(), ""]))
    if draw.random() < 0.1:
        values |= {"producer_id": 5}
    two_phases = version >= 6 and draw.random() < 0.3
    return one(ApiKey.INIT_PRODUCER_ID, version, **values, enable2_pc=two_phases, keep_prepared_txn=False)


def _began(transactional_id: str) -> Step:
    return Step(ApiKey.INIT_PRODUCER_ID, 4, init_values(transactional_id))


@script(ApiKey.ADD_PARTITIONS_TO_TXN)
def add_partitions_to_txn(draw: Draw, version: int) -> Script:
    """All or nothing."""
    mine = draw.transactional_id()
    topics = [
        {"name": name, "partitions": draw.distinct_partitions()} for name in draw.distinct_topics(fewest=1, most=4)
    ]
    values = {
        "v3_and_below_transactional_id": mine,
        "v3_and_below_producer_id": Told(0, "producer_id"),
        "v3_and_below_producer_epoch": Told(0, "producer_epoch"),
        "v3_and_below_topics": topics,
        "transactions": [{"transactional_id": mine, **ME, "verify_only": True, "topics": topics}],
    }
    return [_began(mine), Step(ApiKey.ADD_PARTITIONS_TO_TXN, version, values), _ended(mine)]


def _ended(transactional_id: str, *, committed: bool = False) -> Step:
    return Step(ApiKey.END_TXN, 3, {"transactional_id": transactional_id, **ME, "committed": committed})


@script(ApiKey.ADD_OFFSETS_TO_TXN)
def add_offsets_to_txn(draw: Draw, version: int) -> Script:
    """A group joins the transaction."""
    mine = draw.transactional_id()
    values = {"transactional_id": mine, **ME, "group_id": draw.group()}
    return [_began(mine), Step(ApiKey.ADD_OFFSETS_TO_TXN, version, values), _ended(mine)]


@script(ApiKey.END_TXN)
def end_txn(draw: Draw, version: int) -> Script:
    """One that began, and one that did not."""
    mine = draw.transactional_id()
    added = {
        "v3_and_below_transactional_id": mine,
        "v3_and_below_producer_id": Told(0, "producer_id"),
        "v3_and_below_producer_epoch": Told(0, "producer_epoch"),
        "v3_and_below_topics": [{"name": name, "partitions": [0]} for name in draw.distinct_topics(most=2)],
    }
    values = {"transactional_id": mine, **ME, "committed": draw.flag()}
    steps = [Step(ApiKey.ADD_PARTITIONS_TO_TXN, 3, added)] if draw.flag() else []
    return [_began(mine), *steps, Step(ApiKey.END_TXN, version, values)]


@script(ApiKey.TXN_OFFSET_COMMIT)
def txn_offset_commit(draw: Draw, version: int) -> Script:
    """Some topics, some missing, of groups that joined."""
    mine, group = draw.transactional_id(), draw.group()
    topics = [
        {
            "name": name,
            "partitions": [
                {
                    "partition_index": index,
                    "committed_offset": 1,
                    "committed_leader_epoch": -1,
                    "committed_metadata": draw.maybe("m"),
                }
                for index in draw.partitions()
            ],
        }
        for name in draw.topics()
    ]
    values = {"transactional_id": mine, **ME, "group_id": group, "generation_id": -1, "topics": topics}
    return [
        _began(mine),
        Step(ApiKey.ADD_OFFSETS_TO_TXN, 3, {"transactional_id": mine, **ME, "group_id": group}),
        Step(ApiKey.TXN_OFFSET_COMMIT, version, values),
        _ended(mine, committed=draw.flag()),
    ]


@script(ApiKey.DESCRIBE_TRANSACTIONS)
def describe_transactions(draw: Draw, version: int) -> Script:
    """One with topics in it, others; twice."""
    mine = draw.transactional_id()
    added = {
        "v3_and_below_transactional_id": mine,
        "v3_and_below_producer_id": Told(0, "producer_id"),
        "v3_and_below_producer_epoch": Told(0, "producer_epoch"),
        "v3_and_below_topics": [{"name": name, "partitions": [0]} for name in draw.distinct_topics(most=2)],
    }
    ids = [mine, *(draw.choice([draw.transactional_id(), "zz", ""]) for _ in range(draw.randint(0, 3)))]
    return [
        _began(mine),
        Step(ApiKey.ADD_PARTITIONS_TO_TXN, 3, added),
        Step(ApiKey.DESCRIBE_TRANSACTIONS, version, {"transactional_ids": ids}),
        _ended(mine),
    ]


@script(ApiKey.LIST_TRANSACTIONS)
def list_transactions(draw: Draw, version: int) -> Script:
    """All, and by state, time and pattern."""
    return one(
        ApiKey.LIST_TRANSACTIONS,
        version,
        state_filters=draw.choice([[], [], ["Empty"], ["Empty", "NoSuchState"]]),
        producer_id_filters=[],
        duration_filter=-1,
        transactional_id_pattern=draw.choice([None, None, "a.*", "("]),
    )


@script(ApiKey.WRITE_TXN_MARKERS)
def write_txn_markers(draw: Draw, version: int) -> Script:
    """Of producers that there are not."""
    markers = [
        {
            "producer_id": 900 + number,
            "producer_epoch": 0,
            "transaction_result": False,
            "topics": [
                {"name": name, "partition_indexes": draw.distinct_partitions()}
                for name in draw.distinct_topics(most=3)
                if name[:2] != "__"
            ],
            "coordinator_epoch": 0,
        }
        for number in range(draw.randint(1, 2))
    ]
    return one(ApiKey.WRITE_TXN_MARKERS, version, markers=markers)
