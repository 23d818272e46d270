"""Records what brokers say that they have: ``python -m tests.protocol.recordings.api_versions 4.2.0 ...``.

Each version's answer takes its place in the file; 2.0 to 2.3 start on a Java of their time alone, 11 for one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.java import version_tuple
from tests.integration.wire import Wire

FILE = Path(__file__).parent / "api_versions.txt"
"""JSON: by version, of each API its key, its lowest and its highest version."""

Recorded = dict[str, list[list[int]]]


def read() -> Recorded:
    """What is recorded."""
    found: Recorded = json.loads(FILE.read_text())
    return found


def record(version: str) -> list[list[int]]:
    """Ask a broker of a version."""
    with KafkaCluster(version) as cluster, Wire(cluster.broker(1).port) as wire:
        told = wire.ask(ApiKey.API_VERSIONS, 0).api_keys
    return sorted([entry.api_key, entry.min_version, entry.max_version] for entry in told)


def main(versions: list[str]) -> None:
    """Record these versions beside those that are recorded."""
    found = read() | {version: record(version) for version in versions}
    lines = (
        f"{json.dumps(v)}: {json.dumps(found[v], separators=(',', ':'))}" for v in sorted(found, key=version_tuple)
    )
    FILE.write_text("{\n  " + ",\n  ".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
