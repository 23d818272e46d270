"""The pair of nodes, started once, and the table of what was compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import pytest

from protocol.apis import ApiKey
from tests.differential.acls import drawn
from tests.differential.nodes import Pair
from tests.differential.runner import Runner
from tests.differential.world import prepare

SEED: Final = int(os.environ.get("DIFFERENTIAL_SEED", "1"))
_FINISHED: list[Runner] = []


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Both sides, with the ACLs of the first seed."""
    pair = Pair(tmp_path_factory.mktemp("differential"), drawn(SEED))
    made = Runner(pair)
    _FINISHED.append(made)
    try:
        prepare(pair)
        yield made
    finally:
        pair.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many requests of each API and version were compared."""
    for made in _FINISHED:
        terminalreporter.section(f"requests compared with a secured Kafka (DIFFERENTIAL_SEED={SEED})")
        for api_key in sorted({key for key, _ in made.counts}):
            counts = {version: count for (key, version), count in sorted(made.counts.items()) if key == api_key}
            shown = " ".join(f"v{version}:{count}" for version, count in counts.items())
            terminalreporter.write_line(f"{ApiKey(api_key).label:28} {sum(counts.values()):6}  {shown}")
        terminalreporter.write_line(f"in all {sum(made.counts.values())}")
        for name, count in sorted(made.known.items()):
            terminalreporter.write_line(f"intended difference {name}: {count}")
