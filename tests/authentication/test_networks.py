"""Who clients are that prove nothing, by where they come from."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.hosts import format_host
from policies.model import Principal
from proxy.authentication.networks import PrincipalsByNetwork, canonical_network

PRESS, HALL, SIX, MACHINE = (Principal("User", name) for name in ("press", "hall", "six", "machine"))
PLACES = PrincipalsByNetwork(
    {
        "10.1.0.0/16": HALL,
        "10.1.2.0/24": PRESS,
        "10.1.2.7/32": MACHINE,
        "2001:db8::/32": SIX,
    }
)


@pytest.mark.parametrize(
    ("host", "principal"),
    [
        ("10.1.2.3", PRESS),
        ("10.1.2.7", MACHINE),
        ("10.1.3.3", HALL),
        ("10.2.0.1", None),
        ("::ffff:10.1.2.3", PRESS),
        ("2001:db8::1", SIX),
        ("2001:db9::1", None),
        ("::1", None),
        ("fe80::1%eth0", None),
    ],
)
def test_the_narrowest_network_decides(host, principal):
    assert PLACES.find(format_host(host)) == principal


def test_without_networks_nobody_is_anybody():
    assert PrincipalsByNetwork({}).find("10.1.2.3") is None


networks = st.builds(
    lambda address, prefix: IPv4Network((int(address) & (0xFFFFFFFF << (32 - prefix)), prefix)),
    st.integers(0x0A000000, 0x0A0000FF).map(IPv4Address),
    st.integers(20, 32),
)


@given(st.sets(networks, max_size=12), st.integers(0x0A000000, 0x0A0000FF).map(IPv4Address))
def test_as_a_search_of_all_would_find_it(given_networks, address):
    around = [network for network in given_networks if address in network]
    widths = {str(network): Principal("User", str(network)) for network in given_networks}
    expected = max(around, key=lambda network: network.prefixlen, default=None)
    found = PrincipalsByNetwork(widths).find(str(address))
    assert (None if found is None else found.name) == (None if expected is None else str(expected))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.1.2.0/24", "10.1.2.0/24"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:10.1.2.0/120", "10.1.2.0/24"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
    ],
)
def test_a_network_has_one_form(text, canonical):
    assert canonical_network(text) == canonical


@pytest.mark.parametrize("text", ["", "*", "press.example.com", "10.1.2.3/24", "10.1.2", "10.1.2.0/33", "fe80::1%eth0"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError, match="network"):
        canonical_network(text)
