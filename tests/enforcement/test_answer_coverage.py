"""Every field of an answer that names something guarded, or an address, is accounted for: why may the client see it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args, get_origin

import pytest
from kio.schema import types

from protocol.apis import ApiKey, response_type
from proxy.enforcement.table import TABLE

REPEATED: Final = "it repeats what the client itself has named"
FILTERED: Final = "what the client may not know of is taken out"
REWRITTEN: Final = "an advertised address, never a real one"
BLANKED: Final = "taken out, or only for those who may see it"
ASSIGNED: Final = "topics that the client may describe, by id: all that it subscribed to were judged"
OWN: Final = "made here; the broker is not asked"
CLUSTER: Final = "only for those with the right on the cluster, who may see it whole"
CLIENTS: Final = "an address of clients, which Kafka shows to those who may describe the group"
NOT_SECRET: Final = "no resource: the words of Kafka itself"
REFUSED: Final = "refused for all"
RACK: Final = "the name of a place, no address"

SEEN: Final[dict[ApiKey, dict[str, str]]] = {
    ApiKey.PRODUCE: {
        "responses.name": REPEATED,
        "responses.topic_id": REPEATED,
        "node_endpoints.host": REWRITTEN,
        "node_endpoints.port": REWRITTEN,
        "node_endpoints.rack": RACK,
    },
    ApiKey.FETCH: {
        "responses.topic": REPEATED,
        "responses.topic_id": REPEATED,
        "node_endpoints.host": REWRITTEN,
        "node_endpoints.port": REWRITTEN,
        "node_endpoints.rack": RACK,
    },
    ApiKey.LIST_OFFSETS: {"topics.name": REPEATED},
    ApiKey.METADATA: {
        "brokers.host": REWRITTEN,
        "brokers.port": REWRITTEN,
        "brokers.rack": RACK,
        "topics.name": FILTERED,
        "topics.topic_id": FILTERED,
    },
    ApiKey.OFFSET_COMMIT: {"topics.name": REPEATED, "topics.topic_id": REPEATED},
    ApiKey.OFFSET_FETCH: {
        "topics.name": FILTERED,
        "groups.group_id": REPEATED,
        "groups.topics.name": FILTERED,
        "groups.topics.topic_id": FILTERED,
    },
    ApiKey.FIND_COORDINATOR: {
        "host": REWRITTEN,
        "port": REWRITTEN,
        "coordinators.key": REPEATED,
        "coordinators.host": REWRITTEN,
        "coordinators.port": REWRITTEN,
    },
    ApiKey.DESCRIBE_GROUPS: {"groups.group_id": REPEATED, "groups.members.client_host": CLIENTS},
    ApiKey.LIST_GROUPS: {"groups.group_id": FILTERED},
    ApiKey.API_VERSIONS: {"supported_features.name": NOT_SECRET, "finalized_features.name": NOT_SECRET},
    ApiKey.CREATE_TOPICS: {
        "topics.name": REPEATED,
        "topics.topic_id": "the id of a topic that the client has just created",
        "topics.configs.name": BLANKED,
    },
    ApiKey.DELETE_TOPICS: {"responses.name": FILTERED, "responses.topic_id": REPEATED},
    ApiKey.DELETE_RECORDS: {"topics.name": REPEATED},
    ApiKey.OFFSET_FOR_LEADER_EPOCH: {"topics.topic": REPEATED},
    ApiKey.ADD_PARTITIONS_TO_TXN: {
        "results_by_topic_v3_and_below.name": REPEATED,
        "results_by_transaction.transactional_id": REFUSED,
        "results_by_transaction.topic_results.name": REFUSED,
    },
    ApiKey.WRITE_TXN_MARKERS: {"markers.topics.name": REPEATED},
    ApiKey.TXN_OFFSET_COMMIT: {"topics.name": REPEATED},
    ApiKey.DESCRIBE_ACLS: {"resources.resource_name": OWN, "resources.acls.host": OWN},
    ApiKey.DELETE_ACLS: {
        "filter_results.matching_acls.resource_name": OWN,
        "filter_results.matching_acls.host": OWN,
    },
    ApiKey.DESCRIBE_CONFIGS: {
        "results.resource_name": REPEATED,
        "results.configs.name": NOT_SECRET,
        "results.configs.synonyms.name": NOT_SECRET,
    },
    ApiKey.ALTER_CONFIGS: {"responses.resource_name": REPEATED},
    ApiKey.ALTER_REPLICA_LOG_DIRS: {"results.topic_name": REPEATED},
    ApiKey.DESCRIBE_LOG_DIRS: {"results.topics.name": CLUSTER},
    ApiKey.CREATE_PARTITIONS: {"results.name": REPEATED},
    ApiKey.CREATE_DELEGATION_TOKEN: {"principal_name": OWN, "token_id": OWN},
    ApiKey.DESCRIBE_DELEGATION_TOKEN: {
        "tokens.principal_name": OWN,
        "tokens.token_id": OWN,
        "tokens.renewers.principal_name": OWN,
    },
    ApiKey.DELETE_GROUPS: {"results.group_id": REPEATED},
    ApiKey.ELECT_LEADERS: {"replica_election_results.topic": CLUSTER},
    ApiKey.INCREMENTAL_ALTER_CONFIGS: {"responses.resource_name": REPEATED},
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: {"responses.name": REPEATED},
    ApiKey.LIST_PARTITION_REASSIGNMENTS: {"topics.name": CLUSTER},
    ApiKey.OFFSET_DELETE: {"topics.name": REPEATED},
    ApiKey.DESCRIBE_CLIENT_QUOTAS: {"entries.values.key": NOT_SECRET},
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: {"results.user": OWN},
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: {"results.user": OWN},
    ApiKey.DESCRIBE_QUORUM: {
        "topics.topic_name": REPEATED,
        "nodes.listeners.name": BLANKED,
        "nodes.listeners.host": BLANKED,
        "nodes.listeners.port": BLANKED,
    },
    ApiKey.DESCRIBE_CLUSTER: {"brokers.host": REWRITTEN, "brokers.port": REWRITTEN, "brokers.rack": RACK},
    ApiKey.DESCRIBE_PRODUCERS: {"topics.name": REPEATED},
    ApiKey.DESCRIBE_TRANSACTIONS: {
        "transaction_states.transactional_id": REPEATED,
        "transaction_states.topics.topic": FILTERED,
    },
    ApiKey.LIST_TRANSACTIONS: {"transaction_states.transactional_id": FILTERED},
    ApiKey.CONSUMER_GROUP_HEARTBEAT: {"assignment.topic_partitions.topic_id": ASSIGNED},
    ApiKey.CONSUMER_GROUP_DESCRIBE: {
        "groups.group_id": REPEATED,
        "groups.members.client_host": CLIENTS,
        "groups.members.subscribed_topic_names": "Kafka shows it to those who may describe the group",
        "groups.members.subscribed_topic_regex": "Kafka shows it to those who may describe the group",
        **{
            f"groups.members.{which}.topic_partitions.{name}": FILTERED
            for which in ("assignment", "target_assignment")
            for name in ("topic_id", "topic_name")
        },
    },
    ApiKey.LIST_CONFIG_RESOURCES: {"config_resources.resource_name": CLUSTER},
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: {
        "topics.name": FILTERED,
        "topics.topic_id": FILTERED,
        "next_cursor.topic_name": FILTERED,
    },
    ApiKey.SHARE_GROUP_HEARTBEAT: {"assignment.topic_partitions.topic_id": ASSIGNED},
    ApiKey.SHARE_GROUP_DESCRIBE: {
        "groups.group_id": REPEATED,
        "groups.members.client_host": CLIENTS,
        "groups.members.subscribed_topic_names": "Kafka shows it to those who may describe the group",
        "groups.members.assignment.topic_partitions.topic_id": FILTERED,
        "groups.members.assignment.topic_partitions.topic_name": FILTERED,
    },
    ApiKey.SHARE_FETCH: {
        "responses.topic_id": REPEATED,
        "node_endpoints.host": REWRITTEN,
        "node_endpoints.port": REWRITTEN,
        "node_endpoints.rack": RACK,
    },
    ApiKey.SHARE_ACKNOWLEDGE: {
        "responses.topic_id": REPEATED,
        "node_endpoints.host": REWRITTEN,
        "node_endpoints.port": REWRITTEN,
        "node_endpoints.rack": RACK,
    },
    **{
        key: {"results.topic_id": REFUSED}
        for key in (
            ApiKey.INITIALIZE_SHARE_GROUP_STATE,
            ApiKey.READ_SHARE_GROUP_STATE,
            ApiKey.WRITE_SHARE_GROUP_STATE,
            ApiKey.DELETE_SHARE_GROUP_STATE,
            ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
        )
    },
    ApiKey.STREAMS_GROUP_HEARTBEAT: {
        "partitions_by_user_endpoint.active_partitions.topic": "topics of the topology, which were judged",
        "partitions_by_user_endpoint.standby_partitions.topic": "topics of the topology, which were judged",
        "partitions_by_user_endpoint.user_endpoint.host": CLIENTS,
        "partitions_by_user_endpoint.user_endpoint.port": CLIENTS,
    },
    ApiKey.STREAMS_GROUP_DESCRIBE: {
        "groups.group_id": REPEATED,
        "groups.members.client_host": CLIENTS,
        "groups.members.client_tags.key": NOT_SECRET,
        "groups.members.user_endpoint.host": CLIENTS,
        "groups.members.user_endpoint.port": CLIENTS,
        **{
            f"groups.topology.subtopologies.{name}": FILTERED
            for name in (
                "source_topics",
                "repartition_sink_topics",
                "repartition_source_topics.name",
                "state_changelog_topics.name",
            )
        },
        "groups.topology.subtopologies.repartition_source_topics.topic_configs.key": NOT_SECRET,
        "groups.topology.subtopologies.state_changelog_topics.topic_configs.key": NOT_SECRET,
    },
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: {
        "groups.group_id": REPEATED,
        "groups.topics.topic_id": FILTERED,
        "groups.topics.topic_name": FILTERED,
    },
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: {"responses.topic_id": REPEATED, "responses.topic_name": REPEATED},
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: {"responses.topic_id": REPEATED, "responses.topic_name": REPEATED},
}

_TYPES: Final = {types.TopicName, types.GroupId, types.TransactionalId}
_WORDS: Final = ("topic", "topics", "topic_id", "group_id", "transactional_id", "regex", "host", "port", "rack", "user")
_NAMES: Final = {"name", "key", "resource_name", "principal_name", "token_id"}


def telling(entity_type: type[Any], path: str = "") -> Iterator[str]:
    """The paths of the fields whose type or name says that they name something, or where something is."""
    for field in fields(entity_type):
        inner = field.type
        while get_origin(inner) is not None:
            inner = next(argument for argument in get_args(inner) if argument not in (type(None), ...))
        here = f"{path}{field.name}"
        if is_dataclass(inner):
            yield from telling(inner, f"{here}.")  # type: ignore[arg-type]
        elif inner in _TYPES or field.name in _NAMES or field.name.endswith(_WORDS):
            yield here


@pytest.mark.parametrize("api_key", TABLE)
def test_what_an_answer_names_is_accounted_for(api_key: ApiKey) -> None:
    found = {path for version in TABLE[api_key].versions for path in telling(response_type(api_key, version))}
    assert found == SEEN.get(api_key, {}).keys()
