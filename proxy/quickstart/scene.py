"""What the quickstart shows: attempts, each with what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: as it must be, or not, and in the words of who tried."""

    as_it_must_be: bool
    words: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One attempt. `reason` asks the policy why it must end as it must, where the policy has a say."""

    title: str
    play: Callable[[], Outcome]
    reason: Callable[[], str] | None = None
