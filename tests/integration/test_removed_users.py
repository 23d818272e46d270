"""A user that is removed is gone, also where it is connected; nobody else notices."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.authentication.users_file import add_user, remove_user
from proxy.embedded import KafkaCluster
from tests.integration.door import Door, eventually
from tests.integration.wire import wire

pytestmark = pytest.mark.kafka


@pytest.fixture
def own_door(kafka_1_1_1: KafkaCluster, tmp_path: Path) -> Iterator[Door]:
    """A doorkeeper whose users may be changed."""
    door = Door(tmp_path, kafka_1_1_1.bootstrap_servers).start()
    yield door
    door.stop()


def test_the_sessions_of_a_removed_user_end_within_seconds(own_door: Door) -> None:
    with wire(own_door, "alice") as alice, wire(own_door, "bob") as bob, wire(own_door, "alice", "ssl") as certified:
        began = time.monotonic()
        remove_user(own_door.directory / "users.yaml", "alice")
        assert alice.is_closed()
        assert time.monotonic() - began < 10
        for other in (bob, certified):
            assert other.ask(ApiKey.METADATA, 1, topics=None).brokers
    assert own_door.counter("doorkeeper_connections_closed_total", reason="identity_revoked") == 1
    with wire(own_door, None) as stranger:
        assert stranger.log_in("alice", "alice-password").error_code == ErrorCode.sasl_authentication_failed


def test_a_change_of_users_disturbs_nobody_who_stays(own_door: Door) -> None:
    def logs_in(user: str) -> bool:
        with wire(own_door, None) as newcomer:
            return bool(newcomer.log_in(user, "some-password").error_code == ErrorCode.none)

    with wire(own_door, "alice") as alice, wire(own_door, "bob", "sasl_ssl") as bob:
        for turn in range(3):
            user = f"user{turn}"
            add_user(own_door.directory / "users.yaml", user, "some-password", secrets.randbits)
            eventually(lambda user=user: logs_in(user))
            for client in (alice, bob):
                assert client.ask(ApiKey.METADATA, 1, topics=None).brokers
