"""A decision told to a person: which policy made it, or which ones nearly did."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.document import Policy, PolicyDocument
from policies.hosts import HostPatterns, format_host
from policies.model import (
    ANY_HOST,
    EVERYONE,
    AclBinding,
    Decision,
    Operation,
    PatternType,
    Permission,
    Principal,
    Reason,
    ResourceType,
    operations_answered,
)

_TOLD_MISSES = 3
_TOLD_NAMES = 4


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with the question and, for what nothing allowed, the policies that come nearest to allowing it."""

    question: str
    decision: Decision
    nearest: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the answer is yes."""
        return self.decision.allowed

    def __str__(self) -> str:
        lines = [f"{'allowed' if self.allowed else 'denied'}: {self.question}", f"  {self.decision.cause}"]
        if self.decision.binding is not None:
            lines.append(f"  {self.decision.binding}")
        lines += [f"  {miss}" for miss in self.nearest]
        return "\n".join(lines)


def explain(
    document: PolicyDocument,
    principal: Principal,
    host: str,
    operation: Operation,
    resource_type: ResourceType,
    resource_name: str,
) -> Explanation:
    """Decide by the document and say why.

    The host is an address in any form, or `*` for a client at an unknown place: then only what is said of every host
    counts.

    Raises:
        ValueError: if the host is neither.
    """
    host = host if host == ANY_HOST else format_host(host)
    decision = document.authorizer().decide(principal, host, operation, resource_type, resource_name)
    place = "any host" if host == ANY_HOST else host
    question = f"{operation.label} on {resource_type.label} {resource_name!r} for {principal} from {place}"
    if decision.reason is not Reason.DEFAULT_DENY:
        return Explanation(question, decision)
    hosts = HostPatterns(binding.host for binding in document.bindings).matching(host)
    wanted = _Wanted(principal, frozenset(hosts), operation, resource_type, resource_name)
    return Explanation(question, decision, tuple(_nearest(document.policies, wanted)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a binding should have been about."""

    principal: Principal
    hosts: frozenset[str]
    operation: Operation
    resource_type: ResourceType
    resource_name: str

    def misses(self, binding: AclBinding) -> tuple[str, ...]:
        """In what a binding differs from it."""
        checks = {
            "resource": binding.covers(self.resource_name),
            "principal": binding.principal in (self.principal, EVERYONE),
            "operation": self.operation in operations_answered(binding.operation, binding.permission),
            "host": binding.host in self.hosts,
        }
        return tuple(name for name, matches in checks.items() if not matches)


def _nearest(policies: Iterable[Policy], wanted: _Wanted) -> Iterator[str]:
    """The policies that miss by least: on the resource by up to two things, on another one by nothing else."""
    ranked: list[tuple[int, str]] = []
    for policy in policies:
        missed = [
            (wanted.misses(binding), binding)
            for binding in policy.bindings
            if binding.permission is Permission.ALLOW and binding.resource_type is wanted.resource_type
        ]
        if not missed:
            continue
        misses = min((misses for misses, _ in missed), key=lambda each: (len(each), "resource" in each))
        if len(misses) <= (1 if "resource" in misses else 2):
            alike = [binding for each, binding in missed if each == misses]
            told = " and ".join(_told(miss, alike) for miss in misses)
            ranked.append((len(misses), f"{policy.source} comes near, but {told}"))
    ranked.sort(key=lambda each: each[0])
    return (text for _, text in ranked[:_TOLD_MISSES])


def _told(miss: str, bindings: Iterable[AclBinding]) -> str:
    match miss:
        case "resource":
            return f"is about {_listed(map(_resource, bindings))}"
        case "principal":
            return f"is for {_listed(str(binding.principal) for binding in bindings)}"
        case "operation":
            return f"allows {_listed(binding.operation.label for binding in bindings)}"
    return f"is for clients at {_listed(binding.host for binding in bindings)}"


def _resource(binding: AclBinding) -> str:
    star = "*" if binding.pattern_type is PatternType.PREFIXED else ""
    return repr(f"{binding.resource_name}{star}")


def _listed(names: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _TOLD_NAMES
    return ", ".join(distinct[:_TOLD_NAMES]) + (f" and {more} more" if more > 0 else "")
