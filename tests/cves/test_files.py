"""Attacks by way of what is configured: secrets that leak, rules that get lost, addresses that lead elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from tests.authentication.issuer import NAME, Issuer
from tests.integration.conftest import make_topic
from tests.integration.door import POLICY, Door, eventually
from tests.integration.way_in import WayIn
from tests.integration.wire import produce_values, wire
from tests.providers.issuer_server import IssuerServer, document

pytestmark = pytest.mark.kafka


def test_cve_2019_12399_a_secret_that_is_part_of_a_value_is_not_told(
    kafka_4_1: KafkaCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the whole: not by the log of a login that fails, nor by the status page, the metrics or ``check``."""
    monkeypatch.setenv("HALF_A_SECRET", "sesame")
    login = "sasl: {mechanism: PLAIN, username: door, password: 'open-${HALF_A_SECRET}-now'}"
    door = WayIn(
        tmp_path,
        kafka_4_1.bootstrap_servers,
        sasl="{mechanisms: [PLAIN]}",
        hop=f", security_protocol: SASL_PLAINTEXT, {login}",
        limits="users: users.yaml\n",
    )
    door.process.start()
    try:
        eventually(lambda: "a broker does not let us in" in door.log())
        told = door.log() + "".join(door.get(path)[1] for path in ("/", "/metrics", "/readyz"))
    finally:
        door.stop()
    command = [sys.executable, "-m", "proxy.cli", "check", "-c", str(tmp_path / "doorkeeper.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    for secret in ("sesame", "open-", "-now"):
        assert secret not in told + checked.stdout + checked.stderr


@pytest.fixture
def own_door(kafka_4_1: KafkaCluster, tmp_path: Path) -> Iterator[Door]:
    """A doorkeeper whose policy may be changed."""
    door = Door(tmp_path, kafka_4_1.bootstrap_servers).start()
    yield door
    door.stop()


def test_cve_2024_27309_one_rule_less_takes_no_other_along(own_door: Door, kafka_4_1: KafkaCluster) -> None:
    """Rules for one resource come and go, in any order; what is denied stays denied, what is allowed stays allowed."""
    topic = make_topic(kafka_4_1, "rules")
    rules = {
        "alice": "{name: alice-writes, principals: [User:alice], allow: [Write], topics: [rules]}",
        "bob": "{name: bob-writes, principals: [User:bob], allow: [Write], topics: [rules]}",
        "all": "{name: all-write, principals: ['*'], allow: [Write], topics: [rules]}",
        "not-bob": "{name: but-bob, principals: [User:bob], deny: [Write], topics: [rules]}",
    }
    steps = [
        ("alice bob all not-bob", {"alice"}),
        ("alice bob not-bob", {"alice"}),
        ("bob not-bob", set()),
        ("bob", {"bob"}),
        ("all bob", {"alice", "bob"}),
        ("all not-bob", {"alice"}),
        ("not-bob all", {"alice"}),
        ("not-bob", set()),
        ("alice", {"alice"}),
    ]
    with wire(own_door, "alice") as alice, wire(own_door, "bob") as bob:

        def writers() -> set[str]:
            asked = {"alice": alice, "bob": bob}
            found = {
                name: client.ask(ApiKey.PRODUCE, 3, **produce_values({topic: b"x"})) for name, client in asked.items()
            }
            return {
                name
                for name, answer in found.items()
                if answer.responses[0].partition_responses[0].error_code == ErrorCode.none
            }

        for turn, (names, expected) in enumerate(steps, 1):
            own_door.write_policy(POLICY + "".join(f"  - {rules[name]}\n" for name in names.split()))
            eventually(lambda turn=turn: own_door.counter("doorkeeper_policy_generation") > turn)
            assert writers() == expected, names


@pytest.mark.parametrize("text", ["${HOME}", "{file: /etc/passwd}", "$(id)", "${file:/etc/passwd}", "%{env:HOME}"])
def test_cve_2024_31141_a_policy_reads_neither_files_nor_the_environment(tmp_path: Path, text: str) -> None:
    """Who writes policies need not be who runs the doorkeeper: what looks like a reference is a name."""
    policy = tmp_path / "policy.yaml"
    rule = {"name": "x", "principals": [f"User:{text}"], "allow": ["Read"], "topics": ["a"]}
    policy.write_text(json.dumps({"policies": [rule]}))
    command = [sys.executable, "-m", "proxy.cli", "policy", "why", "--policy", str(policy)]
    asked = [f"User:{text}", "Read", "topic", "a"]
    done = subprocess.run([*command, *asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "x" in done.stdout


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://127.0.0.1/keys", "ftp://127.0.0.1/keys", "gopher://127.0.0.1:6379/_x"]
)
def test_cve_2025_27817_keys_come_from_no_file_and_from_no_plain_address(tmp_path: Path, url: str) -> None:
    sasl = f"{{mechanisms: [OAUTHBEARER], oauthbearer: {{jwks_endpoint_url: '{url}', expected_issuer: '{NAME}'}}}}"
    WayIn(tmp_path, "127.0.0.1:1", sasl=sasl)
    command = [sys.executable, "-m", "proxy.cli", "check", "-c", str(tmp_path / "doorkeeper.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"expected an https address, found '{url}'" in done.stderr


def test_cve_2025_27817_nor_does_an_address_lead_to_another(kafka_4_1: KafkaCluster, tmp_path: Path) -> None:
    """A redirect to where only the doorkeeper gets: it is not followed, and nobody gets in by what is there."""
    issuer = Issuer()
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    with IssuerServer(tmp_path / "inside", document(issuer.jwks)).running() as inside:
        elsewhere = document(lambda: b"", 302, Location=inside.url)
        with IssuerServer(tmp_path / "outside", elsewhere).running() as outside:
            sasl = (
                f"{{mechanisms: [OAUTHBEARER], oauthbearer: {{jwks_endpoint_url: '{outside.url}', "
                f"jwks_endpoint_ca: '{outside.ca}', expected_issuer: '{NAME}'}}}}"
            )
            door = WayIn(tmp_path / "door", kafka_4_1.bootstrap_servers, sasl=sasl).start()
            try:
                eventually(lambda: "answered 302" in door.log())
            finally:
                door.stop()
        assert outside.asked
        assert not inside.asked
