"""The clients of the matrix: how each is built, started, and let in by the doorkeeper."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.embedded.java import kafka_jars
from proxy.embedded.jvm import java_command, packaged_jvm

SOURCES: Final = Path(__file__).parent / "clients"
JAVA_VERSIONS: Final = ("0.8.2.2", "0.9.0.1", "0.10.2.2", "1.1.1", "2.8.2", "3.9.1", "4.1.0")
_GO: Final = ("franz", "sarama", "kafkago")
_PYTHON: Final = ("librdkafka", "kafka_python", "aiokafka")
_NEEDED: Final = ("javac", "go", "node", "npm")
_OLDEST: Final = "0.8.2.2"


@dataclass(frozen=True)
class Way:
    """How a client comes in: the doorkeeper's listener, and the client's own words for it."""

    listener: str
    security: str
    mechanism: str = ""


SCRAM: Final = Way("sasl_ssl", "SASL_SSL", "SCRAM-SHA-256")
PLAIN: Final = Way("sasl_ssl", "SASL_SSL", "PLAIN")
CERTIFICATE: Final = Way("ssl", "SSL")
NOTHING: Final = Way("plaintext", "PLAINTEXT")
"""For clients that can do nothing: the listener says who they are."""

_JAVA_WAYS: Final = {"0.8.2.2": NOTHING, "0.9.0.1": CERTIFICATE, "2.8.2": CERTIFICATE, "4.1.0": PLAIN}
"""2.8 cannot log in where Java has no security manager any more, as the one that runs it here."""
_OTHER_WAYS: Final = {"aiokafka": PLAIN, "sarama": CERTIFICATE, "kafkago": CERTIFICATE}
_NAMES: Final = {"franz": "franz-go", "sarama": "Sarama", "kafkago": "kafka-go", "kafka_python": "kafka-python"}


@dataclass(frozen=True)
class Client:
    """One client, ready to be started."""

    name: str
    way: Way
    command: tuple[str, ...]


def missing_programs() -> list[str]:
    """What the matrix needs on this machine and does not find."""
    return [program for program in _NEEDED if shutil.which(program) is None]


def build_clients(folder: Path, say: Callable[[str], None]) -> list[Client]:
    """Build every client in a folder; jars, Go modules and packages come from their registries.

    :raises subprocess.CalledProcessError: if one cannot be built.
    """
    say("building the clients")
    return [*_java(folder / "java"), *_python(), *_go(folder / "go"), _kafkajs(folder / "kafkajs")]


def _java(folder: Path) -> list[Client]:
    made = []
    for version in JAVA_VERSIONS:
        jars = kafka_jars(version)
        main, classes = ("Oldest" if version == _OLDEST else "Modern"), folder / version
        classes.mkdir(parents=True)
        sources = [str(SOURCES / "java" / f"{name}.java") for name in ("Steps", main)]
        _run("javac", "-nowarn", "-d", str(classes), "-cp", jars.class_path, *sources)
        logging = {"org.slf4j.simpleLogger.defaultLogLevel": "off"}
        command = java_command(packaged_jvm(heap_mb=128), jars, main, (), logging)
        command[command.index("-cp") + 1] = f"{classes}{os.pathsep}{jars.class_path}"
        made.append(Client(f"Java {version}", _JAVA_WAYS.get(version, SCRAM), tuple(command)))
    return made


def _python() -> list[Client]:
    return [
        Client(
            _NAMES.get(name, name),
            _OTHER_WAYS.get(name, SCRAM),
            (sys.executable, str(SOURCES / "python" / f"with_{name}.py")),
        )
        for name in _PYTHON
    ]


def _go(folder: Path) -> list[Client]:
    folder.mkdir(parents=True)
    _run("go", "build", "-o", f"{folder}{os.sep}", *(f"./{name}" for name in _GO), inside=SOURCES / "go")
    return [Client(_NAMES[name], _OTHER_WAYS.get(name, SCRAM), (str(folder / name),)) for name in _GO]


def _kafkajs(folder: Path) -> Client:
    shutil.copytree(SOURCES / "kafkajs", folder)
    _run("npm", "ci", "--silent", "--no-audit", "--no-fund", inside=folder)
    return Client("KafkaJS", SCRAM, ("node", str(folder / "client.js")))


def _run(*command: str, inside: Path | None = None) -> None:
    subprocess.run(command, cwd=inside, check=True)
