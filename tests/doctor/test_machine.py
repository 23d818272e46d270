"""Whether this machine can serve what the configuration says."""

from __future__ import annotations

import resource
import socket
from typing import Final

import pytest

from proxy import open_files
from proxy.config import Config
from proxy.doctor.finding import Level
from proxy.doctor.machine import judge_machine
from proxy.embedded.network import LOOPBACK, free_range
from tests.doctor.support import checks, config

HARD = 20_000


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits of open files that are set; at first 1024 of 20,000."""
    history = [(1024, HARD)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: history[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: history.append(pair))
    return history


FEW: Final = "limits: {max_connections: 10}\n"


def here(port: int, bind: str = LOOPBACK, advertise: str = LOOPBACK, node_ids: str = "1-2") -> Config:
    brokers = f"{{first_port: {port + 1}, node_ids: {node_ids!r}}}"
    return config(FEW, bind=f"{bind}:{port}", advertise=advertise, brokers=brokers)


def test_an_address_that_is_not_ours_cannot_be_listened_on() -> None:
    (found,) = judge_machine(here(9093, bind="192.0.2.1"), [1])
    assert (found.level, found.check) == (Level.PROBLEM, "cannot-listen")
    assert "192.0.2.1:9093: Cannot assign requested address" in found.message
    assert found.subject.endswith("doorkeeper.yaml:4:11")


def test_free_ports_are_fine() -> None:
    assert list(judge_machine(here(free_range(3)), [1])) == []
    assert list(judge_machine(here(free_range(3), bind="[::1]"), [])) == []


def test_ports_in_use_are_told_together() -> None:
    port = free_range(3)
    with socket.create_server((LOOPBACK, port)), socket.create_server((LOOPBACK, port + 2)):
        (found,) = judge_machine(here(port), [1])
    assert (found.level, found.check) == (Level.WARNING, "ports-in-use")
    assert found.message.startswith("2 of its 3 ports are in use")


def test_a_name_that_nobody_can_resolve() -> None:
    (found,) = judge_machine(here(free_range(3), advertise="no-such-host.invalid"), [])
    assert (found.level, found.check) == (Level.WARNING, "name-unknown")
    assert "'no-such-host.invalid'" in found.message


def test_too_few_files(limits: list[tuple[int, int]]) -> None:
    by = config("limits: {max_connections: 10000}\n")
    (found,) = (each for each in judge_machine(by, [1]) if each.check == "open-files")
    assert found.level is Level.WARNING
    assert f"enough for {(HARD - 67) // 2} clients" in found.message
    assert str(open_files.needed(by)) in (found.remedy or "")
    assert limits == [(1024, HARD)]


def test_enough_files(limits: list[tuple[int, int]]) -> None:
    by = config("limits: {max_connections: 9900}\n")
    assert "open-files" not in checks(list(judge_machine(by, [1])))
    limits.append((1024, resource.RLIM_INFINITY))
    by = config("limits: {max_connections: 1000000}\n")
    assert "open-files" not in checks(list(judge_machine(by, [1])))


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ((1024, HARD), 1000, (2067, HARD)),
        ((1024, HARD), 10_000, (HARD, HARD)),
        ((1024, resource.RLIM_INFINITY), 10_000, (20_067, resource.RLIM_INFINITY)),
        ((4096, HARD), 1000, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 10_000, None),
    ],
)
def test_the_soft_limit_is_raised_to_what_is_needed(
    limits: list[tuple[int, int]], before: tuple[int, int], wanted: int, after: tuple[int, int] | None
) -> None:
    limits.append(before)
    open_files.allow(config(f"limits: {{max_connections: {wanted}}}\n"))
    assert limits[2:] == ([] if after is None else [after])


def by_name(brokers: str) -> Config:
    listener = "    security_protocol: SSL\n    tls: {certificate: a.pem, key: a.key}\n"
    bind = f"{LOOPBACK}:{free_range(1)}"
    return config(FEW, bind=bind, advertise="localhost", brokers=brokers, listener=listener)


def test_the_name_of_a_broker_that_there_is_is_tried() -> None:
    by = by_name('{host: "b{node_id}.invalid"}')
    (found,) = judge_machine(by, [7, 8])
    assert "'b7.invalid'" in found.message
    assert list(judge_machine(by, [])) == []


def test_ports_on_demand_are_not_tried_before_there_is_demand() -> None:
    port = free_range(1)
    with socket.create_server((LOOPBACK, port)):
        assert list(judge_machine(by_name(f"{{first_port: {port}, node_ids: auto}}"), [1])) == []


def test_only_ports_of_brokers_that_may_exist_are_tried() -> None:
    port = free_range(10)
    by = here(port, node_ids="1,9")
    with socket.create_server((LOOPBACK, port + 4)):
        assert list(judge_machine(by, [1])) == []
    with socket.create_server((LOOPBACK, port + 9)):
        (found,) = judge_machine(by, [1])
    assert found.message.startswith("1 of its 3 ports")


def test_a_port_that_is_used_on_one_address_family_is_used() -> None:
    """A listener on every address takes both families, as `run` does."""
    port = free_range(3)
    with socket.create_server((LOOPBACK, port)):
        (found,) = judge_machine(here(port, bind="[::]"), [1])
    assert found.check == "ports-in-use"


def test_a_host_to_bind_that_nobody_knows() -> None:
    (found,) = judge_machine(here(free_range(3), bind="no-such-host.invalid"), [1])
    assert found.check == "cannot-listen"
    assert "no-such-host.invalid" in found.message


def test_a_listener_without_ports_for_brokers_needs_fewer_files() -> None:
    limited = config("limits: {max_connections: 10}\n")
    assert open_files.needed(limited) - open_files.needed(by_name("{first_port: 9000, node_ids: auto}")) == 2
