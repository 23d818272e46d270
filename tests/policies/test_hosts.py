"""Addresses in Java's form, and networks."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.hosts import HostPatterns, format_host, parse_host_pattern


@pytest.mark.parametrize(
    ("text", "java"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("::", "0:0:0:0:0:0:0:0"),
        ("2001:DB8::00A", "2001:db8:0:0:0:0:0:a"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("::ffff:a00:7", "10.0.0.7"),
        ("fe80::1%eth0", "fe80:0:0:0:0:0:0:1%eth0"),
        ("fe80::1%2", "fe80:0:0:0:0:0:0:1%2"),
    ],
)
def test_addresses_are_written_as_java_writes_them(text, java):
    assert format_host(text) == java
    assert parse_host_pattern(text) == java


@given(st.ip_addresses())
def test_the_form_is_stable_and_names_the_same_address(address):
    text = format_host(str(address))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert ip_address(text) == (mapped or address)
    assert format_host(text) == text
    assert isinstance(address, IPv4Address) or mapped or (text.count(":"), text.lower()) == (7, text)


@pytest.mark.parametrize("text", ["localhost", "", "10.0.0", "010.0.0.1", "10.0.0.7:9092", "*"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="address"):
        format_host(text)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("*", "*"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("FD00::/8", "fd00::/8"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::1/128", "::1/128"),
    ],
)
def test_patterns_have_one_form(text, pattern):
    assert parse_host_pattern(text) == pattern


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("broker.example.com", "'broker.example.com' is no address, and names are not looked up"),
        ("10.0.0.7/8", r"'10.0.0.7/8' is an address inside of a network; did you mean '10.0.0.0/8'\?"),
        ("10.0.0.0/99", "'10.0.0.0/99' is no network"),
        ("10.0.0.*", "is no address"),
        ("fe80::%eth0/64", "is no network"),
        ("/8", "is no network"),
    ],
)
def test_impossible_patterns_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_host_pattern(text)


def test_patterns_match_from_the_narrowest_to_the_widest():
    patterns = HostPatterns(["*", "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "10.2.0.0/16"])
    assert patterns.matching("10.1.2.3") == ("10.1.2.3", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "*")
    assert patterns.matching("0:0:0:0:0:0:0:1") == ("::/0", "*")


def test_a_scope_does_not_take_an_address_out_of_its_network():
    assert HostPatterns(["fe80::/10"]).matching("fe80:0:0:0:0:0:0:1%eth0") == ("fe80::/10",)


def test_an_unknown_host_falls_under_nothing_but_what_is_for_all():
    assert HostPatterns(["0.0.0.0/0", "*"]).matching("*") == ("*",)
    assert HostPatterns(["0.0.0.0/0"]).matching("*") == ()


def test_two_texts_of_one_network_both_match():
    assert set(HostPatterns(["10.0.0.0/8", "10.9.9.9/8"]).matching("10.0.0.1")) == {"10.0.0.0/8", "10.9.9.9/8"}


def test_a_text_that_is_no_network_matches_only_itself():
    assert HostPatterns(["a/b"]).matching("a/b") == ("a/b",)
