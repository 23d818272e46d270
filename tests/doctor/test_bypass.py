"""What can be reached past the doorkeeper."""

from __future__ import annotations

import pytest

from proxy.doctor.bypass import advice, judge_doors, judge_members, places
from proxy.doctor.doors import Door
from proxy.doctor.finding import Level
from proxy.doctor.survey import Member, Server, Survey
from tests.doctor.support import HOST, checks, cluster, node

OTHER = "10.0.0.12"


def tried(settings: dict[str, str | None] | None) -> dict[tuple[str, int], str]:
    """The places that the settings of a broker add to its own."""
    found = places(cluster(node(settings=settings)))
    assert found.pop((HOST, 9092)) == "broker 1"
    return found


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ("PLAINTEXT://:9092", {}),
        ("PLAINTEXT://0.0.0.0:9092,TLS://0.0.0.0:9093", {(HOST, 9093): "listener TLS of broker 1"}),
        ("INSIDE://10.9.9.9:9094", {("10.9.9.9", 9094): "listener INSIDE of broker 1"}),
        (
            "A://[::]:9095, B://[fe80::1]:9096",
            {(HOST, 9095): "listener A of broker 1", ("fe80::1", 9096): "listener B of broker 1"},
        ),
        ("PLAINTEXT://:0", {}),
        ("PLAINTEXT://:nonsense", {}),
        ("10.0.0.99:9099", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_every_listener_of_a_broker_is_tried(listeners: str | None, expected: dict[tuple[str, int], str]) -> None:
    assert tried({"listeners": listeners}) == expected


def test_zookeeper_is_tried_where_the_broker_has_it() -> None:
    assert tried({"zookeeper.connect": "zk1:2181, zk2,10.0.0.3:2182/kafka"}) == {
        ("zk1", 2181): "ZooKeeper",
        ("zk2", 2181): "ZooKeeper",
        ("10.0.0.3", 2182): "ZooKeeper",
    }
    assert tried({"zookeeper.connect": ""}) == {}


def test_controllers_are_tried() -> None:
    assert tried({"controller.quorum.voters": "1@c1:9093,2@c2:9093"}) == {
        ("c1", 9093): "controller 1",
        ("c2", 9093): "controller 2",
    }
    assert tried({"controller.quorum.bootstrap.servers": "c1:9093, c2:9093"}) == {
        ("c1", 9093): "a controller",
        ("c2", 9093): "a controller",
    }


def test_an_old_broker_tells_nothing_so_the_usual_port_is_tried() -> None:
    assert tried(None) == {(HOST, 2181): "ZooKeeper, perhaps, beside broker 1"}


def test_a_cluster_without_brokers_may_have_a_zookeeper() -> None:
    assert places(Survey((Server((HOST, 9092)),))) == {
        (HOST, 9092): "a bootstrap server",
        (HOST, 2181): "ZooKeeper, perhaps",
    }


def test_the_place_of_a_broker_is_called_that_and_not_by_a_listener() -> None:
    found = places(cluster(node(settings={"listeners": "PLAINTEXT://:9092"}), node(2, OTHER)))
    assert found == {(HOST, 9092): "broker 1", (OTHER, 9092): "broker 2"}


@pytest.mark.parametrize("door", list(Door))
def test_from_where_clients_are_every_open_door_is_a_problem(door: Door) -> None:
    address = (HOST, 9092)
    found = list(judge_doors({address: door}, {address: "broker 1"}, as_client=True))
    expected = (Level.PROBLEM, "open") if door.stands_open else (Level.FINE, "closed")
    assert [(each.level, each.check) for each in found] == [expected]
    if door.stands_open:
        assert found[0].subject == "10.0.0.11:9092 (broker 1)"
        assert door.value in found[0].message


@pytest.mark.parametrize(("host", "expected"), [(HOST, ["open"]), ("127.0.0.1", []), ("::1", [])])
def test_from_the_doorkeepers_machine_it_is_a_warning_unless_nobody_else_gets_there(
    host: str, expected: list[str]
) -> None:
    address = (host, 9092)
    found = list(judge_doors({address: Door.OPEN}, {address: "broker 1"}, as_client=False))
    assert checks(found) == expected
    assert {each.level for each in found} <= {Level.WARNING}


def test_on_this_machine_too_a_client_must_not_reach_a_broker() -> None:
    address = ("127.0.0.1", 9092)
    assert checks(list(judge_doors({address: Door.OPEN}, {address: "broker 1"}, as_client=True))) == ["open"]


def test_what_to_try_next_names_what_was_reached() -> None:
    doors = {(OTHER, 9092): Door.OPEN, (HOST, 2181): Door.ZOOKEEPER, (HOST, 9093): Door.GUARDED, ("::1", 1): Door.OPEN}
    assert advice(doors) == f"doorkeeper doctor --as-client {HOST}:2181,{OTHER}:9092"
    assert advice({("fd00::1", 9092): Door.OPEN}) == "doorkeeper doctor --as-client [fd00::1]:9092"
    assert advice({("127.0.0.1", 9092): Door.OPEN, (HOST, 9093): Door.GUARDED}) is None


def test_one_member_is_one() -> None:
    (found,) = judge_members([node(members=(Member("g", "app", "10.0.0.77"),))], set())
    assert "1 member of groups" in found.message


def test_members_that_come_from_elsewhere_are_told_by_host() -> None:
    ours, theirs = "10.0.0.5", "10.0.0.77"
    members = (
        Member("g1", "app", ours),
        Member("g2", "job", theirs),
        Member("g3", "job", theirs),
        Member("g4", "other", "10.0.0.6"),
    )
    nodes = [node(members=members[:2]), node(2, OTHER, members=members[2:])]
    (found,) = judge_members(nodes, {ours, "10.0.0.6"})
    assert (found.level, found.check, found.subject) == (Level.WARNING, "past-us", theirs)
    assert "2 members of groups from there: groups g2, g3; clients job" in found.message
    assert f"--doorkeeper {theirs}" in (found.remedy or "")
    assert list(judge_members(nodes, {ours, theirs, "10.0.0.6"})) == []
