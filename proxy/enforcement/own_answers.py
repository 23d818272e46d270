"""What the brokers behind do not have in use is answered here, as by a broker that has it switched off."""

from __future__ import annotations

from dataclasses import dataclass

from kio.schema.errors import ErrorCode

from protocol.refusals import refuse
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Plan
from proxy.enforcement.verdict import Answer, Verdict


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody gets more than this error, whatever the policy says; it stands behind the clauses that ask for rights."""

    error: ErrorCode
    message: str | None

    def apply(self, call: Call, plan: Plan) -> Verdict | None:  # noqa: ARG002 - every clause is given the plan
        """Refuse the request."""
        return Answer(refuse(call.head.api_key, call.version, call.request, self.error, self.message))

    def describe(self) -> str:
        """For people."""
        return f"then it is answered {self.error.name.upper()}, without the broker"
