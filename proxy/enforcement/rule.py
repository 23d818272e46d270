"""The rule of one API: clauses in Kafka's order, or a function of its own where clauses do not suffice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocol.apis import ApiKey, known_versions
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Clause, Plan
from proxy.enforcement.verdict import Verdict

Judge = Callable[[Call], Verdict]


@dataclass(frozen=True, slots=True)
class ApiRule:
    """How requests of one API are judged.

    ``judge`` is the escape hatch: it decides alone. ``versions`` are those that the rule was written for; others are
    refused and not advertised. ``claims`` names the request fields that the rule looks at, ``exempt`` those that name
    something and need no right, with the reason.
    """

    key: ApiKey
    clauses: tuple[Clause, ...] = ()
    judge: Judge | None = None
    summary: str = ""
    claims: frozenset[str] = frozenset()
    exempt: tuple[tuple[str, str], ...] = ()
    highest: int | None = None

    @property
    def versions(self) -> range:
        """The versions that are served."""
        known = known_versions(self.key)
        return known if self.highest is None else range(known.start, min(known.stop, self.highest + 1))

    def apply(self, call: Call) -> Verdict:
        """Judge one request."""
        if self.judge is not None:
            return self.judge(call)
        plan = Plan()
        for clause in self.clauses:
            verdict = clause.apply(call, plan)
            if verdict is not None:
                return verdict
        return call.forward(*plan.edits)
