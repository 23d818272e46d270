"""The quickstart from start to end."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from rich.markup import escape

from proxy.embedded.errors import EmbeddedError
from proxy.embedded.java import version_tuple
from proxy.embedded.process import ChildProcess
from proxy.quickstart.screen import Screen
from proxy.quickstart.service import held, running_doorkeeper, running_kafka
from proxy.quickstart.site import Site

_DEFAULT_DIRECTORY = Path("quickstart-data")
_OLDEST = (0, 11)
_LOOK_S = 0.5


def main(version: str = "1.1.1", directory: Path | None = None, *, check: bool = False) -> int:
    """Show the doorkeeper in front of a real Kafka, and stay up until Ctrl-C or SIGTERM.

    :param version: the version of the embedded Kafka.
    :param directory: where everything is kept; `quickstart-data` if None, with `check` a temporary one.
    :param check: end after the show.
    :return: the exit code: 0 only when all behaved as it must.
    """
    screen = Screen()
    temporary = Path(tempfile.mkdtemp(prefix="doorkeeper-quickstart-")) if check and directory is None else None
    place = (temporary or directory or _DEFAULT_DIRECTORY).absolute()
    try:
        with _ended_by_signals(), held(place):
            fine = _perform(screen, version, Site(place), check=check)
    except EmbeddedError as error:
        screen.fail(str(error))
        fine = False
    except KeyboardInterrupt:
        screen.say("\nended")
        fine = not check
    # What failed is left to be looked at.
    if temporary is not None and fine:
        shutil.rmtree(temporary, ignore_errors=True)
    return 0 if fine else 1


def _perform(screen: Screen, version: str, site: Site, *, check: bool) -> bool:
    try:
        from proxy.quickstart.clients import create_topic, scenes  # noqa: PLC0415 - stands on an optional extra
    except ImportError:
        raise EmbeddedError("the clients are missing: pip install 'kafka-doorkeeper[quickstart]'") from None
    if version_tuple(version) < _OLDEST:
        raise EmbeddedError(f"the clients of the quickstart need Kafka 0.11 or later, not {version}")

    screen.say(f"Everything is kept in [bold]{escape(str(site.directory))}[/]")
    with ExitStack() as running:
        with screen.waiting() as progress:
            kafka = running.enter_context(running_kafka(version, site.directory, progress))
            is_own_policy = site.write(kafka.bootstrap_servers)
            create_topic(kafka.bootstrap_servers)
            progress("the doorkeeper: starting")
            doorkeeper = running.enter_context(running_doorkeeper(site))
        screen.say(f"Kafka {version} without any security: {kafka.bootstrap_servers}")
        screen.say(f"The doorkeeper in front of it:    {site.bootstrap_servers}\n")
        if not is_own_policy:
            screen.say(f"[yellow]{escape(str(site.policy))} is not as it came: what you see follows it[/]\n")
        outcomes = [screen.play(scene) for scene in scenes(site)]
        if not check:
            screen.commands(site, kafka.tools)
            _stay(screen, site, doorkeeper)
        return all(outcomes)


def _stay(screen: Screen, site: Site, doorkeeper: ChildProcess) -> None:
    """Show what is denied, as long as the doorkeeper runs.

    :raises EmbeddedError: when it ends by itself.
    """
    with site.audit.open() as trail:
        trail.seek(0, os.SEEK_END)
        while doorkeeper.running:
            for line in _new_lines(trail):
                screen.denial(line)
            time.sleep(_LOOK_S)
    raise EmbeddedError(f"the doorkeeper ended. The end of {doorkeeper.log}:\n{doorkeeper.tail()}")


def _new_lines(trail: TextIO) -> Iterator[str]:
    """Give the lines that were written to the end since the last time."""
    while True:
        start = trail.tell()
        line = trail.readline()
        if not line.endswith("\n"):
            trail.seek(start)
            return
        yield line


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM is Ctrl-C, and Ctrl-C is heard too where a shell started this in the background, that is deaf to it."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
