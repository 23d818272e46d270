"""Kafka's decision written down as its rules read: slow, obvious, to compare the compiled one with."""

from policies.hosts import HostPatterns
from policies.model import EVERYONE, Operation, PatternType, Permission

ALLOW, DENY, PREFIXED = Permission.ALLOW, Permission.DENY, PatternType.PREFIXED
READ, WRITE, DELETE, ALTER = Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER
GRANTING = {
    Operation.DESCRIBE: {Operation.DESCRIBE, READ, WRITE, DELETE, ALTER},
    Operation.DESCRIBE_CONFIGS: {Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS},
}


class ReferenceAuthorizer:
    def __init__(self, bindings, super_users=(), allow_if_no_acl=False):
        self.bindings, self.super_users, self.allow_if_no_acl = list(bindings), set(super_users), allow_if_no_acl

    def allowed(self, principal, host, operation, resource_type, name):
        if principal in self.super_users:
            return True
        covering = [b for b in self.bindings if b.resource_type is resource_type and covers(b, name)]
        mine = [b for b in covering if is_for(b, principal, host)]
        if any(b.permission is DENY and b.operation in (operation, Operation.ALL) for b in mine):
            return False
        granting = GRANTING.get(operation, {operation}) | {Operation.ALL}
        if any(b.permission is ALLOW and b.operation in granting for b in mine):
            return True
        return self.allow_if_no_acl and not covering

    def allowed_somewhere(self, principal, host, operation, resource_type):
        if self.allowed(principal, host, operation, resource_type, "hardcode"):
            return True
        mine = [b for b in self.bindings if b.resource_type is resource_type and is_for(b, principal, host)]
        asked = [b for b in mine if b.operation in (operation, Operation.ALL)]
        denies = [b for b in asked if b.permission is DENY]
        allows = [b for b in asked if b.permission is ALLOW]
        if any(is_wildcard(deny) for deny in denies):
            return False
        return any(is_wildcard(allow) or not any(voids(deny, allow) for deny in denies) for allow in allows)


def covers(binding, name):
    if binding.pattern_type is PREFIXED:
        return name.startswith(binding.resource_name)
    return binding.resource_name in (name, "*")


def is_for(binding, principal, host):
    return binding.principal in (principal, EVERYONE) and bool(HostPatterns([binding.host]).matching(host))


def is_wildcard(binding):
    return binding.pattern_type is not PREFIXED and binding.resource_name == "*"


def voids(deny, allow):
    if deny.pattern_type is PREFIXED:
        return allow.resource_name.startswith(deny.resource_name)
    return allow.pattern_type is not PREFIXED and allow.resource_name == deny.resource_name
