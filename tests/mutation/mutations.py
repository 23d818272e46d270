"""What is taken away: a right that a rule asks for, or a clause of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from protocol.apis import ApiKey
from proxy.enforcement import engine
from proxy.enforcement.access import Access
from proxy.enforcement.call import Call
from proxy.enforcement.rights import Right
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Verdict


@dataclass(frozen=True)
class Mutation:
    """Something that is taken away, but in the requests of one API only."""

    api: ApiKey
    what: str
    apply: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.api.label}: {self.what}"


class _Current:
    """Which API is judged at the moment; its answer is edited before the next request comes."""

    api_key = -1


def between_tests() -> None:
    """A test that judges no request asks for nothing."""
    _Current.api_key = -1


@dataclass
class Watcher:
    """Notes which rights are asked for in the requests of which API."""

    asked: dict[tuple[int, Right], None] = field(default_factory=dict)

    def install(self) -> None:
        """Look at every decision from now on."""
        original = Access._ask

        def ask(access: Access, right: Right, name: str) -> Any:
            self.asked[_Current.api_key, right] = None
            return original(access, right, name)

        _patch(Access, "_ask", ask)
        _note_api()


def _patch(holder: Any, name: str, value: Any) -> None:
    setattr(holder, name, value)


def _note_api() -> None:
    original = ApiRule.apply

    def apply(rule: ApiRule, call: Call) -> Verdict:
        _Current.api_key = call.head.api_key
        return original(rule, call)

    _patch(ApiRule, "apply", apply)


def _grant(api_key: int, granted: Right) -> Callable[[], None]:
    def apply() -> None:
        _note_api()
        original = Access._ask

        def ask(access: Access, right: Right, name: str) -> Any:
            decision = original(access, right, name)
            if right is not granted or _Current.api_key != api_key or decision is None:
                return decision
            return replace(decision, allowed=True)

        _patch(Access, "_ask", ask)

    return apply


def _leave_out(api_key: int, index: int) -> Callable[[], None]:
    def apply() -> None:
        rule = engine._RULES[api_key]
        clauses = rule.clauses[:index] + rule.clauses[index + 1 :]
        engine._RULES[api_key] = replace(rule, clauses=clauses)

    return apply


def mutations(watcher: Watcher) -> Iterator[Mutation]:
    for (api_key, right), _ in sorted(watcher.asked.items(), key=lambda pair: (pair[0][0], repr(pair[0][1]))):
        yield Mutation(ApiKey(api_key), f"{right} is granted", _grant(api_key, right))
    for api_key, rule in engine._RULES.items():
        for index, clause in enumerate(rule.clauses):
            what = f"clause {index + 1} is left out ({clause.describe()})"
            yield Mutation(rule.key, what, _leave_out(api_key, index))
