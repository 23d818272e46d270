"""One client and one broker: what it can do without the doorkeeper, and through it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK, free_range
from tests.integration.door import NODE_IDS, STORE_PASSWORD, Door, eventually
from tests.integration.wire import Wire
from tests.matrix.programs import Client

STEPS: Final = ("list", "produce", "consume")
DENIALS: Final = {"denied write": {"list", "produce"}, "denied group": {"consume"}}
"""What a client must be able to do before it can say that it is denied something: also to read a list of topics."""
_USER: Final = "alice"
_DENIED_TOPIC: Final = "secret"
_MESSAGES, _WAIT_S = 3, 12
_LONGEST_S: Final = 8 * _WAIT_S
_numbers = itertools.count(1)

_PLAINTEXT: Final = """\
  - name: plaintext
    bind: 127.0.0.1:{port}
    advertise: 127.0.0.1
    brokers: {{first_port: {first}, node_ids: 1-{count}}}
    security_protocol: PLAINTEXT
    principal: User:alice
"""


@dataclass
class Outcome:
    """What one client could do with one broker."""

    client: str
    broker: str
    direct: Mapping[str, str] = field(default_factory=dict)
    """Steps that went wrong without the doorkeeper, with the client's words."""
    through: Mapping[str, str] = field(default_factory=dict)
    """Steps that went wrong through it."""

    @property
    def able(self) -> list[str]:
        """What works without the doorkeeper."""
        return [step for step in STEPS if step not in self.direct]

    @property
    def broken(self) -> dict[str, str]:
        """What must work through the doorkeeper and does not."""
        wanted = [*self.able, *(denial for denial, steps in DENIALS.items() if steps <= set(self.able))]
        return {step: self.through[step] for step in wanted if step in self.through}


def with_plaintext_listener(door: Door) -> Door:
    """Add a listener for clients that can neither encrypt nor log in."""
    port = free_range(NODE_IDS + 2)
    door.ports["plaintext"] = port
    path = door.directory / "doorkeeper.yaml"
    listener = _PLAINTEXT.format(port=port, first=port + 1, count=NODE_IDS)
    path.write_text(path.read_text().replace("users: users.yaml", f"{listener}users: users.yaml"))
    return door


def prepare(cluster: KafkaCluster) -> None:
    """Create the topic that nobody may write to."""
    _make_topic(cluster, _DENIED_TOPIC)


def try_pair(client: Client, cluster: KafkaCluster, door: Door) -> Outcome:
    """Run the client's script straight to the broker, and then through the doorkeeper."""
    common = {"BROKER_VERSION": cluster.version, "MESSAGES": str(_MESSAGES), "WAIT_S": str(_WAIT_S)}
    straight = common | {"BOOTSTRAP": cluster.bootstrap_servers, "SECURITY": "PLAINTEXT"}
    through = common | _way_in(client, door) | {"DENIED_TOPIC": _DENIED_TOPIC, "DENIED_GROUP": "secret-group"}
    outcome = Outcome(client.name, cluster.version, _faults(client, cluster, straight, STEPS))
    if outcome.able:
        # Nothing has to work that does not work straight, and nothing takes as long as what does not work.
        outcome.through = _faults(client, cluster, through, (*STEPS, *DENIALS))
    return outcome


def _way_in(client: Client, door: Door) -> dict[str, str]:
    folder, way = door.directory, client.way
    return {
        "BOOTSTRAP": f"{LOOPBACK}:{door.ports[way.listener]}",
        "SECURITY": way.security,
        "MECHANISM": way.mechanism,
        "USERNAME": _USER,
        "PASSWORD": f"{_USER}-password",
        "CA": str(folder / "ca.pem"),
        "CERTIFICATE": str(folder / f"{_USER}.pem"),
        "KEY": str(folder / f"{_USER}.key"),
        "TRUST_STORE": str(folder / "trust.p12"),
        "KEY_STORE": str(folder / f"{_USER}.p12"),
        "STORE_PASSWORD": STORE_PASSWORD,
    }


def _faults(client: Client, cluster: KafkaCluster, given: Mapping[str, str], steps: tuple[str, ...]) -> dict[str, str]:
    """The steps that went wrong, with the reason."""
    name = f"a-{next(_numbers)}"
    _make_topic(cluster, name)
    environment = os.environ | given | {"TOPIC": name, "GROUP": f"{name}-group"}
    try:
        done = subprocess.run(
            client.command, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
        output, errors = done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        output, errors = _text(late.stdout), "it did not end in time"
    told: dict[str, Any] = {line["step"]: line for line in map(json.loads, output.splitlines())}
    missing = {"ok": False, "error": f"not reached: {errors[-200:].strip()}"}
    lines = {step: told.get(step, missing) for step in steps}
    return {step: line.get("error", "") for step, line in lines.items() if not line["ok"]}


def _text(output: str | bytes | None) -> str:
    return output.decode() if isinstance(output, bytes) else output or ""


def _make_topic(cluster: KafkaCluster, name: str) -> None:
    """Old brokers cannot be asked to create a topic, but all create one that is named."""
    port = int(cluster.bootstrap_servers.split(",")[0].split(":")[1])
    with Wire(port) as wire:

        def is_led() -> bool:
            (topic,) = wire.ask(ApiKey.METADATA, 0, topics=[{"name": name}]).topics
            return topic.error_code == ErrorCode.none and all(each.leader_id >= 0 for each in topic.partitions)

        eventually(is_led)


def log_of(door: Door) -> Path:
    """Where a doorkeeper says why it closed a connection."""
    return door.directory / "doorkeeper.log"
