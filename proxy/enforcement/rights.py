"""The rights that Kafka's APIs ask for: an operation on a type of resource, and the error that says "no"."""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from policies.model import Operation, ResourceType


class Right:
    """One operation on one type of resource. Compared and hashed by identity, since every request looks it up."""

    __slots__ = ("error", "operation", "resource_type")

    def __init__(self, operation: Operation, resource_type: ResourceType) -> None:
        self.operation = operation
        self.resource_type = resource_type
        self.error = _ERRORS[resource_type]

    def __repr__(self) -> str:
        return f"{self.operation.label} {self.resource_type.label}"


_ERRORS: Final = {
    ResourceType.TOPIC: ErrorCode.topic_authorization_failed,
    ResourceType.GROUP: ErrorCode.group_authorization_failed,
    ResourceType.CLUSTER: ErrorCode.cluster_authorization_failed,
    ResourceType.TRANSACTIONAL_ID: ErrorCode.transactional_id_authorization_failed,
    ResourceType.USER: ErrorCode.delegation_token_authorization_failed,
}

READ_TOPIC: Final = Right(Operation.READ, ResourceType.TOPIC)
WRITE_TOPIC: Final = Right(Operation.WRITE, ResourceType.TOPIC)
CREATE_TOPIC: Final = Right(Operation.CREATE, ResourceType.TOPIC)
DELETE_TOPIC: Final = Right(Operation.DELETE, ResourceType.TOPIC)
ALTER_TOPIC: Final = Right(Operation.ALTER, ResourceType.TOPIC)
DESCRIBE_TOPIC: Final = Right(Operation.DESCRIBE, ResourceType.TOPIC)
DESCRIBE_CONFIGS_TOPIC: Final = Right(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC)
ALTER_CONFIGS_TOPIC: Final = Right(Operation.ALTER_CONFIGS, ResourceType.TOPIC)

READ_GROUP: Final = Right(Operation.READ, ResourceType.GROUP)
DELETE_GROUP: Final = Right(Operation.DELETE, ResourceType.GROUP)
DESCRIBE_GROUP: Final = Right(Operation.DESCRIBE, ResourceType.GROUP)
DESCRIBE_CONFIGS_GROUP: Final = Right(Operation.DESCRIBE_CONFIGS, ResourceType.GROUP)
ALTER_CONFIGS_GROUP: Final = Right(Operation.ALTER_CONFIGS, ResourceType.GROUP)

CREATE_CLUSTER: Final = Right(Operation.CREATE, ResourceType.CLUSTER)
DELETE_CLUSTER: Final = Right(Operation.DELETE, ResourceType.CLUSTER)
ALTER_CLUSTER: Final = Right(Operation.ALTER, ResourceType.CLUSTER)
DESCRIBE_CLUSTER: Final = Right(Operation.DESCRIBE, ResourceType.CLUSTER)
CLUSTER_ACTION: Final = Right(Operation.CLUSTER_ACTION, ResourceType.CLUSTER)
IDEMPOTENT_WRITE: Final = Right(Operation.IDEMPOTENT_WRITE, ResourceType.CLUSTER)
DESCRIBE_CONFIGS_CLUSTER: Final = Right(Operation.DESCRIBE_CONFIGS, ResourceType.CLUSTER)
ALTER_CONFIGS_CLUSTER: Final = Right(Operation.ALTER_CONFIGS, ResourceType.CLUSTER)

WRITE_TRANSACTIONAL_ID: Final = Right(Operation.WRITE, ResourceType.TRANSACTIONAL_ID)
DESCRIBE_TRANSACTIONAL_ID: Final = Right(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID)
TWO_PHASE_COMMIT: Final = Right(Operation.TWO_PHASE_COMMIT, ResourceType.TRANSACTIONAL_ID)

CREATE_TOKENS: Final = Right(Operation.CREATE_TOKENS, ResourceType.USER)
