"""Scripts played on both sides, and what is not alike."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from protocol.apis import ApiKey
from tests.differential.acls import Acl, concerning
from tests.differential.known import ENDING, is_known
from tests.differential.nodes import Node, Pair
from tests.differential.normal import Difference, differences, is_transient, normal
from tests.differential.scripts.draw import Made
from tests.differential.values import Script, Step
from tests.differential.world import differing_effects, restore, settle_both

_PATIENCE_S: Final = 3.0


@dataclass
class Failure:
    """A script whose answers or effects differ."""

    user: str
    played: list[Step]
    acls: list[Acl]
    found: list[str]

    def __str__(self) -> str:
        """What differs, and a script that shows it again."""
        acls = "".join(f"        {acl!r},\n" for acl in concerning(self.acls, self.user))
        steps = "".join(f"        {step!r},\n" for step in self.played)
        differing = "\n".join(self.found)
        return (
            f"{differing}\n\n"
            "# To see it again:\n"
            "from protocol.apis import ApiKey\n"
            "from tests.differential.replay import *\n\n"
            f"replay(\n    user={self.user!r},\n    acls=[\n{acls}    ],\n    steps=[\n{steps}    ],\n)\n"
        )


@dataclass
class Runner:
    """Plays scripts and counts them."""

    pair: Pair
    counts: Counter[tuple[ApiKey, int]] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)

    def play(self, user: str, script: Script) -> Failure | None:
        """Play one script; the first step whose answers differ ends it."""
        for node in self.pair.both:
            node.answers = []
        for number, step in enumerate(script):
            before = self._ended()
            found = list(self._differences(user, step))
            self.counts[step.api_key, step.version] += 1
            if self._ended() > before:
                return None
            if found:
                played = list(script[: number + 1])
                told = [f"{step.api_key.label} v{step.version} for {user}:"]
                told += [f"  {path or 'answer'}: Kafka {real!r}, doorkeeper {ours!r}" for path, real, ours in found]
                return Failure(user, played, self.pair.acls, told)
        return None

    def _ended(self) -> int:
        return sum(self.known[name] for name in ENDING)

    def finish(self, user: str, script: Script, made: Made) -> Failure | None:
        """Let the controllers' writes arrive and put the topics right; what became of topics must be alike."""
        if made.settles:
            settle_both(self.pair)
        if not made.restores:
            return None
        real, ours = restore(self.pair)
        if real == ours:
            return None
        return Failure(user, list(script), self.pair.acls, [f"afterwards Kafka has {real}, doorkeeper {ours}"])

    def compare_effects(self, user: str, played: list[Step]) -> Failure | None:
        """Whether both worlds are alike."""
        found = differing_effects(self.pair)
        return Failure(user, played, self.pair.acls, ["effects differ:", *found]) if found else None

    def _differences(self, user: str, step: Step) -> Iterator[Difference]:
        for node in self.pair.both:
            node.send(user, step)
        real, ours = (self._answer(node, user, step) for node in self.pair.both)
        for difference in differences(real, ours):
            name = is_known(step, user, real, ours, difference)
            if name is None:
                yield difference
            else:
                self.known[name] += 1

    def _answer(self, node: Node, user: str, step: Step) -> Any:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            tree = normal(step.api_key, node.receive(user, step), node.names)
            if not is_transient(tree) or time.monotonic() > deadline:
                return tree
            node.answers.pop()
            time.sleep(0.01)
            node.send(user, step)
