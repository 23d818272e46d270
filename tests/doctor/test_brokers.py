"""What would go wrong with these brokers."""

from __future__ import annotations

import pytest

from proxy.addressing.topology import BrokerAddress, VersionFacts
from proxy.config import Config
from proxy.doctor.brokers import judge_brokers
from proxy.doctor.doors import Door
from proxy.doctor.finding import Finding, Level
from proxy.doctor.survey import Server, Survey
from tests.doctor.support import HOST, checks, cluster, config, node, versions

REFUSED = "Connection refused"
ENOUGH = {"max.connections.per.ip": "10000"}


def judged(survey: Survey, by: Config | None = None, **doors: Door) -> list[Finding]:
    named = {(HOST, int(port.removeprefix("port_"))): door for port, door in doors.items()}
    return list(judge_brokers(by or config(), survey, named))


def test_nothing_is_wrong() -> None:
    assert judged(cluster(node(1), node(2, "10.0.0.12", settings=ENOUGH))) == []


def test_a_bootstrap_server_cannot_be_reached() -> None:
    (found,) = judged(Survey((Server((HOST, 9092), trouble=REFUSED),)))
    assert (found.level, found.check) == (Level.PROBLEM, "server-unreachable")
    assert found.subject == "bootstrap server 10.0.0.11:9092"
    assert found.message == REFUSED


@pytest.mark.parametrize("door", [Door.OPEN_TLS, Door.GUARDED, Door.ZOOKEEPER, Door.OTHER])
def test_what_stands_where_no_plain_broker_answers_is_told(door: Door) -> None:
    (server,) = judged(Survey((Server((HOST, 9092), trouble="no answer in time"),)), port_9092=door)
    assert server.message == f"no answer in time: there is {door.value}"
    (broker,) = judged(cluster(node(1, trouble="no answer in time")), port_9092=door)
    assert broker.message == f"no answer in time: there is {door.value}"


def test_a_server_knows_of_no_broker() -> None:
    (found,) = judged(Survey((Server((HOST, 9092)),)))
    assert (found.level, found.check) == (Level.PROBLEM, "no-brokers")


def test_servers_are_of_different_clusters() -> None:
    brokers = {1: BrokerAddress(HOST, 9092)}
    one = Server((HOST, 9092), brokers=brokers, cluster_id="one")
    other = Server(("10.0.0.99", 9092), brokers=brokers, cluster_id="other")
    untold = Server(("10.0.0.98", 9092), brokers=brokers)
    (found,) = judged(Survey((one, other, untold)))
    assert (found.level, found.check) == (Level.PROBLEM, "two-clusters")
    assert "10.0.0.11:9092 is of one, 10.0.0.99:9092 is of other" in found.message
    assert judged(Survey((one, untold))) == []


