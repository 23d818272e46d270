"""Answers on their way to a client: no address in them is a real one."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.apis import ApiKey, known_versions, response_type
from protocol.splice import Message, decode_response, encode_response
from proxy.addressing.advertised import PortPerBroker
from proxy.addressing.rewrite import Rewriter
from proxy.addressing.topology import Topology
from tests.integration.wire import fill

REAL = "10.9.9.9"


def rewritten(api_key: ApiKey, version: int, values: dict[str, Any]) -> Any:
    """An answer of these values as a client reads it."""
    rewriter = Rewriter(Topology([(REAL, 9092)]), PortPerBroker("door", 9101, range(1, 10)), lambda _node: None)
    frame = encode_response(api_key, version, 5, fill(response_type(api_key, version), values))
    edit = rewriter.edit_for(api_key, version)
    if edit is not None:
        message = Message.response(api_key, version, frame)
        edit(message)
        frame = b"".join(message.frame_pieces())
    assert REAL.encode() not in frame
    return decode_response(api_key, version, frame)[1]


@pytest.mark.parametrize("version", known_versions(ApiKey.DESCRIBE_QUORUM))
def test_the_quorum_has_its_voters_but_not_their_listeners(version: int) -> None:
    voters = [{"replica_id": 1, "log_end_offset": 7}, {"replica_id": 2, "log_end_offset": 6}]
    partition = {"partition_index": 0, "leader_id": 1, "high_watermark": 6, "current_voters": voters}
    answer = rewritten(
        ApiKey.DESCRIBE_QUORUM,
        version,
        {
            "topics": [{"topic_name": "__cluster_metadata", "partitions": [partition]}],
            "nodes": [
                {"node_id": 1, "listeners": [{"name": "CONTROLLER", "host": REAL, "port": 9093}]},
                {"node_id": 2, "listeners": []},
            ],
        },
    )
    (told,) = answer.topics[0].partitions
    assert [voter.replica_id for voter in told.current_voters] == [1, 2]
    if version >= 2:
        assert [(node.node_id, node.listeners) for node in answer.nodes] == [(1, ()), (2, ())]


SETTINGS = [
    "advertised.host.name",
    "advertised.listeners",
    "advertised.port",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.voters",
    "host.name",
    "listener.name.internal.advertised.listeners",
    "listeners",
    "port",
    "zookeeper.connect",
]


@pytest.mark.parametrize("version", known_versions(ApiKey.DESCRIBE_CONFIGS))
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_is_an_address_has_no_value_nor_have_its_synonyms(version: int, name: str) -> None:
    settings = [
        {"name": name, "value": f"PLAINTEXT://{REAL}:9092", "synonyms": [{"name": name, "value": REAL, "source": 4}]},
        {"name": "log.dirs", "value": "/logs", "synonyms": [{"name": "log.dir", "value": "/logs", "source": 4}]},
    ]
    answer = rewritten(
        ApiKey.DESCRIBE_CONFIGS,
        version,
        {"results": [{"resource_type": 4, "resource_name": "1", "configs": settings}]},
    )
    told, other = answer.results[0].configs
    assert (told.name, told.value, told.is_sensitive) == (name, None, True)
    assert (other.value, other.is_sensitive) == ("/logs", False)
    if version >= 1:
        assert [(synonym.name, synonym.value) for synonym in told.synonyms] == [(name, None)]
        assert [synonym.value for synonym in other.synonyms] == ["/logs"]
