"""The policy file: what people write, as the ACL bindings that Kafka would hold for it.

Every policy is a sentence: these principals, at these hosts, may (or may not) do these things with these resources. It
stands for one binding of each combination. What cannot be meant is refused, all of it at once and with its place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

from policies.authorizer import Authorizer
from policies.hosts import parse_host_pattern
from policies.model import (
    ANY_HOST,
    CLUSTER_NAME,
    EVERYONE,
    WILDCARD_RESOURCE,
    AclBinding,
    Operation,
    PatternType,
    Permission,
    PolicySource,
    Principal,
    ResourceType,
)
from policies.strict_yaml import Entry, Node, Reader, did_you_mean, parse

RESOURCE_KEYS = {
    "topics": ResourceType.TOPIC,
    "consumer_groups": ResourceType.GROUP,
    "transactional_ids": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.CLUSTER,
    "delegation_tokens": ResourceType.DELEGATION_TOKEN,
    "users": ResourceType.USER,
}
PERMISSION_KEYS = {"allow": Permission.ALLOW, "deny": Permission.DENY}
POLICY_KEYS = ("name", "principals", "hosts", *PERMISSION_KEYS, *RESOURCE_KEYS)
DOCUMENT_KEYS = ("super_users", "no_match", "groups", "policies")
NO_MATCH = {"deny": False, "allow": True}
GROUP_PREFIX = "group:"
OPERATIONS = tuple(operation for operation in Operation if operation not in (Operation.UNKNOWN, Operation.ANY))
"""The operations that a policy may name; UNKNOWN and ANY are refused by Kafka too."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of the file and what it stands for."""

    source: PolicySource
    bindings: tuple[AclBinding, ...]

    @property
    def name(self) -> str:
        """The name that it has in the file."""
        return self.source.policy


@dataclass(frozen=True)
class PolicyDocument:
    """A policy file that was read and found valid."""

    file: str
    policies: tuple[Policy, ...]
    super_users: frozenset[Principal]
    allow_if_no_acl: bool

    @cached_property
    def bindings(self) -> tuple[AclBinding, ...]:
        """The bindings of all policies, in the order of the file."""
        return tuple(binding for policy in self.policies for binding in policy.bindings)

    def authorizer(self, generation: int = 0) -> Authorizer:
        """What decides by this file."""
        return Authorizer(
            self.bindings,
            super_users=self.super_users,
            allow_if_no_acl=self.allow_if_no_acl,
            generation=generation,
        )


def load_policy(text: str, file: str) -> PolicyDocument:
    """Read the text of a policy file; `file` is the name that faults and decisions call it by.

    Raises:
        InvalidDocument: with every fault.
    """
    reader = Reader(file)
    document = _Document(reader, reader.mapping(parse(text, file), DOCUMENT_KEYS)).read()
    reader.finish()
    return document


class _Pattern(NamedTuple):
    """A resource pattern of a policy."""

    resource_type: ResourceType
    name: str
    pattern_type: PatternType


