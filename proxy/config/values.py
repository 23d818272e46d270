"""Values that settings are made of, read from their texts: addresses, hosts, node ids."""

import itertools
import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from proxy.config.model import Address

NODE_ID: Final = "{node_id}"

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_ID_RANGE: Final = re.compile(r"\s*([0-9]{1,10})\s*(?:-\s*([0-9]{1,10})\s*)?", re.ASCII)
_MAX_NODE_ID: Final = 2**31 - 1
_MAX_NODE_IDS: Final = 65_535
_MAX_HOST_CHARACTERS: Final = 253
_LIST_HINT: Final = "write a list: [one:9092, two:9092]"


class Unacceptable(Exception):
    """A text that is no such value; `hint` says how to put it right."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def parse_address(text: str, *, lowest_port: int = 1) -> Address:
    """The host and port of "host:port"; an IPv6 address stands in square brackets.

    :raises Unacceptable: it is none.
    """
    _refuse_blanks(text)
    host, colon, digits = text.rpartition(":")
    if not colon or "]" in digits:
        raise Unacceptable(f"expected host:port, found {text!r}", "the port is missing")
    port = int(digits) if _PORT.fullmatch(digits) else -1
    if not lowest_port <= port <= 65_535:
        raise Unacceptable(f"expected a port from {lowest_port} to 65535 after the last colon, found {text!r}")
    if not host:
        raise Unacceptable(f"expected host:port, found {text!r}", f"0.0.0.0:{port} for every interface")
    bare = _without_brackets(host)
    if ":" in host and bare == host:
        raise Unacceptable(f"expected host:port, found {text!r}", "write an IPv6 address as [::1]:9092")
    _require_host(bare, text)
    return bare, port


def parse_advertised_host(text: str) -> str:
    """A host name or address that clients can be told: a wildcard is refused.

    :raises Unacceptable: it is none.
    """
    _refuse_blanks(text)
    host = _without_brackets(text)
    if is_wildcard(host):
        hint = "the name or address by which clients reach this machine"
        raise Unacceptable(f"found the wildcard {text!r}, which no client can connect to", hint)
    if ":" in host and not is_address(host):
        raise Unacceptable(f"expected a host without a port, found {text!r}", "the port is that of bind")
    _require_host(host, text)
    return host


def parse_host_template(text: str) -> str:
    """A host name with `{node_id}` in it exactly once.

    :raises Unacceptable: it is none.
    """
    _refuse_blanks(text)
    if text.count(NODE_ID) != 1:
        hint = f"such as 'b{NODE_ID}.kafka.example.com'"
        raise Unacceptable(f"expected a host name with {NODE_ID} in it once, found {text!r}", hint)
    if ":" in text:
        raise Unacceptable(f"expected a host without a port, found {text!r}", "the port is that of bind")
    _require_host(text.replace(NODE_ID, "0"), text)
    return text


def parse_https_address(text: str, why: str) -> str:
    """An https address; ``why`` says what would be at stake without TLS.

    :raises Unacceptable: it is none.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in text):
        raise Unacceptable(f"expected an https address, found {text!r}", why)
    return text


def parse_id_ranges(text: str) -> list[range]:
    """The ranges of "5", "1-50" or "1-3,7".

    :raises Unacceptable: it is none.
    """
    ranges = []
    for part in text.split(","):
        match = _ID_RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or last > _MAX_NODE_ID:
            raise Unacceptable(f"expected node ids such as 5, 1-50 or 1-3,7, found {text!r}")
        ranges.append(range(first, last + 1))
    return ranges


def join_id_ranges(ranges: Sequence[range]) -> tuple[int, ...]:
    """All ids of the ranges in rising order.

    :raises Unacceptable: an id is given twice, or there are more of them than ports.
    """
    ordered = sorted(ranges, key=lambda each: each.start)
    for before, after in itertools.pairwise(ordered):
        if after.start < before.stop:
            raise Unacceptable(f"the node id {after.start} is given twice")
    count = sum(map(len, ordered))
    if count > _MAX_NODE_IDS:
        raise Unacceptable(f"expected at most {_MAX_NODE_IDS} node ids, found {count}")
    return tuple(itertools.chain.from_iterable(ordered))


def is_address(host: str) -> bool:
    """Whether a host is an IPv4 or IPv6 address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches a host."""
    return ip_address(host).is_loopback if is_address(host) else host == "localhost"


def is_wildcard(host: str) -> bool:
    """Whether a host means every interface rather than one machine."""
    return host == "*" or (is_address(host) and ip_address(host).is_unspecified)


def _without_brackets(host: str) -> str:
    bare = host.removeprefix("[").removesuffix("]")
    # Only an IPv6 address stands in brackets.
    return bare if host == f"[{bare}]" and ":" in bare and is_address(bare) else host


def _refuse_blanks(text: str) -> None:
    for index, character in enumerate(text, start=1):
        if character.isspace():
            hint = _LIST_HINT if "," in text else "remove it"
            raise Unacceptable(f"whitespace at character {index} of {text!r}", hint)


def _require_host(host: str, shown: str) -> None:
    if is_address(host):
        return
    only_digits_and_dots = not host.strip("0123456789.")
    if _HOST_NAME.fullmatch(host) and len(host) <= _MAX_HOST_CHARACTERS and not only_digits_and_dots:
        return
    hint = _LIST_HINT if "," in shown else None
    raise Unacceptable(f"expected a host name or an address, found {shown!r}", hint)
