"""Kafka's own command-line tools, run by the Java that is packaged, without a shell script between."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from proxy.embedded.errors import EmbeddedError
from proxy.embedded.java import KafkaJars, Progress, kafka_jars, quiet, version_tuple
from proxy.embedded.jvm import java_command, java_environment, packaged_jvm

# Newest first: the tools moved from Scala to Java one by one, and old names stayed behind as empty shells.
_PACKAGES = (
    "org.apache.kafka.tools",
    "org.apache.kafka.tools.consumer",
    "org.apache.kafka.tools.consumer.group",
    "kafka.admin",
    "kafka.tools",
)


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a tool that has ended."""

    exit_code: int
    stdout: str
    stderr: str


class Tools:
    """The command-line tools of one version of Kafka."""

    def __init__(self, jars: KafkaJars) -> None:
        self._jars = jars

    @classmethod
    def of(cls, version: str, cache: Path | None = None, progress: Progress = quiet) -> "Tools":
        """Make them from a version, downloaded the first time.

        :raises EmbeddedError: if they cannot be had.
        """
        return cls(kafka_jars(version, cache, progress))

    @property
    def producer_servers_option(self) -> str:
        """The option by which this version's console producer takes its bootstrap servers (KIP-499)."""
        return "--bootstrap-server" if version_tuple(self._jars.version) >= (2, 5) else "--broker-list"

    def command(self, tool: str, *arguments: str) -> list[str]:
        """Give the command line of a tool, such as one may paste into a terminal.

        :param tool: the name of its class without package: "ConsoleProducer", "TopicCommand", "ConfigCommand", ...
        :raises EmbeddedError: if this version has no such tool.
        """
        logging = {"org.slf4j.simpleLogger.defaultLogLevel": "warn"}
        main_class = self._jars.find_class(tool, _PACKAGES)
        return java_command(packaged_jvm(heap_mb=256), self._jars, main_class, arguments, logging)

    def run(self, tool: str, *arguments: str, stdin: str = "", timeout_s: float = 60.0) -> Completed:
        """Run a tool to its end.

        :param tool: as for `command`.
        :raises EmbeddedError: if this version has no such tool, or it takes longer than `timeout_s` seconds.
        """
        try:
            done = subprocess.run(
                self.command(tool, *arguments),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                env=java_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedError(
                f"{tool} {' '.join(arguments)} did not end in {timeout_s:.0f} s: {error.stderr!r}"
            ) from error
        return Completed(done.returncode, done.stdout, done.stderr)
