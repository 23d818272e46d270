"""Whose connection a load balancer passes on: believed from configured networks alone, and read to the byte."""

import socket
import struct
from ipaddress import ip_network

import pytest

from proxy.authentication.proxy_header import BadProxyHeader, Source
from proxy.transport.proxy_protocol import read_source
from tests.transport.support import Echo, everything, until, within

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
REST = b"\x16\x03\x01 and so on"
LOOPBACK = [ip_network("127.0.0.0/8")]


def v2(command=0x21, family=0x11, addresses=None, extra=b"", length=None):
    if addresses is None:
        addresses = socket.inet_aton("10.1.2.3") + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 5555, 9092)
    content = addresses + extra
    return SIGNATURE + struct.pack(">BBH", command, family, len(content) if length is None else length) + content


IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") * 2 + struct.pack(">HH", 5555, 9092)
GOOD = {
    "v1": (b"PROXY TCP4 10.1.2.3 10.0.0.1 5555 9092\r\n", Source("10.1.2.3", 5555)),
    "v1, IPv6": (b"PROXY TCP6 2001:db8::1 2001:db8::2 5555 9092\r\n", Source("2001:db8::1", 5555)),
    "v1, unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1, unknown with more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "v2": (v2(), Source("10.1.2.3", 5555)),
    "v2, IPv6": (v2(family=0x21, addresses=IPV6), Source("2001:db8::1", 5555)),
    "v2 with further fields": (v2(extra=b"\x04\x00\x03abc"), Source("10.1.2.3", 5555)),
    "v2, local": (v2(command=0x20), None),
    "v2, local without addresses": (v2(command=0x20, family=0, addresses=b""), None),
    "v2, a family that is no network": (v2(family=0x31, addresses=bytes(216)), None),
}
BAD = {
    "no header": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00",
    "v1 without an end": b"PROXY TCP4 " + b"1" * 200,
    "v1, no addresses": b"PROXY TCP4\r\n",
    "v1, too many fields": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    "v1, a name": b"PROXY TCP4 localhost 10.0.0.1 5555 9092\r\n",
    "v1, the other family": b"PROXY TCP4 2001:db8::1 2001:db8::2 5555 9092\r\n",
    "v1, a negative port": b"PROXY TCP4 10.1.2.3 10.0.0.1 -1 9092\r\n",
    "v1, no port": b"PROXY TCP4 10.1.2.3 10.0.0.1 70000 9092\r\n",
    "v1, another family": b"PROXY UDP4 10.1.2.3 10.0.0.1 5555 9092\r\n",
    "v2, another version": v2(command=0x11),
    "v2, another command": v2(command=0x22),
    "v2, shorter than its addresses": v2(addresses=b"1234", family=0x11),
    "v2, IPv6 in the room of IPv4": v2(family=0x21),
    "v2, too long": v2(length=0xFFFF),
}


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("name", GOOD)
async def test_takes_the_header_and_not_a_byte_more(pair, name):
    header, expected = GOOD[name]
    ours, theirs = pair
    theirs.sendall(header + REST)
    assert await within(read_source(ours)) == expected
    assert ours.recv(100) == REST


@pytest.mark.parametrize("name", ["v1", "v2", "v2, IPv6"])
async def test_a_header_may_come_in_pieces(world, name):
    header, expected = GOOD[name]
    port = await world.open(Echo, balancers=LOOPBACK)
    _, writer = await world.connect(port)
    for byte in header:
        writer.write(bytes([byte]))
        await writer.drain()
    writer.write(struct.pack(">ihhih", 10, 18, 0, 1, -1))
    await until(lambda: world.sessions)
    client = world.sessions[0].client
    assert (client.host.startswith(expected.host.split(":")[0]), client.port) == (True, expected.port)
    writer.close()


@pytest.mark.parametrize("name", BAD)
async def test_a_wrong_header_is_refused(pair, name):
    ours, theirs = pair
    theirs.sendall(BAD[name] + bytes(20))
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(BadProxyHeader):
        await within(read_source(ours))


@pytest.mark.parametrize("name", GOOD)
async def test_a_header_that_is_cut_off_is_refused(pair, name):
    header, _ = GOOD[name]
    ours, theirs = pair
    theirs.sendall(header[:-1])
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(BadProxyHeader):
        await within(read_source(ours))


async def test_from_anywhere_else_a_header_is_refused(world):
    port = await world.open(Echo, balancers=[ip_network("10.0.0.0/8")])
    reader, writer = await world.connect(port)
    writer.write(GOOD["v1"][0] + struct.pack(">ihhih", 10, 18, 0, 1, -1))
    assert await everything(reader) == b""
    assert not world.sessions
    assert "proxy_protocol.from" in world.warnings()[0]["remedy"]
    writer.close()


async def test_from_a_load_balancer_no_connection_comes_without_one(world):
    port = await world.open(Echo, balancers=LOOPBACK)
    reader, writer = await world.connect(port)
    writer.write(struct.pack(">ihhih", 10, 18, 0, 1, -1))
    writer.write_eof()
    assert await everything(reader) == b""
    assert not world.sessions
    assert "must begin with a PROXY protocol header" in world.warnings()[0]["remedy"]
    writer.close()
