"""Every broker has one address of ours, and every address of ours leads to one broker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.addressing.advertised import HostPerBroker, PortOnDemand, PortPerBroker

PORTS = PortPerBroker("kafka.example.com", 9101, range(1, 51))
HOSTS = HostPerBroker("b{node_id}.kafka.example.com", 9093)


def test_a_port_per_broker():
    assert PORTS.of(1) == ("kafka.example.com", 9101)
    assert PORTS.of(50) == ("kafka.example.com", 9150)
    assert PORTS.ports() == list(range(9101, 9151))


@pytest.mark.parametrize("node_id", [0, 51, -1, 1001])
def test_an_id_outside_of_the_range_has_no_port(node_id):
    assert PORTS.of(node_id) is None


def test_ids_with_gaps_keep_their_distance():
    some = PortPerBroker("localhost", 9101, (1, 2, 7))
    assert some.ports() == [9101, 9102, 9107]
    assert some.of(3) is None
    assert some.node_of_port(9103) is None


@given(st.integers(min_value=-(2**31), max_value=2**31 - 1))
def test_a_port_leads_back_to_its_broker(node_id):
    address = PORTS.of(node_id)
    assert address is None or PORTS.node_of_port(address[1]) == node_id


@pytest.mark.parametrize("port", [9093, 9100, 9151])
def test_any_other_port_is_no_brokers(port):
    assert PORTS.node_of_port(port) is None


def test_a_host_per_broker():
    assert HOSTS.of(7) == ("b7.kafka.example.com", 9093)
    assert HOSTS.of(-1) is None


@given(st.integers(min_value=0, max_value=2**31 - 1))
def test_a_host_leads_back_to_its_broker(node_id):
    address = HOSTS.of(node_id)
    assert address is not None
    assert HOSTS.node_of_host(address[0]) == node_id
    assert HOSTS.node_of_host(address[0].upper() + ".") == node_id


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "kafka.example.com",
        "b.kafka.example.com",
        "b07.kafka.example.com",
        "b-1.kafka.example.com",
        "b2147483648.kafka.example.com",
        "b٣.kafka.example.com",
        "b1.b2.kafka.example.com",
        "xb1.kafka.example.com",
        "b" + "9" * 5000 + ".kafka.example.com",
    ],
)
def test_any_other_name_is_no_brokers(name):
    assert HOSTS.node_of_host(name) is None


def test_a_name_that_is_too_short_for_the_template():
    """Its beginning and its end overlap."""
    assert HostPerBroker("aba{node_id}aba", 9093).node_of_host("aba") is None
    assert HostPerBroker("aba{node_id}aba", 9093).node_of_host("ababa") is None


@pytest.mark.parametrize("template", ["kafka.example.com", "b{node_id}.{node_id}.example.com"])
def test_a_template_needs_one_node_id(template):
    with pytest.raises(ValueError, match=r"exactly one \{node_id\}"):
        HostPerBroker(template, 9093)


class Ports:
    """Free ports from 9093 on; `left` of them."""

    def __init__(self, left: int = 100) -> None:
        self.opened: list[int] = []
        self._left = left

    def __call__(self) -> int | None:
        if len(self.opened) == self._left:
            return None
        self.opened.append(9093 + len(self.opened))
        return self.opened[-1]


def test_ports_on_demand_are_opened_for_the_brokers_there_are_in_their_order():
    ports, brokers = Ports(), {1003: "", 1001: "", 1002: ""}
    scheme = PortOnDemand("localhost", lambda: brokers, ports)
    assert ports.opened == []
    assert scheme.of(1003) == ("localhost", 9095)
    assert [scheme.of(n) for n in (1001, 1002)] == [("localhost", 9093), ("localhost", 9094)]
    assert [scheme.node_of_port(port) for port in (9092, 9093, 9094, 9095)] == [None, 1001, 1002, 1003]


def test_a_port_on_demand_is_kept():
    ports, brokers = Ports(), {1: ""}
    scheme = PortOnDemand("localhost", lambda: brokers, ports)
    scheme.of(1)
    brokers = {0: "", 7: ""}
    assert scheme.of(7) == ("localhost", 9095)
    assert scheme.of(1) == ("localhost", 9093)
    assert scheme.of(0) == ("localhost", 9094)
    assert ports.opened == [9093, 9094, 9095]


def test_no_broker_and_no_port_give_no_address():
    ports = Ports(left=1)
    scheme = PortOnDemand("localhost", tuple, ports)
    assert scheme.of(-1) is None
    assert scheme.of(1) is not None
    assert scheme.of(2) is None
    assert ports.opened == [9093]
    assert scheme.node_of_host("localhost") is None
