"""The jars of Kafka from Maven Central, through jgo (an optional package: import this module late)."""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.maven import Artifact, Dependency, MavenContext
from jgo.parse import Coordinate

from proxy.embedded.errors import EmbeddedError

_DOWNLOADS_AT_ONCE = 4
_ATTEMPTS = 3
_TIMEOUT_S = 60


def download_jars(main: str, single: Sequence[str], staging: Path, progress: Callable[[str], None]) -> Path:
    """Download a jar with everything it needs at run time, and single jars, into one directory.

    :param main: a coordinate such as "org.apache.kafka:kafka_2.13:4.1.0".
    :param single: coordinates of jars that are taken without what they need.
    :param staging: an empty directory on the disk where the jars shall be.
    :return: the directory inside `staging` that holds the jars.
    :raises EmbeddedError: if they cannot be had.
    """
    # jgo's own settings file may name a mirror.
    repositories = GlobalSettings.load().repositories or None
    context = MavenContext(repo_cache=staging / "repository", remote_repos=repositories, timeout=_TIMEOUT_S)
    try:
        progress(f"{main}: asking Maven what it needs")
        inputs, transitive = context.resolver.resolve([_dependency(context, main)])
        needed = [*inputs, *(item for item in transitive if item.scope in {"compile", "runtime"})]
        needed += [_dependency(context, coordinate) for coordinate in single]
        return _gather(main, [item.artifact for item in needed], staging / "jars", progress)
    except (requests.RequestException, RuntimeError) as error:
        raise EmbeddedError(f"cannot download {main} from Maven Central: {error}") from error


def _dependency(context: MavenContext, coordinate: str) -> Dependency:
    return context.create_dependency(replace(Coordinate.parse(coordinate), scope="compile"))


def _gather(what: str, artifacts: list[Artifact], target: Path, progress: Callable[[str], None]) -> Path:
    target.mkdir()
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        downloads = [pool.submit(_fetch, artifact) for artifact in artifacts]
        for done, download in enumerate(as_completed(downloads), 1):
            jar = download.result()
            shutil.move(jar, target / jar.name)
            progress(f"{what}: downloaded {done} of {len(artifacts)} jars ({jar.name})")
    return target


def _fetch(artifact: Artifact) -> Path:
    for _ in range(_ATTEMPTS - 1):
        try:
            return artifact.resolve()
        except requests.RequestException:
            # What came before the line broke would be taken for the whole next time.
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
    return artifact.resolve()
