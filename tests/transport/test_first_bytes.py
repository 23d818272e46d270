"""Who is calling, told from the first bytes; a wrong caller is closed without a byte and named in one line."""

import ssl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.transport.first_bytes import FirstBytes, classify, mismatch
from tests.transport.support import Echo, everything, until, within

LIMIT = 104_857_600
API_VERSIONS_REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, -1)
GSSAPI_TOKEN = struct.pack(">iBBH", 700, 0x60, 0x82, 700 - 4) + b"\x06\x09"  # of a client of Kafka 0.9
CLIENT_HELLO = bytes.fromhex("160301020001000001fc0303")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", FirstBytes.NOTHING),
        (CLIENT_HELLO, FirstBytes.TLS),
        (bytes.fromhex("802e0100020015000000 10"), FirstBytes.OLD_TLS),
        (bytes.fromhex("802e0103010015000000 10"), FirstBytes.OLD_TLS),
        (API_VERSIONS_REQUEST, FirstBytes.KAFKA),
        (struct.pack(">ihh", LIMIT, 0, 13), FirstBytes.KAFKA),
        (b"GET /metrics HTTP/1.1\r\n", FirstBytes.HTTP),
        (b"PRI * HTTP/2.0\r\n", FirstBytes.HTTP),
        (b"PROXY TCP4 10.0.0.1 ", FirstBytes.PROXY_PROTOCOL),
        (bytes.fromhex("0d0a0d0a000d0a515549540a"), FirstBytes.PROXY_PROTOCOL),
        (struct.pack(">ihh", LIMIT + 1, 0, 13), FirstBytes.OTHER),
        (struct.pack(">ihh", -1, 0, 13), FirstBytes.OTHER),
        (struct.pack(">ihh", 100, -3, 13), FirstBytes.OTHER),
        (GSSAPI_TOKEN, FirstBytes.KAFKA),
        (struct.pack(">iBB", LIMIT + 1, 0x60, 0x82), FirstBytes.OTHER),
        (b"SSH-2.0-OpenSSH_9.9\r\n", FirstBytes.OTHER),
    ],
)
def test_tells_who_is_calling(data, expected):
    assert classify(data, LIMIT) is expected


@given(
    st.sampled_from(
        [CLIENT_HELLO, API_VERSIONS_REQUEST, GSSAPI_TOKEN, b"GET / HTTP/1.1\r\n", b"PROXY TCP4 1", b"SSH-2.0-Open"]
    ),
    st.integers(min_value=1, max_value=12),
    st.booleans(),
)
def test_a_few_bytes_are_enough(data, cut, tls):
    """A caller that would be let in with all its bytes is let in however few of them have come."""
    if mismatch(classify(data, LIMIT), tls=tls) is None:
        assert mismatch(classify(data[:cut], LIMIT), tls=tls) is None


@given(st.binary(max_size=16))
def test_any_bytes_are_something(data):
    assert isinstance(classify(data, LIMIT), FirstBytes)


async def test_tls_on_a_plaintext_port_is_named(world):
    """Case 14: the client sees its connection closed, the operator one line with cause and remedy."""
    port = await world.open(Echo)
    reader, writer = await world.connect(port)
    writer.write(CLIENT_HELLO)
    assert await everything(reader) == b""
    (line,) = world.warnings()
    assert line["event"] == "tls on a PLAINTEXT port"
    assert "security.protocol" in line["remedy"]
    assert world.count("first_bytes_rejected_total", listener="clients", looks_like="tls") == 1
    assert world.sessions == []
    writer.close()


async def test_plaintext_on_a_tls_port_gets_no_byte(world):
    """Case 15: an alert would be read as the length of a gigantic answer."""
    port = await world.open(Echo, tls=world.certificates.tls())
    reader, writer = await world.connect(port)
    writer.write(API_VERSIONS_REQUEST)
    assert await everything(reader) == b""
    assert world.count("first_bytes_rejected_total", listener="clients", looks_like="kafka_plaintext") == 1
    writer.close()


@pytest.mark.parametrize("tls", [False, True])
async def test_http_is_named_on_any_port(world, tls):
    port = await world.open(Echo, tls=world.certificates.tls() if tls else None)
    reader, writer = await world.connect(port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await everything(reader) == b""
    assert world.count("first_bytes_rejected_total", listener="clients", looks_like="http") == 1
    writer.close()


async def test_the_same_mistake_again_is_counted_but_not_told_again(world):
    port = await world.open(Echo)
    for _ in range(3):
        reader, writer = await world.connect(port)
        writer.write(b"HEAD / HTTP/1.1\r\n\r\n")
        await everything(reader)
        writer.close()
    assert len(world.warnings()) == 1
    assert world.count("first_bytes_rejected_total", listener="clients", looks_like="http") == 3


async def test_a_health_probe_is_quiet(world):
    """A connection that is closed without a word costs no log line and leaves nothing behind."""
    port = await world.open(Echo)
    _, writer = await world.connect(port)
    writer.close()
    await until(lambda: world.logs and not len(world.around.tasks))
    assert [entry["log_level"] for entry in world.logs] == ["debug"]
    assert not world.capacity.used


async def test_a_silent_client_is_closed_in_time(world):
    port = await world.open(Echo, patience_s=0.01)
    reader, writer = await world.connect(port)
    assert await everything(reader) == b""
    assert world.warnings() == []
    writer.close()


async def test_the_first_bytes_are_looked_at_only(world):
    """What was peeked at reaches the session, in one piece with the rest."""
    port = await world.open(Echo)
    reader, writer = await world.connect(port)
    writer.write(API_VERSIONS_REQUEST[:3])
    assert await within(reader.readexactly(3)) == API_VERSIONS_REQUEST[:3]
    writer.write(API_VERSIONS_REQUEST[3:])
    assert await within(reader.readexactly(11)) == API_VERSIONS_REQUEST[3:]
    writer.close()


async def test_a_tls_client_is_let_through_on_a_tls_port(world):
    port = await world.open(Echo, tls=world.certificates.tls())
    reader, writer = await world.connect(port, world.certificates.client_context(version=ssl.TLSVersion.TLSv1_3))
    writer.write(b"hello")
    assert await within(reader.readexactly(5)) == b"hello"
    writer.close()
