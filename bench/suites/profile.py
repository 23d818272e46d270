"""Where the time of the doorkeeper goes: py-spy for its Python functions, perf for what lies below."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load.jobs import Sample
from bench.stage.contestants import Doors
from bench.stage.processes import Load
from bench.suites.turns import Say
from bench.suites.workloads import Workload

_TOP: Final = 18
_RATE_HZ: Final = 250
_EVENT_LOOP: Final = "Runner.run (asyncio/runners.py)"
_SLACK_S: Final = 2.0
_SHARE: Final = re.compile(r"^\s*([\d.]+)%\s+(\S.*?)\s*$")
_POSITION: Final = re.compile(r":\d+\)$")


@dataclass(frozen=True, slots=True)
class Line:
    """A function or library, and its percentages of the process's time: in itself, and with what it calls."""

    name: str
    own: float
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What was seen during one workload; empty where a tool is missing or may not look."""

    title: str
    functions: tuple[Line, ...]
    """Those that take most themselves, and those in which most is spent."""
    libraries: tuple[Line, ...]


def missing_tools() -> list[str]:
    """The profilers that are not there."""
    return [tool for tool in ("py-spy", "perf") if shutil.which(tool) is None]


def profile(load: Load, workload: Workload, doors: Doors, seconds: float, folder: Path, say: Say) -> Profile:
    """Watch a process during a workload, with one tool after the other."""
    title = workload.title
    say(f"profile: {title}")
    pid = str(doors.usual.pids[0])
    raw, recorded = folder / f"{workload.name}.raw", folder / f"{workload.name}.perf"
    functions: tuple[Line, ...] = ()
    libraries: tuple[Line, ...] = ()
    if shutil.which("py-spy"):
        options = ["--gil", "-f", "raw", "-r", str(_RATE_HZ), "-d", str(int(seconds)), "-o", str(raw)]
        _watch(["py-spy", "record", "-p", pid, *options], load, workload, doors, seconds)
        functions = _functions(raw.read_text()) if raw.exists() else ()
    if shutil.which("perf"):
        options = ["-F", str(_RATE_HZ), "-o", str(recorded), "--", "sleep", str(int(seconds))]
        _watch(["perf", "record", "-q", "-p", pid, *options], load, workload, doors, seconds)
        libraries = _libraries(recorded) if recorded.exists() else ()
    return Profile(title, functions, libraries)


def _watch(command: list[str], load: Load, workload: Workload, doors: Doors, seconds: float) -> Sample:
    watcher = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return load.sample(workload.work.job(doors, seconds + _SLACK_S, 0.5))
    finally:
        watcher.wait(30)


def _functions(collapsed: str) -> tuple[Line, ...]:
    """Lines of `outer;inner;innermost count`."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line in collapsed.splitlines():
        stack, _, count = line.rpartition(" ")
        if not stack.strip():
            continue
        frames = [_POSITION.sub(")", frame) for frame in stack.split(";")]
        if _EVENT_LOOP in frames:
            frames = frames[frames.index(_EVENT_LOOP) :]
        own[frames[-1]] += int(count)
        total.update(dict.fromkeys(frames, int(count)))
    everything = sum(own.values()) or 1
    named = dict.fromkeys(name for counted in (own, total) for name, _ in counted.most_common(_TOP))
    return tuple(Line(name, 100 * own[name] / everything, 100 * total[name] / everything) for name in named)


def _libraries(recorded: Path) -> tuple[Line, ...]:
    report = subprocess.run(
        ["perf", "report", "-i", str(recorded), "--stdio", "--no-children", "--sort", "dso"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = (_SHARE.match(line) for line in report.stdout.splitlines())
    return tuple(Line(match[2], float(match[1])) for match in found if match and float(match[1]) >= 0.5)
