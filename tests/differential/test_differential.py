"""The same requests to a Kafka that is secured itself, and through the doorkeeper to one that is not: nothing differs.

DIFFERENTIAL_SEED gives the first seed, DIFFERENTIAL_ROUNDS the number of seeds, each with other ACLs and requests,
DIFFERENTIAL_SCRIPTS the scripts for each API, version and user. With DIFFERENTIAL_NO_MATCH=allow everybody may do
everything with what no ACL is about.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from protocol.apis import ApiKey
from proxy.enforcement.table import JUDGED
from tests.differential.acls import USERS, drawn
from tests.differential.conftest import SEED
from tests.differential.runner import Failure, Runner
from tests.differential.scripts.all import MAKERS
from tests.differential.scripts.draw import Draw
from tests.differential.values import Step
from tests.differential.world import share

ROUNDS: Final = int(os.environ.get("DIFFERENTIAL_ROUNDS", "1"))
SCRIPTS: Final = int(os.environ.get("DIFFERENTIAL_SCRIPTS", "2"))
OF_SHARES: Final = frozenset(key for key in ApiKey if "SHARE" in key.name and "STATE" not in key.name)
_MOST_SHOWN: Final = 5

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("api_key", [ApiKey(key) for key in JUDGED], ids=lambda key: key.label)
@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
@pytest.mark.timeout(1200)
def test_the_doorkeeper_answers_as_a_secured_kafka(runner: Runner, seed: int, api_key: ApiKey) -> None:
    in_force(runner, seed)
    failures: list[Failure] = []
    served = runner.pair.ours.connection("admin").versions(api_key)
    for version in served:
        failures += compare(runner, seed, api_key, version)
    assert [version for version in served if not runner.counts[api_key, version]] == [], "nothing was compared"
    assert not failures, f"seed {seed}: {len(failures)} differ\n\n" + "\n".join(map(str, failures[:_MOST_SHOWN]))


def in_force(runner: Runner, seed: int) -> None:
    """Put the ACLs of the seed in force."""
    if (acls := drawn(seed)) != runner.pair.acls:
        runner.pair.replace_acls(acls)


def compare(runner: Runner, seed: int, api_key: ApiKey, version: int) -> list[Failure]:
    """Play the scripts of one version, for every user, and look at what they left behind."""
    if api_key in OF_SHARES:
        share(runner.pair)
    found: list[Failure | None] = []
    played: list[Step] = []
    for user in USERS:
        draw = Draw(f"{seed} {api_key.name} {version} {user}")
        for made in MAKERS.get(api_key, ()):
            for _ in range(SCRIPTS):
                script = made.make(draw, version)
                played += script
                found += [runner.play(user, script), runner.finish(user, script, made)]
    found.append(runner.compare_effects("all", played))
    return [failure for failure in found if failure is not None]
