"""The two sides: a Kafka that is secured itself, and an open one behind a doorkeeper with the same ACLs."""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_DNS, UUID, uuid5

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.authentication.credentials import ScramMechanism
from proxy.authentication.users_file import add_user
from proxy.embedded import KafkaCluster
from proxy.embedded.listeners import authorizer_settings, plain_listener
from proxy.embedded.network import LOOPBACK, free_port, free_range
from proxy.embedded.process import ChildProcess
from tests.differential.acls import ALLOW, DENY, DESCRIBE, LITERAL, OPEN, TOPIC, USERS, Acl, policy_text
from tests.differential.values import Step, entity_of
from tests.integration.door import ENOUGH_S, eventually
from tests.integration.wire import Wire

VERSION: Final = "4.1.0"
CLOSED: Final = "the connection was closed"
UNANSWERED: Final = "nothing is ever answered"
SILENT: Final = "there was no answer in time"
_PATIENCE_S: Final = 8.0

_SETTINGS: Final = {
    # What a controller writes goes out at once, not after 25 ms.
    "controller.quorum.append.linger.ms": "0",
    "unstable.api.versions.enable": "true",
    "unstable.feature.versions.enable": "true",
    "group.share.min.heartbeat.interval.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "1000",
    "offset.metadata.max.bytes": "100",
    # The records are old, and each side would delete them at its own time.
    "log.retention.ms": "-1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
_FEATURES: Final = {"share.version": 1, "streams.version": 1, "transaction.version": 2}
_MARKER: Final = "marker"


@dataclass
class Node:
    """One side: where its users connect, where we look in as a super user past all checks, and what it said so far."""

    name: str
    cluster: KafkaCluster
    port: int
    ids: dict[str, UUID] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)
    _connections: dict[str, Wire] = field(default_factory=dict)
    _admin: Wire | None = None

    @property
    def admin(self) -> Wire:
        """A connection to the broker's own plain listener."""
        if self._admin is None:
            self._admin = Wire(self.cluster.broker(1).port)
        return self._admin

    def topic_id(self, name: str) -> UUID:
        """The id of a topic."""
        return self.ids.get(name) or uuid5(NAMESPACE_DNS, name)

    def answer(self, step: int) -> Any:
        """The answer to an earlier step of the script; None if there was none."""
        return self.answers[step] if step < len(self.answers) else None

    def learn_topics(self) -> dict[str, int]:
        """Look which topics there are, with the count of their partitions, and keep their ids."""
        told = self.admin.ask(ApiKey.METADATA, 12, topics=None).topics
        self.ids = {topic.name: topic.topic_id for topic in told}
        self.names |= {topic.topic_id: topic.name for topic in told}
        return {topic.name: len(topic.partitions) for topic in told}

    def connection(self, user: str) -> Wire:
        """The connection of a user, logged in."""
        if user not in self._connections:
            made = Wire(self.port)
            made.give_up_after(_PATIENCE_S)
            assert made.log_in(user, f"{user}-password").error_code == ErrorCode.none
            self._connections[user] = made
        return self._connections[user]

    def hang_up(self, user: str) -> None:
        """Let a user come anew the next time."""
        if (found := self._connections.pop(user, None)) is not None:
            found.close()

    def ask(self, user: str, step: Step) -> Any:
        """The answer to a step; CLOSED, or UNANSWERED where there is none but the connection lives on."""
        self.send(user, step)
        return self.receive(user, step)

    def send(self, user: str, step: Step) -> None:
        """Send a step, so that the other side may work at the same time."""
        with suppress(ConnectionError):
            self.connection(user).send(step.api_key, step.version, entity_of(step, self))

    def receive(self, user: str, step: Step) -> Any:
        """What comes of a step that was sent."""
        wire = self.connection(user)
        try:
            if step.api_key is ApiKey.PRODUCE and step.values.get("acks") == 0:
                # Anybody may ask for no topics. A broker answers in order, or closes the connection before it does.
                wire.ask(ApiKey.METADATA, 1, topics=())
                outcome: Any = UNANSWERED
            else:
                outcome = wire.receive(step.api_key, step.version)[1]
        except (ConnectionError, TimeoutError) as fault:
            self.hang_up(user)
            outcome = SILENT if isinstance(fault, TimeoutError) else CLOSED
        self.answers.append(None if isinstance(outcome, str) else outcome)
        return outcome

    def stop(self) -> None:
        """Leave it and end it."""
        for user in list(self._connections):
            self.hang_up(user)
        if self._admin is not None:
            self._admin.close()
        self.cluster.stop()


