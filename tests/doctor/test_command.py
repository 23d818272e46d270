"""The command, in front of real clusters: what it prints, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from proxy.embedded import KafkaCluster
from proxy.embedded.network import LOOPBACK, free_port, free_range
from tests.integration.door import eventually
from tests.integration.wire import Wire

ELSEWHERE = "127.0.0.2"
"""Another host, to a broker on this one."""


def doctor(*arguments: str | Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "proxy.cli", "doctor", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def examined(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    exit_code, printed, complaints = doctor(*arguments, "--json")
    assert exit_code in (0, 1), complaints
    return exit_code, json.loads(printed)["findings"]


def kinds(findings: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(found["level"], found["check"]) for found in findings}


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration whose listener has a port for one broker."""

    def write(servers: str, *, node_ids: str = "1-1", topics: str = "'*'", cluster: str = "") -> Path:
        port = free_range(3)
        (tmp_path / "policy.yaml").write_text(
            f"policies:\n  - {{name: all, principals: [User:a], allow: [Read], topics: [{topics}]}}\n"
        )
        path = tmp_path / "doorkeeper.yaml"
        path.write_text(
            f"cluster: {{bootstrap_servers: [{servers}]{cluster}}}\nlisteners:\n  - name: clients\n"
            f"    bind: {LOOPBACK}:{port}\n    advertise: {LOOPBACK}\n"
            f"    brokers: {{first_port: {port + 1}, node_ids: {node_ids}}}\n    security_protocol: PLAINTEXT\n"
            "policy: {file: policy.yaml}\nlimits: {max_connections: 100}\n"
        )
        return path

    return write


@pytest.mark.kafka
def test_a_cluster_that_is_well(kafka: KafkaCluster, configured: Callable[..., Path]) -> None:
    exit_code, printed, complaints = doctor("-c", configured(kafka.bootstrap_servers))
    assert (exit_code, complaints) == (0, "")
    lines = printed.splitlines()
    assert lines[0].startswith(f"cluster: 1 of 1 broker reached, Kafka {kafka.version.rpartition('.')[0]}, ")
    assert lines[-1].startswith("problems: 0, warnings: ")


@pytest.mark.kafka
def test_every_problem_is_told_at_once(kafka_of_three: KafkaCluster, configured: Callable[..., Path]) -> None:
    nobody = f"{LOOPBACK}:{free_port()}"
    path = configured(f"{nobody}, {kafka_of_three.bootstrap_servers.split(',')[0]}", topics="no-such-topic")
    exit_code, found = examined("-c", path)
    assert exit_code == 1
    assert {
        ("problem", "server-unreachable"),
        ("problem", "broker-not-advertised"),
        ("warning", "topic-missing"),
    } <= kinds(found)
    (hidden,) = (each for each in found if each["check"] == "broker-not-advertised")
    assert hidden["message"].startswith("broker 2, 3 ")
    assert hidden["subject"] == f"{path}:6:14"


@pytest.mark.kafka
@pytest.mark.parametrize("listener", ["LOGIN", "LOGIN_TLS"])
def test_a_broker_that_has_security_is_examined_through_it(
    many_doors: KafkaCluster, configured: Callable[..., Path], listener: str
) -> None:
    login = ", security_protocol: SASL_PLAINTEXT, sasl: {mechanism: PLAIN, username: door, password: store-password}"
    if listener == "LOGIN_TLS":
        login = f"{login.replace('PLAINTEXT', 'SSL')}, tls: {{ca: {many_doors.directory / 'ca.pem'}}}"
    servers = many_doors.servers_of(listener)
    exit_code, found = examined("-c", configured(servers, cluster=login))
    assert exit_code == 0, found
    assert not {each["check"] for each in found} & {"server-unreachable", "settings-not-told"}
    exit_code, found = examined("-c", configured(servers, cluster=login.replace("store-password", "wrong")))
    assert exit_code == 1
    (told,) = (each for each in found if each["check"] == "server-unreachable")
    assert "sasl_authenticate" in told["message"]


