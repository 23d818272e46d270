"""Principals by network: where they may be given, and how loudly that is told."""

from pathlib import Path

import pytest

from policies.model import Principal
from proxy.config import InvalidDocument, parse_config, warnings

TEXT = """\
cluster: {{bootstrap_servers: [kafka:9092]}}
listeners:
  - name: hall
    bind: {bind}
    advertise: kafka.example.com
    brokers: {{first_port: 9101, node_ids: 1-3}}
    security_protocol: {protocol}
    {more}
    principal_by_network: {networks}
policy: {{mode: "off"}}
"""
NETWORKS = "[{network: 10.1.2.0/24, principal: 'User:press'}, {network: 10.1.2.7, principal: 'User:machine'}]"
TLS = "tls: {certificate: c.pem, key: k.pem, client_ca: ca.pem, client_auth: %s}"


def config(networks=NETWORKS, protocol="PLAINTEXT", more="", bind="127.0.0.1:9093"):
    text = TEXT.format(
        networks=networks, protocol=protocol, more=more or "proxy_protocol: {from: [10.0.0.1]}", bind=bind
    )
    return parse_config(text, Path("/etc/d.yaml"), {})


def faults(*args, **kwargs):
    with pytest.raises(InvalidDocument) as caught:
        config(*args, **kwargs)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(("protocol", "more"), [("PLAINTEXT", ""), ("SSL", TLS % "none"), ("SSL", TLS % "requested")])
def test_listeners_whose_clients_may_prove_nothing_can_have_them(protocol, more):
    found = config(protocol=protocol, more=more).listeners[0].principal_by_network
    assert found == {"10.1.2.0/24": Principal("User", "press"), "10.1.2.7/32": Principal("User", "machine")}


def test_none_are_there_unless_they_are_given():
    text = TEXT.format(networks="", protocol="PLAINTEXT", more="", bind="127.0.0.1:9093")
    text = text.replace("    principal_by_network: \n", "")
    found = parse_config(text, Path("/etc/d.yaml"), {})
    assert found.listeners[0].principal_by_network == {}
    assert not any("address alone" in str(warning) for warning in warnings(found))


@pytest.mark.parametrize(
    ("networks", "fault"),
    [
        (
            "[{network: 10.1.2.0/24, principal: 'User:a'}, {network: 10.1.2.0/24, principal: 'User:b'}]",
            "/etc/d.yaml:9:83: the network 10.1.2.0/24 is given twice",
        ),
        (
            "[{network: 10.1.2.3, principal: 'User:a'}, {network: 10.1.2.3/32, principal: 'User:a'}]",
            "/etc/d.yaml:9:80: the network 10.1.2.3/32 is given twice",
        ),
        (
            "[{network: 10.1.2.3/24, principal: 'User:a'}]",
            (
                "/etc/d.yaml:9:38: '10.1.2.3/24' is an address inside of a network; did you mean '10.1.2.0/24'? "
                "(such as 10.1.2.0/24 or 10.1.2.3)"
            ),
        ),
        (
            "[{network: 10.1.2.0/24, principal: press}]",
            "/etc/d.yaml:9:62: expected a principal such as 'User:alice', found 'press' (did you mean 'User:press'?)",
        ),
        (
            "[{network: 10.1.2.0/24, principal: 'User:*'}]",
            "/etc/d.yaml:9:62: User:* is nobody in particular (such as User:press)",
        ),
        ("[{network: 10.1.2.0/24}]", "/etc/d.yaml:9:28: the key 'principal' is missing"),
        (
            "[{networks: 10.1.2.0/24, principal: 'User:a'}]",
            "/etc/d.yaml:9:29: unknown key 'networks' (did you mean 'network'?)",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(networks, fault):
    assert fault in faults(networks)


def test_where_clients_prove_who_they_are_it_has_no_effect():
    (fault,) = faults(protocol="SSL", more=TLS % "required")
    assert "principal_by_network has no effect with client_auth required" in fault
    sasl = "sasl: {mechanisms: [PLAIN]}"
    assert any(
        "principal_by_network has no effect with SASL_PLAINTEXT (only with PLAINTEXT or SSL)" in fault
        for fault in faults(protocol="SASL_PLAINTEXT", more=sasl)
    )


@pytest.mark.parametrize("bind", ["127.0.0.1:9093", "0.0.0.0:9093"])
def test_it_is_warned_of_wherever_it_listens(bind):
    told = [str(warning) for warning in warnings(config(bind=bind)) if "address alone" in str(warning)]
    (warning,) = told
    assert warning == (
        "/etc/d.yaml:9:27: clients of listener 'hall' are known by their address alone: whoever can send "
        "from 10.1.2.0/24 is User:press, from 10.1.2.7/32 is User:machine (let them authenticate as soon as they can)"
    )