class _Document:
    """Walks a policy file."""

    def __init__(self, reader: Reader, entries: Mapping[str, Entry]) -> None:
        self._reader = reader
        self._entries = entries
        self._groups: dict[str, list[Principal]] = {}

    def read(self) -> PolicyDocument:
        self._groups = dict(self._read_groups())
        super_users = self._entries.get("super_users")
        no_match = self._entries.get("no_match")
        policies = self._entries.get("policies")
        default = self._reader.choice(no_match.value, NO_MATCH) if no_match else None
        return PolicyDocument(
            file=self._reader.file,
            policies=tuple(self._policies(policies.value)) if policies else (),
            super_users=frozenset(self._principals(super_users.value) if super_users else ()),
            allow_if_no_acl=NO_MATCH[default or "deny"],
        )

    def _read_groups(self) -> Iterator[tuple[str, list[Principal]]]:
        groups = self._entries.get("groups")
        for name, entry in self._reader.mapping(groups.value).items() if groups else ():
            yield name, list(self._principals(entry.value))

    def _policies(self, node: Node) -> Iterator[Policy]:
        first_lines: dict[str, int] = {}
        for item in self._reader.items(node):
            entries = self._reader.mapping(item, POLICY_KEYS, required=("name", "principals"))
            if entries:
                name = self._name(entries, first_lines)
                source = PolicySource(name, self._reader.file, item.line)
                yield Policy(source, tuple(self._bindings(item, entries, source)))

    def _name(self, entries: Mapping[str, Entry], first_lines: dict[str, int]) -> str:
        node = entries["name"].value if "name" in entries else None
        name = self._reader.text(node) if node else None
        if node is None or name is None:
            return ""
        if name in first_lines:
            self._reader.fault(node, f"a second policy {name!r}", f"first on line {first_lines[name]}")
        first_lines.setdefault(name, node.line)
        return name

    def _bindings(self, policy: Node, entries: Mapping[str, Entry], source: PolicySource) -> list[AclBinding]:
        principals = list(self._principals(entries["principals"].value)) if "principals" in entries else []
        hosts = list(self._hosts(entries["hosts"].value)) if "hosts" in entries else [ANY_HOST]
        rights = [right for key in PERMISSION_KEYS if key in entries for right in self._rights(key, entries[key].value)]
        patterns = [
            found for key in RESOURCE_KEYS if key in entries for found in self._patterns(key, entries[key].value)
        ]
        for keys, what in ((PERMISSION_KEYS, "gives and takes nothing"), (RESOURCE_KEYS, "is about no resource")):
            if not any(key in entries for key in keys):
                self._reader.fault(policy, f"the policy {what}", f"expected one of: {', '.join(keys)}")
        return [
            AclBinding(*pattern, principal, host, operation, permission, source)
            for (operation, permission), pattern, principal, host in product(rights, patterns, principals, hosts)
        ]

    def _principals(self, node: Node) -> Iterator[Principal]:
        for item in self._reader.items(node):
            text = self._reader.text(item)
            if text is None:
                continue
            if text.startswith(GROUP_PREFIX):
                yield from self._members(item, text.removeprefix(GROUP_PREFIX))
            elif text == EVERYONE.name:
                yield EVERYONE
            else:
                yield from self._principal(item, text)

    def _principal(self, node: Node, text: str) -> Iterator[Principal]:
        try:
            yield Principal.parse(text)
        except ValueError:
            hint = "expected a type and a name, such as 'User:alice'" if ":" in text else f"did you mean 'User:{text}'?"
            self._reader.fault(node, f"the principal {text!r} is not complete", hint)

    def _members(self, node: Node, group: str) -> list[Principal]:
        if group not in self._groups:
            self._reader.fault(node, f"unknown group {group!r}", did_you_mean(group, self._groups))
        return self._groups.get(group, [])

    def _hosts(self, node: Node) -> Iterator[str]:
        for item in self._reader.items(node):
            text = self._reader.text(item)
            if text is not None:
                try:
                    yield parse_host_pattern(text)
                except ValueError as error:
                    self._reader.fault(item, str(error))

    def _rights(self, key: str, node: Node) -> Iterator[tuple[Operation, Permission]]:
        for item in self._reader.items(node):
            text = self._reader.text(item)
            operation = _operation(text) if text is not None else None
            if operation is not None:
                yield operation, PERMISSION_KEYS[key]
            elif text is not None:
                labels = [known.label for known in OPERATIONS]
                self._reader.fault(item, f"unknown operation {text!r}", did_you_mean(text, labels))

    def _patterns(self, key: str, node: Node) -> Iterator[_Pattern]:
        resource_type = RESOURCE_KEYS[key]
        if resource_type is ResourceType.CLUSTER:
            if self._reader.boolean(node) is False:
                self._reader.fault(node, "'cluster' can only be true", "leave it out otherwise")
            yield _Pattern(resource_type, CLUSTER_NAME, PatternType.LITERAL)
            return
        for item in self._reader.items(node):
            pattern = self._pattern(resource_type, item)
            if pattern is not None:
                yield pattern

    def _pattern(self, resource_type: ResourceType, node: Node) -> _Pattern | None:
        if node.kind == "map":
            return self._literal(resource_type, node)
        text = self._reader.text(node)
        if text is None or not self._is_resource_name(resource_type, node, text):
            return None
        if text == WILDCARD_RESOURCE or not text.endswith("*"):
            return _Pattern(resource_type, text, PatternType.LITERAL)
        return _Pattern(resource_type, text.removesuffix("*"), PatternType.PREFIXED)

    def _literal(self, resource_type: ResourceType, node: Node) -> _Pattern | None:
        entries = self._reader.mapping(node, ("literal",), required=("literal",))
        text = self._reader.text(entries["literal"].value) if entries else None
        if text == WILDCARD_RESOURCE:
            self._reader.fault(node, "the literal name '*' is Kafka's wildcard", 'write "*" for every one')
        return _Pattern(resource_type, text, PatternType.LITERAL) if text else None

    def _is_resource_name(self, resource_type: ResourceType, node: Node, text: str) -> bool:
        if "*" in text[:-1]:
            hint = f'only a trailing * is a pattern; a name with stars is written {{literal: "{text}"}}'
            self._reader.fault(node, f"a * inside of the name {text!r}", hint)
            return False
        if resource_type is ResourceType.USER and text != WILDCARD_RESOURCE and ":" not in text:
            self._reader.fault(node, f"the user {text!r} has no type", f"did you mean 'User:{text}'?")
            return False
        return True


def _operation(text: str) -> Operation | None:
    try:
        operation = Operation.parse(text)
    except ValueError:
        return None
    return operation if operation in OPERATIONS else None
