"""ACL bindings as data: who there is and what each may do, drawn from a seed, for both sides alike."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.differential.names import GROUPS, PREFIXES, TOPICS, TRANSACTIONAL_IDS

TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN, USER = range(2, 8)
ALL, READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, CLUSTER_ACTION = range(2, 10)
DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, CREATE_TOKENS, DESCRIBE_TOKENS, TWO_PHASE_COMMIT = range(10, 16)
LITERAL, PREFIXED = 3, 4
DENY, ALLOW = 2, 3
HERE = "127.0.0.1"
ELSEWHERE = "10.0.0.1"

OPEN: Final = os.environ.get("DIFFERENTIAL_NO_MATCH", "deny") == "allow"
"""Whether everybody may do everything with what no ACL is about (allow.everyone.if.no.acl.found)."""

SUPER_USER = "admin"
RANDOM_USERS = tuple(f"random{number}" for number in range(1, 7))

_RESOURCE_KEYS = {
    TOPIC: "topics",
    GROUP: "consumer_groups",
    TRANSACTIONAL_ID: "transactional_ids",
    DELEGATION_TOKEN: "delegation_tokens",
    USER: "users",
}
_OPERATIONS = [
    "All",
    "Read",
    "Write",
    "Create",
    "Delete",
    "Alter",
    "Describe",
    "ClusterAction",
    "DescribeConfigs",
    "AlterConfigs",
    "IdempotentWrite",
    "CreateTokens",
    "DescribeTokens",
    "TwoPhaseCommit",
]


@dataclass(frozen=True)
class Acl:
    """One ACL binding; `user` is the name without its type."""

    user: str
    permission: int
    operation: int
    resource_type: int
    name: str
    pattern_type: int = LITERAL
    host: str = "*"

    def creation(self) -> dict[str, Any]:
        """The values of one creation of a CreateAcls request."""
        return {
            "resource_type": self.resource_type,
            "resource_name": self.name,
            "resource_pattern_type": self.pattern_type,
            "principal": f"User:{self.user}",
            "host": self.host,
            "operation": self.operation,
            "permission_type": self.permission,
        }

    def policy(self, number: int) -> dict[str, Any]:
        """A policy of the policy file."""
        resource: dict[str, Any] = {"cluster": True}
        if self.resource_type != CLUSTER:
            pattern: Any = {"literal": self.name}
            if self.pattern_type == PREFIXED or self.name == "*":
                pattern = self.name if self.name == "*" else f"{self.name}*"
            resource = {_RESOURCE_KEYS[self.resource_type]: [pattern]}
        hosts = {} if self.host == "*" else {"hosts": [self.host]}
        return {
            "name": f"acl-{number}",
            "principals": [f"User:{self.user}"],
            **hosts,
            "allow" if self.permission == ALLOW else "deny": [_OPERATIONS[self.operation - ALL]],
            **resource,
        }


def policy_text(acls: Iterable[Acl]) -> str:
    """The policy file that says the same (JSON is YAML)."""
    policies = [acl.policy(number) for number, acl in enumerate(acls)]
    no_match = "allow" if OPEN else "deny"
    return json.dumps({"super_users": [f"User:{SUPER_USER}"], "no_match": no_match, "policies": policies}, indent=1)


def _grant(
    user: str, resource_type: int, operations: Iterable[int], pattern: str, permission: int = ALLOW
) -> list[Acl]:
    """A trailing * is a prefix, * alone is every one."""
    prefixed = pattern.endswith("*") and pattern != "*"
    name = pattern.removesuffix("*") if prefixed else pattern
    kind = PREFIXED if prefixed else LITERAL
    return [Acl(user, permission, operation, resource_type, name, kind) for operation in operations]


def _on_cluster(user: str, *operations: int) -> list[Acl]:
    return _grant(user, CLUSTER, operations, "kafka-cluster")


def fixed() -> list[Acl]:
    """Those that stand in every round: each user is one idea."""
    acls: list[Acl] = []
    for resource_type in (TOPIC, GROUP, TRANSACTIONAL_ID):
        acls += _grant("everything", resource_type, [ALL], "*")
        acls += _grant("owner", resource_type, [ALL], "a*")
        acls += _grant("denied", resource_type, [ALL], "*")
        acls += _grant("describer", resource_type, [DESCRIBE], "*")
        acls += _grant("implied", resource_type, [DELETE], "a.*")
        acls += _grant("implied", resource_type, [ALTER, ALTER_CONFIGS], "b")
        acls += _grant("partly", resource_type, [READ, WRITE, DELETE, ALTER, CREATE], "a*")
        acls += _grant("partly", resource_type, [DESCRIBE, DESCRIBE_CONFIGS], "b*")
        acls += _grant("denied", resource_type, [DESCRIBE], "a.*", DENY)
        acls += _grant("denied", resource_type, [READ, DELETE], "b", DENY)
        acls += _grant("denied", resource_type, [WRITE, ALTER, DESCRIBE_CONFIGS], "ab*", DENY)
    acls += _on_cluster("everything", ALL)
    acls += _on_cluster("operator", CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS)
    acls += _grant("operator", TOPIC, [ALL], "b*", DENY)
    acls += _on_cluster("agent", CLUSTER_ACTION, IDEMPOTENT_WRITE)
    acls += [
        Acl("local", ALLOW, ALL, TOPIC, "a", PREFIXED, HERE),
        Acl("local", ALLOW, ALL, GROUP, "*", LITERAL, HERE),
        Acl("local", ALLOW, ALL, TRANSACTIONAL_ID, "*", LITERAL, ELSEWHERE),
        Acl("local", DENY, ALL, TOPIC, "a", PREFIXED, ELSEWHERE),
        Acl("local", DENY, DESCRIBE, TOPIC, "a.1", LITERAL, HERE),
    ]
    acls += _grant("*", TOPIC, [DESCRIBE], "c")
    acls += _grant("*", GROUP, [READ], "c.g")
    acls += _grant("*", TOPIC, [WRITE], "c.never", DENY)
    return acls


USERS = (
    SUPER_USER,
    "everything",
    "nobody",
    "owner",
    "denied",
    "describer",
    "implied",
    "partly",
    "operator",
    "agent",
    "local",
    *RANDOM_USERS,
)


def drawn(seed: int) -> list[Acl]:
    """The ACLs of a round: the fixed ones, and some at random for the random users."""
    draw = random.Random(seed)
    acls = [acl for user in RANDOM_USERS for acl in _random_acls(draw, user)]
    both = list(dict.fromkeys(fixed() + acls))
    return _with_room(draw, both) if OPEN else both


def _with_room(draw: random.Random, acls: list[Acl]) -> list[Acl]:
    """So few of them that there are resources of every type without any."""
    kept: dict[tuple[int, str, int], bool] = {}
    for acl in acls:
        pattern = (acl.resource_type, acl.name, acl.pattern_type)
        if pattern not in kept:
            kept[pattern] = acl.name != "*" and draw.random() < (0.25 if acl.pattern_type == PREFIXED else 0.5)
    return [acl for acl in acls if kept[acl.resource_type, acl.name, acl.pattern_type]]


def _random_acls(draw: random.Random, user: str) -> Iterator[Acl]:
    types = [TOPIC] * 6 + [GROUP] * 3 + [TRANSACTIONAL_ID] * 3 + [CLUSTER] * 2 + [USER, DELEGATION_TOKEN]
    names = {TOPIC: TOPICS, GROUP: GROUPS, TRANSACTIONAL_ID: TRANSACTIONAL_IDS}
    for _ in range(draw.randint(4, 14)):
        resource_type = draw.choice(types)
        permission = DENY if draw.random() < 0.25 else ALLOW
        operation = draw.choice([ALL, ALL, READ, WRITE, DESCRIBE, DELETE, *range(ALL, TWO_PHASE_COMMIT + 1)])
        host = draw.choice(["*"] * 8 + [HERE, ELSEWHERE])
        if resource_type == CLUSTER:
            yield Acl(user, permission, operation, CLUSTER, "kafka-cluster", LITERAL, host)
        elif resource_type == USER:
            yield Acl(user, permission, operation, USER, f"User:{draw.choice(USERS)}", LITERAL, host)
        elif draw.random() < 0.5:
            yield Acl(user, permission, operation, resource_type, draw.choice(PREFIXES), PREFIXED, host)
        else:
            name = draw.choice([*(name for name in names.get(resource_type, ("t",)) if name), "*"])
            yield Acl(user, permission, operation, resource_type, name, LITERAL, host)


def concerning(acls: Iterable[Acl], user: str) -> list[Acl]:
    """Those that decide about a user."""
    return [acl for acl in acls if acl.user in (user, "*")]
