"""The header of the PROXY protocol, version 2: its form, without I/O."""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final, NamedTuple

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
HEAD_SIZE: Final = 16

_HEAD: Final = Struct(">12sBBH")
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_ADDRESSES: Final = {_TCP4: Struct(">4s4sHH"), _TCP6: Struct(">16s16sHH")}
_FIELD: Final = Struct(">BH")


class BadProxyHeader(ValueError):
    """There is no header where one must be, or it is none."""


class Source(NamedTuple):
    """Whose connection it is: the address, as in ``getpeername``, and the port."""

    host: str
    port: int


def length_of(head: bytes, longest: int) -> int:
    """The bytes that follow the first ``HEAD_SIZE``.

    :raises BadProxyHeader: if they are more than ``longest``, or the head is none of this version.
    """
    signature, command, _, length = _HEAD.unpack(head)
    if signature != SIGNATURE:
        raise BadProxyHeader("the header does not begin as one")
    if command not in (_LOCAL, _PROXY):
        raise BadProxyHeader(f"unknown version or command 0x{command:02x}")
    if length > longest:
        raise BadProxyHeader(f"a header of {length} bytes is longer than the {longest} that are read")
    return int(length)


def read_header(header: bytes) -> tuple[Source | None, bytes]:
    """Whose connection it is (None: the sender's own, or nothing that is known here), and the further fields.

    ``header`` is whole: its first ``HEAD_SIZE`` bytes and as many more as :func:`length_of` says.

    :raises BadProxyHeader: if it is too short for its addresses.
    """
    _, command, family, length = _HEAD.unpack_from(header)
    addresses = _ADDRESSES.get(family)
    if command == _LOCAL or addresses is None:
        return None, b""
    if length < addresses.size:
        raise BadProxyHeader(f"the header has {length} bytes where its addresses take {addresses.size}")
    source, _, port, _ = addresses.unpack_from(header, HEAD_SIZE)
    host = IPv4Address(source) if len(source) == 4 else IPv6Address(source)
    return Source(str(host), port), header[HEAD_SIZE + addresses.size :]


def write_header(source: IPv4Address | IPv6Address, fields: bytes) -> bytes:
    """A header that says that a connection comes from there; where it went and the ports are not told."""
    family = _TCP4 if source.version == 4 else _TCP6
    addresses = _ADDRESSES[family].pack(source.packed, bytes(len(source.packed)), 0, 0)
    return _HEAD.pack(SIGNATURE, _PROXY, family, len(addresses) + len(fields)) + addresses + fields


def write_field(kind: int, value: bytes) -> bytes:
    """One further field (a TLV)."""
    return _FIELD.pack(kind, len(value)) + value


def read_fields(data: bytes) -> list[tuple[int, bytes]]:
    """The further fields: kind and value of each.

    :raises BadProxyHeader: if they do not end where the header does.
    """
    fields, position = [], 0
    while position < len(data):
        if len(data) - position < _FIELD.size:
            raise BadProxyHeader("the header ends within a field")
        kind, length = _FIELD.unpack_from(data, position)
        position += _FIELD.size
        if len(data) - position < length:
            raise BadProxyHeader("the header ends within a field")
        fields.append((kind, data[position : position + length]))
        position += length
    return fields