def _door_configuration(directory: Path, cluster: KafkaCluster, port: int, admin_port: int) -> None:
    (directory / "doorkeeper.yaml").write_text(
        f"cluster: {{bootstrap_servers: ['{cluster.bootstrap_servers}']}}\n"
        f"listeners:\n"
        f"  - name: clients\n"
        f"    bind: {LOOPBACK}:{port}\n"
        f"    advertise: {LOOPBACK}\n"
        f"    brokers: {{first_port: {port + 1}, node_ids: 1-1}}\n"
        f"    security_protocol: SASL_PLAINTEXT\n"
        f"    sasl: {{mechanisms: [PLAIN]}}\n"
        f"users: users.yaml\npolicy: {{file: policy.yaml}}\naudit: {{file: audit.jsonl}}\n"
        f"admin: {{bind: '{LOOPBACK}:{admin_port}'}}\n"
    )


class Pair:
    """Both sides, in step."""

    def __init__(self, directory: Path, acls: Iterable[Acl]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.acls = list(acls)
        users = {user: f"{user}-password" for user in USERS}
        secured = KafkaCluster(
            VERSION,
            listeners=[plain_listener(users)],
            properties=_SETTINGS | authorizer_settings(VERSION, ["User:admin"], allow_if_no_acl=OPEN),
        )
        opened = KafkaCluster(VERSION, properties=_SETTINGS)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(KafkaCluster.start, (secured, opened)))
        port, self._admin_port = free_range(2), free_port()
        self.real = Node("Kafka", secured, secured.broker(1).ports["CLIENTS"])
        self.ours = Node("doorkeeper", opened, port)
        self._start_door(opened, port)
        self._generation = 0
        self._create(self.acls)
        for node in self.both:
            _finalize_features(node)

    @property
    def both(self) -> tuple[Node, Node]:
        """The real one first."""
        return self.real, self.ours

    def _start_door(self, cluster: KafkaCluster, port: int) -> None:
        for user in USERS:
            add_user(
                self.directory / "users.yaml",
                user,
                f"{user}-password",
                secrets.randbits,
                mechanisms=[next(iter(ScramMechanism))],
                iterations=4096,
            )
        (self.directory / "policy.yaml").write_text(policy_text(self.acls))
        _door_configuration(self.directory, cluster, port, self._admin_port)
        command = [sys.executable, "-m", "proxy.cli", "run", "-c", str(self.directory / "doorkeeper.yaml")]
        self.door = ChildProcess("doorkeeper", command, self.directory / "doorkeeper.log")
        self.door.start()
        self.door.wait_until(lambda: _listens(port), ENOUGH_S)

    def _create(self, acls: Iterable[Acl]) -> None:
        creations = [acl.creation() for acl in acls]
        answer = self.real.admin.ask(ApiKey.CREATE_ACLS, 3, creations=creations)
        refused = [
            (creation, result)
            for creation, result in zip(creations, answer.results, strict=True)
            if result.error_code != ErrorCode.none
        ]
        assert refused == []

    def replace_acls(self, acls: Iterable[Acl]) -> None:
        """Put other ACLs in force on both sides."""
        self._generation += 1
        # It lets nobody see a topic or, where all is open, hides one from nobody.
        permission = DENY if OPEN else ALLOW
        marker = Acl("nobody", permission, DESCRIBE, TOPIC, f"{_MARKER}-{self._generation}", LITERAL)
        everything: Mapping[str, Any] = {
            "resource_type_filter": 1,
            "pattern_type_filter": 1,
            "resource_name_filter": None,
            "principal_filter": None,
            "host_filter": None,
            "operation": 1,
            "permission_type": 1,
        }
        self.real.admin.ask(ApiKey.DELETE_ACLS, 3, filters=[everything])
        self.acls = list(acls)
        self._create([*self.acls, marker])
        (self.directory / "policy.yaml.new").write_text(policy_text([*self.acls, marker]))
        (self.directory / "policy.yaml.new").replace(self.directory / "policy.yaml")
        self.door.signal(signal.SIGHUP)
        for node in self.both:
            eventually(lambda node=node: _may_describe(node, marker.name) is not OPEN)

    def stop(self) -> None:
        """End everything."""
        self.door.stop()
        for node in self.both:
            node.stop()


def _listens(port: int) -> bool:
    try:
        Wire(port).close()
    except OSError:
        return False
    return True


def _may_describe(node: Node, topic: str) -> bool:
    values = {"topics": [{"name": topic}], "allow_auto_topic_creation": False}
    (told,) = node.ask("nobody", Step(ApiKey.METADATA, 9, values)).topics
    return bool(told.error_code != ErrorCode.topic_authorization_failed)


def _finalize_features(node: Node) -> None:
    for feature, level in _FEATURES.items():
        node.admin.ask(
            ApiKey.UPDATE_FEATURES,
            1,
            timeout_ms=10_000,
            feature_updates=[{"feature": feature, "max_version_level": level, "upgrade_type": 1}],
        )
