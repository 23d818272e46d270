"""The decision, exactly as Kafka's StandardAuthorizer makes it.

A super user may do everything. Else any matching deny denies, any matching allow allows, and what nothing matched is
denied, unless the resource has no ACL at all and the cluster is told to be open then (allow.everyone.if.no.acl.found).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from policies.hosts import HostPatterns
from policies.index import EMPTY_ROW, PrefixIndex, ResourceTable
from policies.model import (
    EVERYONE,
    WILDCARD_RESOURCE,
    AccessRequest,
    AclBinding,
    Decision,
    Operation,
    PatternType,
    Permission,
    Principal,
    Reason,
    ResourceType,
)

_SUPER_USER = Decision(allowed=True, reason=Reason.SUPER_USER)
_DEFAULT_ALLOW = Decision(allowed=True, reason=Reason.DEFAULT_ALLOW)
_DEFAULT_DENY = Decision(allowed=False, reason=Reason.DEFAULT_DENY)

_PROBE_NAME = "hardcode"
"""The name that Kafka asks for first when any resource of a type would do (Authorizer.authorizeByResourceType)."""

_REMEMBERED_SUBJECTS = 10_000


class Authorizer:
    """Answers what a principal at a host may do, from a fixed set of bindings.

    Immutable but for a bounded memory of the subjects that have asked. Hosts are asked for in Java's textual form, see
    `policies.hosts.format_host`. `generation` is a number for the owner, who gives each new policy another.
    """

    def __init__(
        self,
        bindings: Iterable[AclBinding],
        *,
        super_users: Iterable[Principal] = (),
        allow_if_no_acl: bool = False,
        generation: int = 0,
    ) -> None:
        self.generation = generation
        bindings = tuple(bindings)
        self._super_users = frozenset(super_users)
        self._hosts = HostPatterns(binding.host for binding in bindings)
        self._tables = _compile(bindings)
        self._open_unless_covered = _by_type(bindings) if allow_if_no_acl else None
        self._subjects: dict[tuple[str, str, str], _Subject] = {}

    def decide(
        self,
        principal: Principal,
        host: str,
        operation: Operation,
        resource_type: ResourceType,
        resource_name: str,
    ) -> Decision:
        """May this be done with the one resource of this very name?"""
        subject = self._subject(principal, host)
        if subject.is_super_user:
            return _SUPER_USER
        granted = None
        for table in subject.tables[resource_type]:
            decision = table.row(resource_name)[operation]
            if decision is not None:
                if not decision.allowed:
                    return decision
                granted = granted or decision
        return granted or self._default(resource_type, resource_name)

    def authorize(self, principal: Principal, host: str, requests: Sequence[AccessRequest]) -> list[Decision]:
        """The decisions on many questions of one principal, in their order."""
        return [
            self.decide(principal, host, request.operation, request.resource_type, request.resource_name)
            for request in requests
        ]

    def authorize_by_resource_type(
        self, principal: Principal, host: str, operation: Operation, resource_type: ResourceType
    ) -> Decision:
        """May this be done with at least one resource of the type, whichever it is?

        As Kafka answers it (StandardAuthorizerData.authorizeByResourceType): here an allow grants only its very own
        operation, or all of them, and the answer may be no although some name could be found that is allowed.
        """
        subject = self._subject(principal, host)
        question = (operation, resource_type)
        answer = subject.answers_by_type.get(question)
        if answer is None:
            answer = self.decide(principal, host, operation, resource_type, _PROBE_NAME)
            if not answer.allowed:
                answer = _by_any_binding(subject.tables[resource_type], operation)
            subject.answers_by_type[question] = answer
        return answer

    def _subject(self, principal: Principal, host: str) -> "_Subject":
        key = (principal.type, principal.name, host)
        subject = self._subjects.get(key)
        if subject is None:
            subject = self._meet(principal, host)
            if len(self._subjects) >= _REMEMBERED_SUBJECTS:
                self._subjects.clear()
            self._subjects[key] = subject
        return subject

    def _meet(self, principal: Principal, host: str) -> "_Subject":
        spoken_of = [
            self._tables[key]
            for named in dict.fromkeys((principal, EVERYONE))
            for pattern in self._hosts.matching(host)
            if (key := (named, pattern)) in self._tables
        ]
        tables = [tuple(by_type[each] for by_type in spoken_of if each in by_type) for each in ResourceType]
        return _Subject(principal in self._super_users, tables)

    def _default(self, resource_type: ResourceType, resource_name: str) -> Decision:
        if self._open_unless_covered is None:
            return _DEFAULT_DENY
        table = self._open_unless_covered.get(resource_type)
        covered = table is not None and table.row(resource_name) is not EMPTY_ROW
        return _DEFAULT_DENY if covered else _DEFAULT_ALLOW


class _Subject:
    """A principal at a host: the tables that speak about it, at the place of each resource type's code."""

    __slots__ = ("answers_by_type", "is_super_user", "tables")

    def __init__(self, is_super_user: bool, tables: Sequence[tuple[ResourceTable, ...]]) -> None:
        self.is_super_user = is_super_user
        self.tables = tables
        self.answers_by_type: dict[tuple[Operation, ResourceType], Decision] = {}


