"""How long one decision takes. Run as `python -m bench.suites.decide BINDINGS ROUNDS`; writes JSON."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from bench.suites.others import Decision
from policies.authorizer import Authorizer
from policies.model import AclBinding, Operation, PatternType, Permission, Principal, ResourceType
from proxy.enforcement.access import Access, Mode, Verdicts
from proxy.enforcement.rights import WRITE_TOPIC

_HOST: Final = "10.1.2.3"
_TEAM: Final = 10
_ASKED: Final = 20_000
_FEW: Final = 1_000


def bindings(number: int) -> Iterator[AclBinding]:
    """Teams, each with two rights on literal and prefixed topics."""
    for index in range(number):
        team, which = divmod(index, _TEAM)
        operation = Operation.READ if which % 2 else Operation.WRITE
        pattern = PatternType.PREFIXED if which >= _TEAM - 2 else PatternType.LITERAL
        yield AclBinding(
            ResourceType.TOPIC,
            f"team-{team}.topic-{which // 2}",
            pattern,
            Principal("User", f"team-{team}"),
            "*",
            operation,
            Permission.ALLOW,
        )


def time_decisions(authorizer: Authorizer, teams: int) -> Decision:
    """Half of the questions are answered by a literal pattern, half by a prefix."""
    team = f"team-{teams // 2}"
    principal = Principal("User", team)
    names = [f"{team}.topic-{number % 4}" if number % 2 else f"{team}.topic-4-{number}" for number in range(_ASKED)]
    fresh = _per_call(
        lambda: [authorizer.decide(principal, _HOST, Operation.WRITE, ResourceType.TOPIC, name) for name in names],
        len(names),
    )
    verdicts = Verdicts(authorizer, Mode.ENFORCE)
    access = Access(lambda: verdicts, principal, _HOST)
    few = names[:_FEW]
    for name in few:
        access.allows(WRITE_TOPIC, name, quiet=True)
    remembered = _per_call(lambda: [access.holds(WRITE_TOPIC, name) for name in few], len(few))
    return Decision(teams * _TEAM, fresh, remembered)


def _per_call(work: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) / calls * 1e6


def main() -> None:
    """See the module."""
    number, rounds = map(int, sys.argv[1:3])
    authorizer = Authorizer(bindings(number))
    gc.freeze()
    found = [time_decisions(authorizer, number // _TEAM) for _ in range(rounds)]
    sys.stdout.write(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
