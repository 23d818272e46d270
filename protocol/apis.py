"""The API keys of Kafka, their names, and the schemas that we hold for their versions."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from kio.index import load_request_schema, load_response_schema
from kio.schema.index import api_key_map, schema_name_map
from kio.static.protocol import RequestPayload, ResponsePayload

from protocol.errors import UnsupportedApi
from protocol.legacy.index import LEGACY_VERSIONS, legacy_types
from protocol.memo import memo
from protocol.schemas import REQUEST_TIMES, RESPONSE_TIMES, with_plain_times


class ApiKey(IntEnum):
    """Kafka's ``ApiKeys``; the value is what stands in the request header."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    LEADER_AND_ISR = 4
    STOP_REPLICA = 5
    UPDATE_METADATA = 6
    CONTROLLED_SHUTDOWN = 7
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    DESCRIBE_GROUPS = 15
    LIST_GROUPS = 16
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    CREATE_TOPICS = 19
    DELETE_TOPICS = 20
    DELETE_RECORDS = 21
    INIT_PRODUCER_ID = 22
    OFFSET_FOR_LEADER_EPOCH = 23
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    WRITE_TXN_MARKERS = 27
    TXN_OFFSET_COMMIT = 28
    DESCRIBE_ACLS = 29
    CREATE_ACLS = 30
    DELETE_ACLS = 31
    DESCRIBE_CONFIGS = 32
    ALTER_CONFIGS = 33
    ALTER_REPLICA_LOG_DIRS = 34
    DESCRIBE_LOG_DIRS = 35
    SASL_AUTHENTICATE = 36
    CREATE_PARTITIONS = 37
    CREATE_DELEGATION_TOKEN = 38
    RENEW_DELEGATION_TOKEN = 39
    EXPIRE_DELEGATION_TOKEN = 40
    DESCRIBE_DELEGATION_TOKEN = 41
    DELETE_GROUPS = 42
    ELECT_LEADERS = 43
    INCREMENTAL_ALTER_CONFIGS = 44
    ALTER_PARTITION_REASSIGNMENTS = 45
    LIST_PARTITION_REASSIGNMENTS = 46
    OFFSET_DELETE = 47
    DESCRIBE_CLIENT_QUOTAS = 48
    ALTER_CLIENT_QUOTAS = 49
    DESCRIBE_USER_SCRAM_CREDENTIALS = 50
    ALTER_USER_SCRAM_CREDENTIALS = 51
    VOTE = 52
    BEGIN_QUORUM_EPOCH = 53
    END_QUORUM_EPOCH = 54
    DESCRIBE_QUORUM = 55
    ALTER_PARTITION = 56
    UPDATE_FEATURES = 57
    ENVELOPE = 58
    FETCH_SNAPSHOT = 59
    DESCRIBE_CLUSTER = 60
    DESCRIBE_PRODUCERS = 61
    BROKER_REGISTRATION = 62
    BROKER_HEARTBEAT = 63
    UNREGISTER_BROKER = 64
    DESCRIBE_TRANSACTIONS = 65
    LIST_TRANSACTIONS = 66
    ALLOCATE_PRODUCER_IDS = 67
    CONSUMER_GROUP_HEARTBEAT = 68
    CONSUMER_GROUP_DESCRIBE = 69
    CONTROLLER_REGISTRATION = 70
    GET_TELEMETRY_SUBSCRIPTIONS = 71
    PUSH_TELEMETRY = 72
    ASSIGN_REPLICAS_TO_DIRS = 73
    LIST_CONFIG_RESOURCES = 74
    DESCRIBE_TOPIC_PARTITIONS = 75
    SHARE_GROUP_HEARTBEAT = 76
    SHARE_GROUP_DESCRIBE = 77
    SHARE_FETCH = 78
    SHARE_ACKNOWLEDGE = 79
    ADD_RAFT_VOTER = 80
    REMOVE_RAFT_VOTER = 81
    UPDATE_RAFT_VOTER = 82
    INITIALIZE_SHARE_GROUP_STATE = 83
    READ_SHARE_GROUP_STATE = 84
    WRITE_SHARE_GROUP_STATE = 85
    DELETE_SHARE_GROUP_STATE = 86
    READ_SHARE_GROUP_STATE_SUMMARY = 87
    STREAMS_GROUP_HEARTBEAT = 88
    STREAMS_GROUP_DESCRIBE = 89
    DESCRIBE_SHARE_GROUP_OFFSETS = 90
    ALTER_SHARE_GROUP_OFFSETS = 91
    DELETE_SHARE_GROUP_OFFSETS = 92

    @property
    def label(self) -> str:
        """Kafka's own spelling, as in its logs: ``OffsetCommit``."""
        return _LABELS[self]


_LABELS: Final[dict[ApiKey, str]] = {key: "".join(word.capitalize() for word in key.name.split("_")) for key in ApiKey}


def api_label(api_key: int) -> str:
    """The name of an API for people; a key that Kafka does not have is shown as its number."""
    label = _LABELS.get(api_key)  # type: ignore[call-overload]
    return label if label is not None else f"ApiKey({api_key})"


@memo
def known_versions(api_key: int) -> range:
    """The versions of an API that we hold schemas for; empty for an unknown key."""
    name = api_key_map.get(api_key)
    if name is None:
        return range(0)
    versions = schema_name_map[name].keys()
    return range(0 if api_key in LEGACY_VERSIONS else min(versions), max(versions) + 1)


@memo
def original_types(api_key: int, version: int) -> tuple[type[Any], type[Any]]:
    """The schemas of request and response as kio has them, or as ``protocol.legacy`` has them in kio's place.

    :raises UnsupportedApi: if we hold none for this key and version.
    """
    if version not in known_versions(api_key):
        raise UnsupportedApi(f"{api_label(api_key)} version {version} is not known")
    if version in LEGACY_VERSIONS.get(api_key, ()):
        return legacy_types(api_key)[version]
    return load_request_schema(api_key, version), load_response_schema(api_key, version)


@memo
def request_type(api_key: int, version: int) -> type[RequestPayload]:
    """The schema of a request body.

    :raises UnsupportedApi: if we hold none for this key and version.
    """
    return with_plain_times(original_types(api_key, version)[0], REQUEST_TIMES)


@memo
def response_type(api_key: int, version: int) -> type[ResponsePayload]:
    """The schema of a response body.

    :raises UnsupportedApi: if we hold none for this key and version.
    """
    return with_plain_times(original_types(api_key, version)[1], RESPONSE_TIMES)


@memo
def has_flexible_request_header(api_key: int, version: int) -> bool:
    """Whether the request header ends in tagged fields (KIP-482: header version 2)."""
    return request_type(api_key, version).__flexible__


@memo
def has_flexible_response_header(api_key: int, version: int) -> bool:
    """Whether the response header has tagged fields; never for ApiVersions, whose reader cannot know (KIP-511)."""
    return api_key != ApiKey.API_VERSIONS and response_type(api_key, version).__flexible__