@pytest.mark.kafka
@pytest.mark.parametrize("listener", ["TLS", "CERTIFICATE", "LOGIN"])
def test_a_broker_that_has_more_security_than_we_know_of_is_told_as_that(
    many_doors: KafkaCluster, configured: Callable[..., Path], listener: str
) -> None:
    exit_code, found = examined("-c", configured(many_doors.servers_of(listener)))
    assert exit_code == 1
    (told,) = (each for each in found if each["check"] == "server-unreachable")
    kind = "that encrypts" if listener == "TLS" else "that asks who comes"
    assert f": there is a Kafka {kind}" in told["message"]
    assert "cluster.security_protocol" in told["remedy"]


def test_what_check_warns_of_is_told_too(configured: Callable[..., Path]) -> None:
    path = configured(f"{LOOPBACK}:{free_port()}")
    path.write_text(path.read_text().replace("policy.yaml}", "policy.yaml, mode: observe}"))
    _, found = examined("-c", path)
    assert ("warning", "configuration") in kinds(found)
    assert "only observed" in " ".join(each["message"] for each in found)


@pytest.mark.kafka
def test_who_comes_past_us_is_found(
    kafka: KafkaCluster, configured: Callable[..., Path], unique_name: Callable[[str], str]
) -> None:
    group = unique_name("past")
    with Wire(kafka.broker(1).port, source=ELSEWHERE) as past:
        protocols = [{"name": "range", "metadata": b""}]
        times = {"session_timeout": timedelta(seconds=30), "rebalance_timeout": timedelta(seconds=1)}
        values = {"group_id": group, "protocol_type": "consumer", "protocols": protocols, **times}
        eventually(lambda: past.ask(ApiKey.FIND_COORDINATOR, 0, key=group).error_code is ErrorCode.none)
        eventually(lambda: past.ask(ApiKey.JOIN_GROUP, 1, **values).error_code is ErrorCode.none)
        path = configured(kafka.bootstrap_servers)
        exit_code, found = examined("-c", path)
        told = [each for each in found if each["check"] == "past-us" and each["subject"] == ELSEWHERE]
        assert [each["level"] for each in told] == ["warning"]
        assert group in told[0]["message"]
        assert exit_code == 0
        _, found = examined("-c", path, "--doorkeeper", ELSEWHERE)
        assert ELSEWHERE not in {each["subject"] for each in found}


@pytest.mark.kafka
def test_from_a_clients_machine_what_is_reached_is_a_problem(many_doors: KafkaCluster) -> None:
    exit_code, found = examined("--as-client", many_doors.bootstrap_servers)
    assert exit_code == 1
    reached = {each["subject"].partition(" ")[2].strip("()") for each in found if each["level"] == "problem"}
    beside = "ZooKeeper" if many_doors.version == "1.1.1" else "listener CONTROLLER of broker 1"
    assert reached == {"broker 1", "listener TLS of broker 1", beside}
    (closed,) = (each for each in found if each["check"] == "closed")
    assert str(many_doors.broker(1).ports["LOGIN"]) in closed["message"]


@pytest.mark.kafka
def test_from_a_clients_machine_nothing_is_reached(many_doors: KafkaCluster) -> None:
    exit_code, printed, _ = doctor("--as-client", f"{many_doors.servers_of('LOGIN')},{LOOPBACK}:{free_port()}")
    assert exit_code == 0
    assert "problems: 0" in printed


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "expected either -c doorkeeper.yaml or --as-client"),
        (["-c", "doorkeeper.yaml", "--as-client", "a:1"], "expected either -c doorkeeper.yaml or --as-client"),
        (["--as-client", "broker-one"], "expected host:port, found 'broker-one'"),
        (["--as-client", "a:1", "--doorkeeper", "10.0.0.5"], "--doorkeeper"),
        (["-c", "no-such-file.yaml"], "no-such-file.yaml"),
    ],
)
def test_wrong_input(arguments: list[str], complaint: str) -> None:
    exit_code, printed, complaints = doctor(*arguments)
    assert (exit_code, printed) == (2, "")
    assert complaint in complaints


def test_faults_of_the_files_come_first(configured: Callable[..., Path]) -> None:
    path = configured(f"{LOOPBACK}:{free_port()}")
    path.write_text(path.read_text().replace("first_port", "frist_port"))
    exit_code, printed, complaints = doctor("-c", path)
    assert (exit_code, printed) == (2, "")
    assert "did you mean 'first_port'?" in complaints
