"""`make mutations`: is every right and every clause of every rule held by a test?

The tests of the enforcement are collected once and run unchanged, which also shows what each rule asks for. Then each
of these is taken away in a process of its own, and the tests run until one fails:

- a right that a rule asks for (it is granted to everybody, but in the requests of that one API);
- a clause of a rule (it is left out).

What no test notices is told, and makes this fail.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click
import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from tests.mutation.mutations import Mutation

_TESTS = ("tests/enforcement", "--ignore=tests/enforcement/test_coverage.py")
_SURVIVED, _KILLED = 0, 1


class Runner:
    """A pytest plugin that runs the collected tests again and again, each time with something taken away."""

    def __init__(self) -> None:
        self.survivors: list[Mutation] = []
        self.tried = 0

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        # Not before pytest has loaded the plugin of Hypothesis, which kio loads too.
        from tests.mutation.mutations import Watcher, mutations  # noqa: PLC0415

        watcher = Watcher()
        watcher.install()
        if _run(session.items) != _SURVIVED:
            raise pytest.UsageError("the tests must pass before anything is taken away")
        for mutation in mutations(watcher):
            self.tried += 1
            if _in_child(partial(_tried, mutation, session.items)) == _SURVIVED:
                self.survivors.append(mutation)
                click.echo(f"NOT NOTICED  {mutation}")
        return True


def _tried(mutation: Mutation, items: Sequence[pytest.Item]) -> int:
    mutation.apply()
    words = (mutation.api.label.lower(), mutation.api.name.lower())
    near = [item for item in items if any(word in item.nodeid.lower() for word in words)]
    found = set(near)
    return _run([*near, *(item for item in items if item not in found)])


def _in_child(work: Callable[[], int]) -> int:
    """Run something in a copy of this process, and give its exit code."""
    child = os.fork()
    if not child:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(items: Sequence[pytest.Item]) -> int:
    """Run tests until one fails."""
    from tests.mutation.mutations import between_tests  # noqa: PLC0415

    for index, item in enumerate(items):
        between_tests()
        following = items[index + 1] if index + 1 < len(items) else None
        reports = runtestprotocol(item, nextitem=following, log=False)
        if any(report.failed for report in reports):
            return _KILLED
    return _SURVIVED


def main() -> int:
    """Run it; 0 if a test noticed every mutation."""
    began = time.monotonic()
    runner = Runner()
    outcome = pytest.main([*_TESTS, "-q", "-p", "no:cacheprovider"], plugins=[runner])
    noticed = runner.tried - len(runner.survivors)
    click.echo(f"{noticed} of {runner.tried} mutations noticed, in {time.monotonic() - began:.0f} s")
    return 1 if runner.survivors or not runner.tried else int(outcome not in (0, 5))


if __name__ == "__main__":
    sys.exit(main())
