"""What one doorkeeper tells another of a client: it arrives as it was sent, or not at all."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.hosts import format_host
from policies.model import Principal
from proxy.authentication.forwarding import ForwardedClient, HeaderReader, NotForwardable, header_for
from proxy.authentication.proxy_header import SIGNATURE, BadProxyHeader, write_field, write_header

HERE = ip_address("10.1.2.3")
ALICE = write_field(0xE0, b"User:alice")
HOP = write_field(0xE1, b"User:CN=front")

printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200).filter(lambda t: t != "*")
principals = st.builds(Principal, st.sampled_from(["User", "Service"]), printable)
clients = st.builds(
    ForwardedClient,
    principals,
    st.ip_addresses().filter(lambda a: not getattr(a, "scope_id", None)).map(lambda a: format_host(str(a))),
    st.lists(principals, max_size=7).map(tuple),
)


def read(data: bytes) -> tuple[ForwardedClient | None, bytes] | None:
    return HeaderReader().take(data)


@given(clients, st.binary(max_size=50), st.data())
def test_it_arrives_as_it_was_sent_wherever_the_bytes_are_cut(client, rest, data):
    stream = header_for(client) + rest
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=5)))
    reader, found = HeaderReader(), None
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        piece = stream[begin:end]
        found = reader.take(piece) if found is None else (found[0], found[1] + piece)
    assert found == (client, rest)


@given(st.binary(min_size=1).filter(lambda b: not SIGNATURE.startswith(b[:12])))
def test_what_begins_otherwise_is_left_as_it_is(data):
    assert read(data) == (None, data)


@pytest.mark.parametrize("size", range(len(header_for(ForwardedClient(Principal("User", "alice"), "10.1.2.3")))))
def test_half_a_header_is_waited_for(size):
    assert read(header_for(ForwardedClient(Principal("User", "alice"), "10.1.2.3"))[:size]) is None


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        HOP,
        ALICE + ALICE,
        ALICE + write_field(0xE0, b"User:bob"),
        ALICE + HOP * 8,
        ALICE + write_field(0xE2, b"x"),
        ALICE + write_field(0x02, b"kafka.example.com"),
        ALICE[:-1],
        ALICE + b"\xe1",
        ALICE + b"\xe1\x00\x05User",
    ],
    ids=["no fields", "no client", "twice", "two", "hops", "unknown", "SNI", "cut", "cut", "cut"],
)
def test_a_header_with_other_fields_than_it_must_have_is_refused(fields):
    with pytest.raises(BadProxyHeader):
        read(write_header(HERE, fields))


NAMES = ["", "alice", "User:", ":alice", "User:*", "Group:*", "User:a\nb", "User:a\0", "Us er:a", "User:\u202ea"]


@pytest.mark.parametrize("kind", [0xE0, 0xE1])
@pytest.mark.parametrize("name", [*(name.encode() for name in NAMES), b"User:\xff", b"User:" + b"a" * 1_020])
def test_a_name_of_nobody_is_refused(kind, name):
    with pytest.raises(NotForwardable):
        read(write_header(HERE, write_field(kind, name) + ALICE))


@pytest.mark.parametrize("name", ["*", "a\nb", "a" * 1_020, "\ud800"])
def test_nor_is_it_ever_sent(name):
    for client in (
        ForwardedClient(Principal("User", name), "10.1.2.3"),
        ForwardedClient(Principal("User", "alice"), "10.1.2.3", (Principal("User", name),)),
    ):
        with pytest.raises(NotForwardable):
            header_for(client)


def test_a_circle_ends():
    hops = tuple(Principal("User", f"CN=door-{number}") for number in range(8))
    header_for(ForwardedClient(Principal("User", "alice"), "10.1.2.3", hops[:7]))
    with pytest.raises(NotForwardable, match="8 doorkeepers already: do they form a circle"):
        header_for(ForwardedClient(Principal("User", "alice"), "10.1.2.3", hops))


@pytest.mark.parametrize(
    "header",
    [
        SIGNATURE + b"\x20\x00\x00\x00",
        SIGNATURE + b"\x21\x00\x00\x00",
        SIGNATURE + b"\x21\x31" + (216 + len(ALICE)).to_bytes(2, "big") + bytes(216) + ALICE,
        SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x40\x01",
    ],
    ids=["LOCAL", "no address", "unix", "short", "version 1", "too long"],
)
def test_a_header_that_tells_of_no_client_is_refused(header):
    with pytest.raises(BadProxyHeader):
        read(header)


@given(st.binary(max_size=300))
def test_whatever_follows_the_signature_is_read_or_refused(data):
    for stream in (SIGNATURE + data, SIGNATURE + b"\x21\x11" + data):
        try:
            found = read(stream)
        except (BadProxyHeader, NotForwardable):
            continue
        assert found is None or found[0] is not None
