"""Principals by the network that a client comes from, for clients that can do nothing to prove who they are.

An address is no proof: whoever can send from it is that principal.
"""

from collections.abc import Mapping

from policies.hosts import HostPatterns, format_host, parse_host_pattern
from policies.model import Principal


class PrincipalsByNetwork:
    """Who clients are by their address; of several networks that it is in, the narrowest decides.

    The keys are networks as `canonical_network` writes them.
    """

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        self._principals = principals
        self._networks = HostPatterns(principals)

    def find(self, host: str) -> Principal | None:
        """Who a client at this address (in Java's form) is; None if nobody in particular."""
        found = self._networks.matching(host)
        return self._principals[found[0]] if found else None


def canonical_network(text: str) -> str:
    """A network, or an address as a network of its own, in the one form in which two of them are equal.

    :raises ValueError: it is neither; the message says why, and the likely intent.
    """
    if "/" in text:
        return parse_host_pattern(text)
    try:
        address = format_host(text)
    except ValueError:
        raise ValueError(f"{text!r} is no network and no address, and names are not looked up") from None
    return parse_host_pattern(f"{address}/{128 if ':' in address else 32}")
