"""Play one script that differed once more: everything that a printed failure needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.differential.acls import Acl
from tests.differential.nodes import Pair
from tests.differential.normal import normal
from tests.differential.values import Records, Step, Told, TopicId
from tests.differential.world import differing_effects, prepare

__all__ = ["Acl", "Records", "Step", "Told", "TopicId", "replay"]


def replay(user: str, acls: Iterable[Acl], steps: Iterable[Step]) -> None:
    """Start both sides, and print each step with both answers, and how the worlds differ afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        pair = Pair(Path(directory), acls)
        try:
            prepare(pair)
            for step in steps:
                answers = [normal(step.api_key, node.ask(user, step), node.names) for node in pair.both]
                print(f"{step!r}\n  Kafka:      {answers[0]}\n  doorkeeper: {answers[1]}")  # noqa: T201
            print(*differing_effects(pair), sep="\n")  # noqa: T201
        finally:
            pair.stop()
