"""The words of Kafka's access control: operations, resources, principals, bindings, decisions.

Codes are those of Kafka's protocol (classes AclOperation, ResourceType, PatternType, AclPermissionType).
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache
from typing import Self

CLUSTER_NAME = "kafka-cluster"
"""The one name of a resource of the type CLUSTER."""

ANY_HOST = "*"
WILDCARD_RESOURCE = "*"


class _Code(IntEnum):
    """A code of the protocol that people write as a word, in any case and with or without underscores."""

    @property
    def label(self) -> str:
        """The word as people read it: DESCRIBE_CONFIGS is "DescribeConfigs"."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The member of this name, "DescribeConfigs" or "DESCRIBE_CONFIGS" alike.

        Raises:
            ValueError: for a word that Kafka does not know.
        """
        wanted = text.replace("_", "").casefold()
        for member in cls:
            if member.label.casefold() == wanted:
                return member
        raise ValueError(f"unknown {cls.__name__} {text!r}")


class Operation(_Code):
    """What is done with a resource."""

    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


class ResourceType(_Code):
    """What kind of thing an operation is done with. The name of a USER is a principal, `User:alice`."""

    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class PatternType(_Code):
    """How the name in a binding covers names of resources. ANY and MATCH occur in filters only."""

    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class Permission(_Code):
    """What a binding does: give or take away. ANY occurs in filters only."""

    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: `User:alice`. Compared exactly; nothing in it is a pattern but `User:*` in a binding."""

    type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Cut at the first colon: `User:CN=a:b` has the name `CN=a:b`.

        Raises:
            ValueError: if there is no colon, or nothing on one side of it.
        """
        principal_type, colon, name = text.partition(":")
        if not (principal_type and colon and name):
            raise ValueError(f"expected a principal such as 'User:alice', found {text!r}")
        return cls(principal_type, name)

    def __str__(self) -> str:
        return f"{self.type}:{self.name}"


ANONYMOUS = Principal("User", "ANONYMOUS")
"""Kafka's name for a client that did not authenticate."""

EVERYONE = Principal("User", "*")
"""In a binding, every principal of every type."""


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Where a binding was written. Lines count from 1."""

    policy: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"policy {self.policy!r} ({self.file}:{self.line})"


@dataclass(frozen=True, slots=True)
class AclBinding:
    """One right given or taken, as Kafka stores it.

    `host` is `*`, an address in Java's form (see `policies.hosts.format_host`) or, beyond Kafka, a network such as
    10.0.0.0/8.
    """

    resource_type: ResourceType
    resource_name: str
    pattern_type: PatternType
    principal: Principal
    host: str
    operation: Operation
    permission: Permission
    source: PolicySource | None = None

    def covers(self, resource_name: str) -> bool:
        """Whether this binding is about a resource of this name, of its own type."""
        if self.pattern_type is PatternType.PREFIXED:
            return resource_name.startswith(self.resource_name)
        return self.resource_name in (resource_name, WILDCARD_RESOURCE)

    def __str__(self) -> str:
        resource = f"{self.resource_type.label}:{self.pattern_type.name}:{self.resource_name}"
        return f"{self.permission.label} {self.operation.label} on {resource} for {self.principal} from {self.host}"


class Reason(Enum):
    """The rule that made a decision, in the words of Kafka's own audit line."""

    SUPER_USER = "SuperUser"
    MATCHING_ACL = "MatchingAcl"
    DEFAULT_ALLOW = "DefaultAllow"
    DEFAULT_DENY = "DefaultDeny"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question. `binding` decided it when the reason is MATCHING_ACL."""

    allowed: bool
    reason: Reason
    binding: AclBinding | None = None

    def __str__(self) -> str:
        return f"{'allowed' if self.allowed else 'denied'}: {self.cause}"

    @property
    def cause(self) -> str:
        """What decided, told to a person."""
        if self.binding is not None:
            return str(self.binding.source or self.binding)
        return _CAUSES[self.reason]


_CAUSES = {
    Reason.SUPER_USER: "a super user",
    Reason.MATCHING_ACL: "a matching ACL",
    Reason.DEFAULT_ALLOW: "no policy is about this resource, and without one it is open to all",
    Reason.DEFAULT_DENY: "no policy matched",
}


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One question: may this be done with this resource?"""

    operation: Operation
    resource_type: ResourceType
    resource_name: str


_IMPLIED_BY_ALLOWING = {
    Operation.DESCRIBE: (Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER),
    Operation.DESCRIBE_CONFIGS: (Operation.ALTER_CONFIGS,),
}


@cache
def operations_answered(operation: Operation, permission: Permission) -> frozenset[Operation]:
    """The operations that a binding of this operation speaks about when somebody asks.

    ALL speaks about every one. Only giving implies more: who may read may also describe, but to take Read away leaves
    Describe alone. (StandardAuthorizerData, sets IMPLIES_DESCRIBE and IMPLIES_DESCRIBE_CONFIGS.)
    """
    if operation is Operation.ALL:
        return frozenset(Operation)
    implied = {asked for asked, givers in _IMPLIED_BY_ALLOWING.items() if operation in givers}
    return frozenset({operation} | implied) if permission is Permission.ALLOW else frozenset({operation})
