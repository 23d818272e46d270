"""Client hosts as Kafka compares them: texts, in the form of Java's `InetAddress.getHostAddress()`.

Networks in CIDR form (`10.0.0.0/8`) are an extension; Kafka's own ACLs have only `*` and single addresses.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from policies.model import ANY_HOST

_MAPPED_BITS = 96


def format_host(text: str) -> str:
    """An address in Java's form: IPv6 lower-case and uncompressed (`0:0:0:0:0:0:0:1`), IPv4 inside IPv6 as plain IPv4.

    The scope of a link-local address is kept as it is given (`fe80:0:0:0:0:0:0:1%eth0`).

    Raises:
        ValueError: if the text is no address.
    """
    return _in_java_form(_address(text))


def parse_host_pattern(text: str) -> str:
    """What a binding may name as its host, in the one form in which it is compared: `*`, an address or a network.

    Raises:
        ValueError: with the fault and, where there is one, the likely intent.
    """
    if text == ANY_HOST:
        return text
    if "/" not in text:
        try:
            return format_host(text)
        except ValueError:
            raise ValueError(f"{text!r} is no address, and names are not looked up") from None
    network = _network_or_none(text)
    if network is None or "%" in text:
        raise ValueError(f"{text!r} is no network")
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f"{text!r} is an address inside of a network; did you mean {str(network)!r}?")
    return str(_unmapped(network))


class HostPatterns:
    """The hosts that a set of bindings names; tells which of them an address is within."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._exact = frozenset(patterns)
        self._networks: dict[tuple[int, int], dict[int, list[str]]] = {}
        for pattern in self._exact:
            network = _network_or_none(pattern)
            if network is not None:
                size = (network.version, network.max_prefixlen - network.prefixlen)
                block = int(network.network_address) >> size[1]
                self._networks.setdefault(size, {}).setdefault(block, []).append(pattern)

    def matching(self, host: str) -> tuple[str, ...]:
        """The patterns that this host, an address in Java's form, falls under: the narrowest first, `*` last.

        The cost grows with the number of distinct network sizes (at most 33 for IPv4), not with that of the networks.
        """
        found = [host] if host in self._exact and host != ANY_HOST else []
        if self._networks:
            found += self._networks_around(host)
        return (*found, *({ANY_HOST} & self._exact))

    def _networks_around(self, host: str) -> list[str]:
        try:
            address = _address(host)
        except ValueError:
            return []
        by_size = sorted(size for size in self._networks if size[0] == address.version)
        return [pattern for size in by_size for pattern in self._networks[size].get(int(address) >> size[1], ())]


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _in_java_form(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    groups = address.packed.hex(":", 2).split(":")
    scope = f"%{address.scope_id}" if address.scope_id else ""
    return ":".join(f"{int(group, 16):x}" for group in groups) + scope


def _network_or_none(pattern: str) -> IPv4Network | IPv6Network | None:
    if "/" not in pattern:
        return None
    try:
        return ip_network(pattern, strict=False)
    except ValueError:
        return None


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """A network inside ::ffff:0:0/96 as the IPv4 network that its clients are seen in."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network