def test_a_broker_cannot_be_reached() -> None:
    (found,) = judged(cluster(node(1), node(2, "10.0.0.12", trouble=REFUSED)))
    assert (found.level, found.check) == (Level.PROBLEM, "broker-unreachable")
    assert found.subject == "broker 2 at 10.0.0.12:9092"
    assert "advertised.listeners" not in (found.remedy or "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_broker_that_tells_an_address_of_its_own_machine_is_told_what_to_set(host: str) -> None:
    (found,) = judged(cluster(node(1, host, trouble=REFUSED)))
    assert "advertised.listeners" in (found.remedy or "")


@pytest.mark.parametrize(
    ("host", "port", "is_ours"),
    [
        ("kafka.example.com", 9093, True),
        ("kafka.example.com", 9101, True),
        ("127.0.0.1", 9101, True),
        ("kafka.example.com", 9102, False),
        ("kafka.example.com", 9092, False),
        (HOST, 9093, False),
    ],
)
def test_a_broker_that_tells_our_own_address(host: str, port: int, *, is_ours: bool) -> None:
    """The port of broker 2 is not that of broker 1."""
    assert checks(judged(cluster(node(1, host, port)))) == ["broker-is-doorkeeper"] * is_ours


def test_a_port_behind_ours_is_not_ours() -> None:
    assert checks(judged(cluster(node(3, "kafka.example.com", 9103)))) == ["broker-not-advertised"]


def test_a_broker_that_tells_our_own_name_for_it() -> None:
    by = config(
        "users: users.yaml\n",
        listener="    security_protocol: PLAINTEXT\n"
        "  - name: sni\n    bind: 127.0.0.1:9443\n    advertise: k.example.com\n"
        '    brokers: {host: "b{node_id}.example.com"}\n    security_protocol: SASL_SSL\n'
        "    tls: {certificate: a.pem, key: a.key}\n    sasl: {mechanisms: [PLAIN]}\n",
    )
    assert checks(judged(cluster(node(1, "b1.example.com", 9443)), by)) == ["broker-is-doorkeeper"]
    assert checks(judged(cluster(node(1, "b2.example.com", 9443)), by)) == []


def test_a_broker_without_a_port_is_hidden() -> None:
    (found,) = judged(cluster(node(1), node(3), node(7)))
    assert (found.level, found.check) == (Level.PROBLEM, "broker-not-advertised")
    assert found.message.startswith("broker 3, 7 has no port here")
    assert found.subject.endswith("doorkeeper.yaml:6:14")


@pytest.mark.parametrize(
    ("settings", "own_hosts", "wrong"),
    [
        ({"max.connections.per.ip": "2147483647"}, set(), False),
        ({"max.connections.per.ip": "10000"}, set(), False),
        ({"max.connections.per.ip": "9999"}, set(), True),
        ({"max.connections.per.ip": "9", "max.connections.per.ip.overrides": "10.0.0.5:20000"}, {"10.0.0.5"}, False),
        ({"max.connections.per.ip": "9", "max.connections.per.ip.overrides": "10.0.0.6:20000"}, {"10.0.0.5"}, True),
        ({"max.connections.per.ip.overrides": "10.0.0.6:20000, 10.0.0.5:9"}, {"10.0.0.5"}, True),
        ({"max.connections.per.ip.overrides": "10.0.0.6:9"}, {"10.0.0.5"}, False),
        ({"max.connections": "500"}, set(), True),
        ({"max.connections": "2147483647"}, set(), False),
        ({"max.connections": None}, set(), False),
        ({"max.connections": ""}, set(), False),
        ({"max.connections.per.ip.overrides": "10.0.0.5:many"}, {"10.0.0.5"}, False),
    ],
)
def test_a_broker_takes_fewer_connections_than_we_give(
    settings: dict[str, str | None], own_hosts: set[str], *, wrong: bool
) -> None:
    found = judged(cluster(node(settings=settings), own_hosts=frozenset(own_hosts)))
    assert checks(found) == ["connection-limit"] * wrong
    assert {each.level for each in found} <= {Level.PROBLEM}


def test_fewer_clients_need_fewer_connections() -> None:
    by = config("limits: {max_connections: 400}\n")
    assert judged(cluster(node(settings={"max.connections": "500"})), by) == []


def test_a_broker_takes_larger_requests() -> None:
    by = config("limits: {socket_request_max_bytes: 1000000}\n")
    found = judged(cluster(node(settings={"socket.request.max.bytes": "1000001"})), by)
    assert checks(found) == ["request-size"]
    assert judged(cluster(node(settings={"socket.request.max.bytes": "1000000"})), by) == []


def test_a_broker_decides_too() -> None:
    found = judged(cluster(node(settings={"authorizer.class.name": "kafka.security.auth.SimpleAclAuthorizer"})))
    assert checks(found) == ["brokers-authorizer"]
    assert judged(cluster(node(settings={"authorizer.class.name": ""}))) == []


def test_what_a_broker_does_not_tell_is_said_to_be_unknown() -> None:
    (found,) = judged(cluster(node(settings=None)))
    assert (found.level, found.check) == (Level.UNKNOWN, "settings-not-told")
    assert "1.1" in found.message


@pytest.mark.parametrize(
    ("told", "facts", "wrong"),
    [
        ("0.9.0", VersionFacts(None, "0.8.2"), True),
        ("0.8.2", VersionFacts(None, "0.9.0"), True),
        ("0.9.0", versions(), True),
        ("0.9.0.1", VersionFacts(None, "0.9.0"), False),
        ("1.1.1", versions(), False),
        ("auto", VersionFacts(None, "0.9.0"), False),
    ],
)
def test_the_version_that_is_told_is_another(told: str, facts: VersionFacts, *, wrong: bool) -> None:
    by = config(cluster=f", version: {told}")
    found = judged(cluster(node(versions=facts)), by)
    assert checks(found) == ["wrong-version"] * wrong
    expected = facts.release or "newer: 1.1"
    assert all(f"10.0.0.11:9092 is {expected}, " in each.message for each in found)


def test_an_old_and_a_new_broker() -> None:
    (found,) = judged(cluster(node(1, versions=VersionFacts(None, "0.9.0"), settings={}), node(2)))
    assert "0.9.0: 1; 1.1: 2" in found.message


def test_brokers_of_two_versions() -> None:
    (found,) = judged(cluster(node(1), node(2, versions=versions(11))))
    assert (found.level, found.check) == (Level.WARNING, "versions-differ")
    assert "1.1: 1; 2.3: 2" in found.message


def test_quotas_for_users_mean_us() -> None:
    (found,) = judged(cluster(node(), limited_users=("user (default)",)))
    assert (found.level, found.check) == (Level.WARNING, "quotas")
    assert "user (default)" in found.message
