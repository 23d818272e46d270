"""A client's own name, told by one doorkeeper to the next.

Between the TLS handshake and the first request stands a PROXY protocol header with two fields of ours: who the client
is, and through which doorkeepers it came. Nothing here proves anything; who may say so is for the session to decide.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from policies.hosts import format_host
from policies.model import EVERYONE, Principal
from proxy.authentication.proxy_header import (
    HEAD_SIZE,
    SIGNATURE,
    BadProxyHeader,
    length_of,
    read_fields,
    read_header,
    write_field,
    write_header,
)

FORWARDED: Final = "FORWARDED"
"""What stands in the place of a mechanism."""

_CLIENT, _THROUGH = 0xE0, 0xE1
_LONGEST_NAME: Final = 1_024
"""Bytes."""
_MOST_HOPS: Final = 8
_LONGEST_HEADER: Final = 16 * 1024


class NotForwardable(ValueError):
    """A principal that cannot be told to another doorkeeper, or that none may have told."""


@dataclass(frozen=True, slots=True)
class ForwardedClient:
    """Whose session it is: who, from which host, and ``through`` which doorkeepers, the client's own one first."""

    principal: Principal
    host: str
    through: tuple[Principal, ...] = ()


def header_for(client: ForwardedClient) -> bytes:
    """What is said of a client before its first request.

    :raises NotForwardable: if its name, or the way that it came, cannot be told.
    """
    if len(client.through) >= _MOST_HOPS:
        raise NotForwardable(f"it came through {len(client.through)} doorkeepers already: do they form a circle?")
    fields = write_field(_CLIENT, str(_checked(client.principal)).encode())
    fields += b"".join(write_field(_THROUGH, str(_checked(each)).encode()) for each in client.through)
    return write_header(ip_address(client.host.partition("%")[0]), fields)


class HeaderReader:
    """Takes the beginning of a stream until it is clear whether a header stands there."""

    def __init__(self) -> None:
        self._seen = b""

    def take(self, data: bytes) -> tuple[ForwardedClient | None, bytes] | None:
        """The client that a header names (None: there is no header) and what follows; None as long as it is not clear.

        :raises BadProxyHeader: what begins as a header is none, or says too little or too much.
        :raises NotForwardable: a name in it is none that may be told.
        """
        self._seen += data
        seen = self._seen
        if not seen.startswith(SIGNATURE[: len(seen)]):
            return None, seen
        if len(seen) < HEAD_SIZE:
            return None
        end = HEAD_SIZE + length_of(seen[:HEAD_SIZE], _LONGEST_HEADER)
        return None if len(seen) < end else (_client(seen[:end]), seen[end:])


def _client(header: bytes) -> ForwardedClient:
    source, rest = read_header(header)
    if source is None:
        raise BadProxyHeader("the header tells of no client")
    names: dict[int, list[Principal]] = {_CLIENT: [], _THROUGH: []}
    for kind, value in read_fields(rest):
        if kind not in names:
            raise BadProxyHeader(f"the header has an unknown field 0x{kind:02x}")
        names[kind].append(_principal(value))
    if len(names[_CLIENT]) != 1 or len(names[_THROUGH]) >= _MOST_HOPS:
        raise BadProxyHeader(f"the header names {len(names[_CLIENT])} clients and {len(names[_THROUGH])} doorkeepers")
    return ForwardedClient(names[_CLIENT][0], format_host(source.host), tuple(names[_THROUGH]))


def _principal(value: bytes) -> Principal:
    try:
        return _checked(Principal.parse(value.decode()))
    except ValueError as error:
        raise NotForwardable(f"{value[:_LONGEST_NAME]!r} is the name of no client") from error


def _checked(principal: Principal) -> Principal:
    text = str(principal)
    # Whoever is called as the wildcard of bindings must not be taken for it.
    is_name = text.isprintable() and principal.type.isalpha() and principal.name != EVERYONE.name
    if not is_name or len(text.encode()) > _LONGEST_NAME:
        raise NotForwardable(f"{text[:_LONGEST_NAME]!r} cannot be told to another doorkeeper")
    return principal
