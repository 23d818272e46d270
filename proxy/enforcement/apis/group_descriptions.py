"""A group that uses topics which the principal may not describe is not described."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kio.schema.errors import ErrorCode

from protocol.codec import build
from protocol.splice import Message
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Plan
from proxy.enforcement.rights import DESCRIBE_TOPIC
from proxy.enforcement.verdict import Verdict


@dataclass(frozen=True, slots=True)
class HideGroups:
    """Each described group needs Describe on every topic that ``topics`` finds in it; ``message`` says so else."""

    topics: Callable[[Any], Iterator[str]]
    message: str

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Promise to look at the answer."""
        plan.edits.append(lambda answer: self._look(call, answer))
        return None

    def describe(self) -> str:
        """For people."""
        return f"{DESCRIBE_TOPIC} for every topic of a group, else {DESCRIBE_TOPIC.error.name.upper()} for that group"

    def _look(self, call: Call, answer: Message) -> None:
        items = answer.items("groups")
        for item in items:
            group = item.value
            if group.error_code == ErrorCode.none and not self._may_see(call, group):
                error = DESCRIBE_TOPIC.error
                hidden = build(type(group), group_id=group.group_id, error_code=error, error_message=self.message)
                items.replace(item, hidden)

    def _may_see(self, call: Call, group: Any) -> bool:
        # Each is asked, so that the audit trail has every topic that is missing.
        names = dict.fromkeys(self.topics(group))
        denied = [name for name in names if not call.access.allows(DESCRIBE_TOPIC, name)]
        return not denied
