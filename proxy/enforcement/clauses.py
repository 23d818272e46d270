"""The four clauses of which the rules of most APIs are made.

- :class:`Gate`: the whole request or nothing.
- :class:`Cut`: split the items; the allowed go on, each denied one becomes an entry of the answer.
- :class:`Hide`: entries of the answer that the principal may not know of are removed.
- :class:`Annotate`: authorized-operations bit fields are computed from our own policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from kio.schema.errors import ErrorCode

from policies.model import CLUSTER_NAME, Operation, ResourceType
from protocol.errors import sentence
from protocol.refusals import refuse, refused_item
from protocol.splice import Item, Message
from proxy.enforcement.call import Call
from proxy.enforcement.rights import Right
from proxy.enforcement.verdict import Answer, AnswerEdit, Verdict

NOT_ASKED: Final = -(2**31)
"""The bit field of somebody who did not ask for it, or whose item was denied."""

Namer = Callable[[Any], str]
Entry = Callable[[Call, Any, ErrorCode], Any]
"""(call, item of the request, error) -> item of the answer."""


@dataclass(slots=True)
class Plan:
    """What the clauses so far want done with the answer."""

    edits: list[AnswerEdit] = field(default_factory=list)


class Clause(Protocol):
    """A part of a rule."""

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Judge; edit the request of ``call`` or add to ``plan``. A verdict ends the rule, None lets it go on."""
        ...

    def describe(self) -> str:
        """What is asked and what a denial is, for people."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """The whole request needs a right on one resource; a denial is the error of the whole request."""

    right: Right
    name: Namer
    message: bool = False
    """Whether the answer carries the error's standard sentence (where it has a place for it)."""

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Refuse the request if the right is missing."""
        if call.access.allows(self.right, self.name(call.request)):
            return None
        return Answer(refusal(call, self.right.error, with_message=self.message))

    def describe(self) -> str:
        """For people."""
        return f"{self.right}, else {self.right.error.name.upper()} for the whole request"


@dataclass(frozen=True, slots=True)
class Require:
    """The request must have a form that Kafka checks before it asks for rights."""

    form: Callable[[Call], bool]
    error: ErrorCode
    what: str

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Refuse a request of another form."""
        return None if self.form(call) else Answer(refusal(call, self.error))

    def describe(self) -> str:
        """For people."""
        return f"{self.what}, else {self.error.name.upper()}"


@dataclass(frozen=True, slots=True)
class Cut:
    """Each item needs a right on the resource that it names; the denied ones are answered without the broker.

    ``ask_anyway`` says that the broker is asked even if nothing is left: its own error may take the place of all.
    ``first`` puts the denied entries before the broker's, else they stand behind them.
    ``distinct`` answers a denied item that stands twice only once.
    """

    items: str
    right: Right
    answer: str
    name: Namer
    entry: Entry
    ask_anyway: bool = False
    first: bool = False
    distinct: bool = False

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Cut the denied items out of the request and promise their entries of the answer."""
        items = call.message.items(self.items)
        allowed: list[Item] = []
        denied: list[Any] = []
        for item in items:
            if call.access.allows(self.right, self.name(item.value)):
                allowed.append(item)
            else:
                denied.append(item.value)
        if not denied:
            return None
        if self.distinct:
            denied = list(dict.fromkeys(denied))
        entries = [self.entry(call, item, self.right.error) for item in denied]
        if not allowed and not self.ask_anyway:
            return Answer(call.build_answer(**{self.answer: tuple(entries)}))
        items.keep(allowed)
        plan.edits.append(adding(self.answer, entries, first=self.first))
        return None

    def describe(self) -> str:
        """For people."""
        return f"{self.right} for each of {self.items}, else {self.right.error.name.upper()} for that one"


@dataclass(frozen=True, slots=True)
class Hide:
    """Entries of the answer that the principal has no right to see are not there."""

    answer: str
    right: Right
    name: Namer
    unless: Right | None = None
    """A right on the cluster that shows everything."""

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Promise to filter the answer."""
        if self.unless is None or not call.access.holds(self.unless):
            plan.edits.append(lambda answer: self._filter(call, answer))
        return None

    def _filter(self, call: Call, answer: Message) -> None:
        items = answer.items(self.answer)
        shown = [item for item in items if call.access.allows(self.right, self.name(item.value), quiet=True)]
        if len(shown) < len(items):
            items.keep(shown)

    def describe(self) -> str:
        """For people."""
        otherwise = f"{self.unless}, else " if self.unless else ""
        return f"{otherwise}{self.right} for each of the answer's {self.answer}, else it is not shown"


@dataclass(frozen=True, slots=True)
class Annotate:
    """The authorized-operations bits of each item of the answer say what our policy says.

    An unsecured broker sets the bit of every operation that it knows, so its bits are the mask of ours.
    """

    answer: str
    operations: Sequence[Operation]
    resource_type: ResourceType
    name: Namer
    asked: Callable[[Any], bool]
    bits: str = "authorized_operations"

    def apply(self, call: Call, plan: Plan) -> Verdict | None:
        """Promise to compute the bits if the request asks for them."""
        if self.asked(call.request):
            plan.edits.append(lambda answer: self._annotate(call, answer))
        return None

    def _annotate(self, call: Call, answer: Message) -> None:
        items = answer.items(self.answer)
        for item in items:
            if item.value.error_code == ErrorCode.none:
                bits = call.access.bits(self.operations, self.resource_type, self.name(item.value))
                bits &= getattr(item.value, self.bits)
                items.replace(item, replace(item.value, **{self.bits: bits}))

    def describe(self) -> str:
        """For people."""
        return f"the bits of {self.answer} are computed from the policy"


def cluster(_request: Any) -> str:
    """The name of the one cluster resource."""
    return CLUSTER_NAME


def field_of(name: str) -> Namer:
    """A namer that reads a field."""
    return lambda entity: getattr(entity, name)


def itself(item: Any) -> str:
    """The namer of an item that is a bare name."""
    name: str = item
    return name


def refused(answer: str, *, named: str = "name", message: str | None = None, with_sentence: bool = False) -> Entry:
    """An entry that repeats the item with the error; ``message`` is its text, or the error's own sentence."""

    def entry(call: Call, item: Any, error: ErrorCode) -> Any:
        text = sentence(error) if with_sentence else message
        return refused_item(call.answer_item(answer), item, error, text, named=named)

    return entry


def refusal(call: Call, error: ErrorCode, *, with_message: bool = False) -> Any:
    """The answer that refuses the whole request."""
    text = sentence(error) if with_message else None
    return refuse(call.head.api_key, call.version, call.request, error, text)


def forward_kept(
    call: Call, items: str, kept: Sequence[Item], answer: str, entries: Sequence[Any], *, first: bool = False
) -> Verdict:
    """Send on the items that are kept, and answer the others by ``entries``; with nothing kept, without the broker."""
    if not entries:
        return call.forward()
    if not kept:
        return Answer(call.build_answer(**{answer: tuple(entries)}))
    call.message.items(items).keep(kept)
    return call.forward(adding(answer, entries, first=first))


def adding(answer_field: str, entries: Sequence[Any], *, first: bool = False) -> AnswerEdit:
    """Put entries before or behind those of the broker's answer."""

    def add(answer: Message) -> None:
        # A group's own error takes the place of everything, denied items included.
        if answer.has("error_code") and answer.value("error_code") != ErrorCode.none:
            return
        items = answer.items(answer_field)
        if first:
            items.insert(entries)
        else:
            items.append(entries)

    return add
