"""Passwords and certificates towards the next hop change without a restart, and nobody is cut off."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.apis import ApiKey
from proxy.authentication.users_file import add_user
from proxy.embedded import KafkaCluster
from tests.integration.door import Door, eventually
from tests.integration.sidecar import Sidecar
from tests.integration.way_in import WayIn
from tests.integration.wire import Wire

pytestmark = pytest.mark.kafka


@pytest.fixture
def far(kafka_1_1_1: KafkaCluster, tmp_path: Path) -> Iterator[Door]:
    """The next hop."""
    door = Door(tmp_path / "far", kafka_1_1_1.bootstrap_servers).start()
    yield door
    door.stop()


def served(client: Wire) -> bool:
    return bool(client.ask(ApiKey.METADATA, 1, topics=None).brokers)


def gets_in(port: int) -> bool:
    try:
        with Wire(port) as newcomer:
            return served(newcomer)
    except ConnectionError:
        return False


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_the_password_of_the_next_hop_may_change(far: Door, tmp_path: Path, mechanism: str) -> None:
    password = tmp_path / "password"
    password.write_text("alice-password")
    login = ("--sasl", mechanism, "--username", "alice", "--password-file", str(password))
    trust = ("--ca", str(far.directory / "ca.pem"))
    near = Sidecar(tmp_path / "near", far.bootstrap("sasl_ssl"), (*login, *trust))
    with near as sidecar, Wire(sidecar.port) as old:
        assert served(old)
        add_user(far.directory / "users.yaml", "alice", "another", secrets.randbits)
        eventually(lambda: not gets_in(sidecar.port))
        password.write_text("another")
        eventually(lambda: gets_in(sidecar.port))
        assert served(old)


def test_our_certificate_for_the_next_hop_may_change(far: Door, tmp_path: Path) -> None:
    """New connections show the new one."""
    near = WayIn(
        tmp_path / "near",
        far.bootstrap("ssl"),
        protocol="SASL_PLAINTEXT",
        sasl="{mechanisms: [PLAIN]}",
        limits="users: users.yaml\n",
        hop=", security_protocol: SSL, tls: {ca: far.pem, certificate: own.pem, key: own.key}",
    )
    far.authority.write_pem(near.directory / "far.pem")
    far.authority.client("alice").write_pem(near.directory / "own.pem", near.directory / "own.key")
    near.start()
    try:
        with Wire(near.ports["way_in"]) as old:
            old.log_in("alice", "alice-password")
            assert served(old)
            far.authority.client("bob").write_pem(near.directory / "own.pem", near.directory / "own.key")
            eventually(lambda: near.counter("doorkeeper_policy_reloads_total", result="success"))
            with Wire(near.ports["way_in"]) as new:
                new.log_in("alice", "alice-password")
                assert served(new)
            assert served(old)
        eventually(lambda: far.audited("authentication.succeeded", principal="User:bob", mechanism="SSL"))
    finally:
        near.stop()
