"""All that one run has found; what is None was not measured."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from bench.load.jobs import Memory, Sample
from bench.suites.others import Decision, Start, Storm
from bench.suites.profile import Profile
from bench.suites.real import RealFlows
from bench.suites.scaling import Curve
from bench.suites.turns import Plan, Samples


class Contestants(msgspec.Struct, frozen=True):
    """Who took part, in the order of the columns, what is to be known of them, and who was not there."""

    names: Sequence[str]
    notes: Mapping[str, str]
    absent: Sequence[str]


class Findings(msgspec.Struct, kw_only=True):
    """The samples of every suite."""

    machine: Mapping[str, Any]
    plan: Plan
    contestants: Contestants
    bystanders: float = 0.0
    flows: Samples | None = None
    latency: Mapping[str, Sequence[Sample]] | None = None
    memory: Mapping[str, Memory] | None = None
    storms: Mapping[str, Sequence[Storm]] | None = None
    starts: Mapping[str, Sequence[Start]] | None = None
    decisions: Mapping[int, Sequence[Decision]] | None = None
    curves: Sequence[Curve] = ()
    workers: Mapping[int, Sequence[Sample]] | None = None
    real: Sequence[RealFlows] = ()
    profiles: Sequence[Profile] = ()

    def json(self) -> bytes:
        """Every sample."""
        return msgspec.json.format(msgspec.json.encode(self))


def machine() -> Mapping[str, Any]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "uvloop": version("uvloop"),
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