_Tables = dict[ResourceType, ResourceTable]


def _compile(bindings: Iterable[AclBinding]) -> dict[tuple[Principal, str], _Tables]:
    groups: defaultdict[tuple[Principal, str], list[AclBinding]] = defaultdict(list)
    for binding in bindings:
        groups[binding.principal, binding.host].append(binding)
    return {key: _by_type(group) for key, group in groups.items()}


def _by_type(bindings: Iterable[AclBinding]) -> _Tables:
    groups: defaultdict[ResourceType, list[AclBinding]] = defaultdict(list)
    for binding in bindings:
        groups[binding.resource_type].append(binding)
    return {resource_type: ResourceTable(group) for resource_type, group in groups.items()}


def _by_any_binding(tables: Iterable[ResourceTable], operation: Operation) -> Decision:
    """The second half of Kafka's question about a whole type: is there an allow that no deny takes back?"""
    relevant = [b for table in tables for b in table.bindings if b.operation in (operation, Operation.ALL)]
    allows = [binding for binding in relevant if binding.permission is Permission.ALLOW]
    denies = _Denies(binding for binding in relevant if binding.permission is not Permission.ALLOW)
    everything = denies.literals.get(WILDCARD_RESOURCE)
    if everything is not None:
        return Decision(allowed=False, reason=Reason.MATCHING_ACL, binding=everything)
    taken_back = None
    for allow in allows:
        deny = None if _is_wildcard(allow) else denies.against(allow)
        if deny is None:
            return Decision(allowed=True, reason=Reason.MATCHING_ACL, binding=allow)
        taken_back = taken_back or deny
    return Decision(allowed=False, reason=Reason.MATCHING_ACL, binding=taken_back) if taken_back else _DEFAULT_DENY


class _Denies:
    """Denies of one question, to be looked up by the allow that they may take back."""

    def __init__(self, bindings: Iterable[AclBinding]) -> None:
        self.literals: dict[str, AclBinding] = {}
        self._prefixed: dict[str, AclBinding] = {}
        for binding in bindings:
            named = self._prefixed if binding.pattern_type is PatternType.PREFIXED else self.literals
            named.setdefault(binding.resource_name, binding)
        self._prefixes = PrefixIndex(self._prefixed)

    def against(self, allow: AclBinding) -> AclBinding | None:
        """The deny that takes this allow back: of the same literal name, or of a prefix of its name or prefix."""
        name = allow.resource_name
        if allow.pattern_type is not PatternType.PREFIXED and name in self.literals:
            return self.literals[name]
        place = self._prefixes.longest(name)
        return self._prefixed[self._prefixes.prefixes[place]] if place >= 0 else None


def _is_wildcard(binding: AclBinding) -> bool:
    return binding.pattern_type is not PatternType.PREFIXED and binding.resource_name == WILDCARD_RESOURCE
