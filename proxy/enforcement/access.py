"""What one principal may do: the authorizer asked in the terms of rights, with a memory of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from policies.authorizer import Authorizer
from policies.model import CLUSTER_NAME, Decision, Operation, Principal, ResourceType
from proxy.enforcement.rights import Right

_MEMORY: Final = 4096
"""Decisions remembered for each right of one connection before that memory starts anew."""


class Mode(Enum):
    """What a denial does: ``enforce`` denies, ``observe`` tells and lets through, ``off`` asks nobody."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The policy in force: its authorizer (None only in mode ``off``) and its mode."""

    authorizer: Authorizer | None
    mode: Mode


@dataclass(frozen=True, slots=True)
class Checked:
    """A decision that the audit trail wants to know of."""

    right: Right
    name: str
    decision: Decision
    count: int


class Access:
    """The rights of one principal from one host, for one connection.

    ``current`` gives the policy in force; a change of it reaches the connection at its next question.
    ``grants`` says whether allowed checks are reported too.
    """

    def __init__(
        self, current: Callable[[], Verdicts], principal: Principal, host: str, *, grants: bool = False
    ) -> None:
        self.principal = principal
        self.host = host
        self._current = current
        self.grants = grants
        self._verdicts = current()
        self._memory: dict[Right, dict[str, Decision]] = {}
        self._asked: dict[tuple[Right, str], tuple[Decision, int]] = {}

    @property
    def generation(self) -> int:
        """The generation of the policy that the next question is answered by."""
        authorizer = self._current().authorizer
        return -1 if authorizer is None else authorizer.generation

    @property
    def verdicts(self) -> Verdicts:
        """The policy that answered the last question."""
        return self._verdicts

    @property
    def mode(self) -> Mode:
        """The mode in force."""
        return self._current().mode

    def allows(self, right: Right, name: str, *, quiet: bool = False, count: int = 1) -> bool:
        """Whether a request may go on that needs the right on the resource of this name.

        ``quiet`` marks a filter, which leaves no trace (as in Kafka's own log); ``count`` is how many items of the
        request name the resource. A policy that is only observed lets everything go on.
        """
        decision = self._ask(right, name)
        if decision is None or (decision.allowed and not self.grants):
            return True
        if not quiet:
            _, before = self._asked.get((right, name), (decision, 0))
            self._asked[right, name] = (decision, before + count)
        return decision.allowed or self._verdicts.mode is Mode.OBSERVE

    def holds(self, right: Right, name: str = CLUSTER_NAME) -> bool:
        """Whether the right is held: the first of two alternatives, which leaves no trace and lets nothing go on."""
        decision = self._ask(right, name)
        return decision is None or decision.allowed

    def allows_cluster(self, right: Right) -> bool:
        """Whether a request may go on that needs a right on the cluster."""
        return self.allows(right, CLUSTER_NAME)

    def allows_any(self, right: Right) -> bool:
        """Whether the right is held on at least one resource of its type (``authorizeByResourceType``); quiet."""
        verdicts = self._current()
        if verdicts.authorizer is None:
            return True
        decision = verdicts.authorizer.authorize_by_resource_type(
            self.principal, self.host, right.operation, right.resource_type
        )
        return decision.allowed or verdicts.mode is Mode.OBSERVE

    def bits(self, operations: Iterable[Operation], resource_type: ResourceType, name: str) -> int:
        """The authorized-operations bit field (KIP-430): bit n stands for the operation with code n."""
        verdicts = self._current()
        authorizer = verdicts.authorizer
        if authorizer is None or verdicts.mode is Mode.OBSERVE:
            return sum(1 << operation for operation in operations)
        return sum(
            1 << operation
            for operation in operations
            if authorizer.decide(self.principal, self.host, operation, resource_type, name).allowed
        )

    @property
    def has_checked(self) -> bool:
        """Whether :meth:`take_checked` has anything to give."""
        return bool(self._asked)

    def take_checked(self) -> list[Checked]:
        """What was decided since the last call and is to be reported."""
        if not self._asked:
            return []
        checked = [Checked(right, name, *found) for (right, name), found in self._asked.items()]
        self._asked = {}
        return checked

    def _ask(self, right: Right, name: str) -> Decision | None:
        """The decision of the policy in force; None if there is no policy."""
        verdicts = self._current()
        if verdicts is not self._verdicts:
            self._verdicts = verdicts
            self._memory = {}
        if verdicts.authorizer is None:
            return None
        known = self._memory.get(right)
        decision = known.get(name) if known is not None else None
        return decision if decision is not None else self._decide(verdicts.authorizer, right, name)

    def _decide(self, authorizer: Authorizer, right: Right, name: str) -> Decision:
        decision = authorizer.decide(self.principal, self.host, right.operation, right.resource_type, name)
        known = self._memory.setdefault(right, {})
        if len(known) >= _MEMORY:
            known.clear()
        known[name] = decision
        return decision
