"""What a person sees of the quickstart."""

import json
import shlex
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax

from proxy.embedded.java import Progress
from proxy.embedded.network import LOOPBACK
from proxy.embedded.tools import Tools
from proxy.quickstart.scene import Scene
from proxy.quickstart.site import GROUP, TOPIC, Site

_PYTHON = """\
{python} - <<'END'
from confluent_kafka import Producer
settings = dict(line.strip().split("=", 1) for line in open({settings!r}))
producer = Producer(settings)
producer.produce("{topic}", "from Python", on_delivery=lambda error, message: print(error or "written"))
producer.flush(10)
END"""


class Screen:
    """Writes to a terminal in colour, with a status line while one waits; to anything else as plain lines."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    @contextmanager
    def waiting(self) -> Iterator[Progress]:
        """Show what is being waited for."""
        if not self._console.is_terminal:
            yield lambda message: self._console.print(f"  {escape(message)}")
            return
        with self._console.status("starting") as status:
            yield lambda message: status.update(escape(message))

    def say(self, text: str) -> None:
        """Say something; markup is rich's."""
        self._console.print(text, soft_wrap=True)

    def fail(self, message: str) -> None:
        """Say why it ends here."""
        self.say(f"[bold red]{escape(message)}[/]")

    def play(self, scene: Scene) -> bool:
        """Let an attempt be made; show what became of it and which line of the policy decided."""
        outcome = scene.play()
        mark = "[bold green]✔[/]" if outcome.as_it_must_be else "[bold red]✘[/]"
        self.say(f"{mark} [bold]{escape(scene.title)}[/]: {escape(outcome.words)}")
        if scene.reason is not None:
            self.say(f"[dim]{escape(textwrap.indent(scene.reason(), '    '))}[/]")
        return outcome.as_it_must_be

    def commands(self, site: Site, tools: Tools) -> None:
        """Show what to try next, ready to be pasted."""
        alice, bob = (shlex.quote(str(site.librdkafka_properties(user))) for user in ("alice", "bob"))
        self._section("Why may bob not write? Ask the policy:", _why(site))
        self._section("What stands open beside the doorkeeper, and what would go wrong?", _doctor(site))
        self._section(
            "kcat, as alice and as bob:",
            f"echo tea | kcat -F {alice} -P -t {TOPIC}",
            f"kcat -F {bob} -C -t {TOPIC} -e",
            f"echo tea | kcat -F {bob} -P -t {TOPIC}",
        )
        self._section("Kafka's console tools, here those of the embedded Kafka:", *_console_tools(site, tools))
        self._section(
            "Python:",
            _PYTHON.format(python=sys.executable, settings=str(site.librdkafka_properties("alice")), topic=TOPIC),
        )
        admin = f"http://{LOOPBACK}:{site.admin_port}"
        self.say(
            f"\nChange [bold]{escape(str(site.policy))}[/] and try again: the doorkeeper reads it at once.\n"
            f"Status page: {admin}/    metrics: {admin}/metrics\n"
            "[bold]Ctrl-C[/] ends it. What is denied until then:"
        )

    def _section(self, title: str, *commands: str) -> None:
        self.say(f"\n[bold]{escape(title)}[/]")
        code = "\n".join(commands)
        # Broken over two lines it could not be pasted.
        if self._console.is_terminal:
            self._console.print(Syntax(code, "bash", background_color="default"), soft_wrap=True)
        else:
            self._console.print(code, soft_wrap=True, markup=False)

    def denial(self, line: str) -> None:
        """Show a line of the audit trail, if it tells of a denial or of somebody who could not say who he is."""
        record = json.loads(line)
        if record.get("event") in {"authorization.denied", "authentication.failed"}:
            self.say(f"[red]•[/] {escape(str(record.get('message')))}")


def _why(site: Site) -> str:
    return _doorkeeper("policy", "why", "--policy", str(site.policy), "User:bob", "Write", "topic", TOPIC)


def _doctor(site: Site) -> str:
    return _doorkeeper("doctor", "-c", str(site.configuration))


def _doorkeeper(*arguments: str) -> str:
    return shlex.join([str(Path(sys.executable).with_name("doorkeeper")), *arguments])


def _console_tools(site: Site, tools: Tools) -> Iterator[str]:
    """Give commands for scripts that run the embedded Kafka's own console tools."""
    alice = shlex.quote(str(site.java_properties("alice")))
    producer = _write_script(site, tools, "ConsoleProducer", "kafka-console-producer")
    consumer = _write_script(site, tools, "ConsoleConsumer", "kafka-console-consumer")
    servers = f"{site.bootstrap_servers} --topic {TOPIC}"
    yield f"echo tea | {producer} {tools.producer_servers_option} {servers} --producer.config {alice}"
    yield (
        f"{consumer} --bootstrap-server {servers} --group {GROUP}-tools --from-beginning --timeout-ms 5000"
        f" --consumer.config {alice}"
    )


def _write_script(site: Site, tools: Tools, tool: str, name: str) -> str:
    path = site.directory / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.join(tools.command(tool))} "$@"\n')
    path.chmod(0o744)
    return shlex.quote(str(path))
