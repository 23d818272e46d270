"""How scripts are drawn, and where they are registered."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from protocol.apis import ApiKey
from tests.differential.names import GROUPS, IMPOSSIBLE, INTERNAL, MISSING, PARTITIONS, TRANSACTIONAL_IDS
from tests.differential.values import Script, Step

T = TypeVar("T")


class Draw(random.Random):
    """Random choices of what requests are made of."""

    def topic(self) -> str:
        """Mostly one that exists."""
        return self.choice([*PARTITIONS] * 4 + [*MISSING] * 2 + [INTERNAL[0]])

    def topics(self, *, fewest: int = 0, most: int = 5, odd: bool = False) -> list[str]:
        """Any number of topics; one may stand twice, and where it is `odd` some have impossible names."""
        found = [self.topic() for _ in range(self.randint(fewest, most))]
        if odd and self.random() < 0.15:
            found.append(self.choice(IMPOSSIBLE))
        return found

    def distinct_topics(self, *, fewest: int = 0, most: int = 5, odd: bool = False) -> list[str]:
        """None of them twice."""
        return list(dict.fromkeys(self.topics(fewest=fewest, most=most, odd=odd)))

    def partitions(self) -> list[int]:
        """Mostly the first; some do not exist."""
        return [self.choice([0, 0, 0, 1, 7]) for _ in range(self.choice([1, 1, 2]))]

    def distinct_partitions(self) -> list[int]:
        """None of them twice."""
        return list(dict.fromkeys(self.partitions()))

    def group(self) -> str:
        """A group."""
        return self.choice([*GROUPS] * 3 + [""])

    def transactional_id(self) -> str:
        """A transactional id."""
        return self.choice(TRANSACTIONAL_IDS)

    def maybe(self, value: T, otherwise: Any = None, chance: float = 0.5) -> Any:
        """The value, or the other one."""
        return value if self.random() < chance else otherwise

    def flag(self) -> bool:
        """True or false."""
        return self.random() < 0.5


Maker = Callable[[Draw, int], Script]


@dataclass(frozen=True)
class Made:
    """What makes the scripts of one API.

    `settles` says that the controller writes, so that what comes next has to wait for the broker; `restores` that
    topics come and go.
    """

    make: Maker
    settles: bool = False
    restores: bool = False


MAKERS: Final[dict[ApiKey, list[Made]]] = {}


def script(api_key: ApiKey, *, settles: bool = False, restores: bool = False) -> Callable[[Maker], Maker]:
    """Register a function that makes scripts for each version of an API."""

    def register(make: Maker) -> Maker:
        MAKERS.setdefault(api_key, []).append(Made(make, settles, restores))
        return make

    return register


def one(api_key: ApiKey, version: int, **values: Any) -> Sequence[Step]:
    """A script of a single step."""
    return [Step(api_key, version, values)]
