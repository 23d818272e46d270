"""Who may come in at present: so many that are not known yet, and nobody who has failed too often just now.

What counts as an address is what one party has all of: an IPv4 address, or the first 64 bits of an IPv6 one.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from proxy.transport.registry import Capacity

_MOST_ADDRESSES: Final = 10_000

_Value = TypeVar("_Value")


class Newcomers(Capacity):
    """Connections whose client is not known yet: their TLS handshake or login is not finished.

    There may be `limit` of them, of which one address may have `limit_per_address`.
    """

    def __init__(self, limit: int, limit_per_address: int) -> None:
        super().__init__(limit)
        self._limit_per_address = limit_per_address
        self._by_address: Counter[str] = Counter()

    def arrive(self) -> "Newcomer":
        """Count a connection, whoever it is from."""
        self.take()
        return Newcomer(self)

    def _claim(self, address: str) -> bool:
        if self._by_address[address] >= self._limit_per_address:
            return False
        self._by_address[address] += 1
        return True

    def _leave(self, address: str | None) -> None:
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
        self.give_back()


class Newcomer:
    """One of them, until it is `over`."""

    __slots__ = ("_address", "_among", "_over")

    def __init__(self, among: Newcomers) -> None:
        self._among = among
        self._address: str | None = None
        self._over = False

    def comes_from(self, host: str) -> bool:
        """Count it for the address; False if that one has as many as it may have."""
        address = neighbourhood(host)
        if not self._among._claim(address):  # noqa: SLF001 - the two are one thing
            return False
        self._address = address
        return True

    def over(self) -> None:
        """The client is known, or has gone; saying so again changes nothing."""
        if not self._over:
            self._over = True
            self._among._leave(self._address)  # noqa: SLF001 - as above


class FailedLogins:
    """Addresses that fail `limit` times within `window_s` seconds have to pause for `pause_s`; a limit of 0 never bids
    them to.

    `now` is a clock that never goes back, in seconds. No more than `most_addresses` are remembered, the latest.
    """

    def __init__(
        self,
        limit: int,
        window_s: float,
        pause_s: float,
        now: Callable[[], float],
        *,
        most_addresses: int = _MOST_ADDRESSES,
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._pause_s = pause_s
        self._now = now
        self._most_addresses = most_addresses
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()  # until when they count, and how many
        self._pauses: OrderedDict[str, float] = OrderedDict()

    def failed(self, host: str) -> None:
        """A login from there has failed."""
        if not self._limit:
            return
        address, now = neighbourhood(host), self._now()
        until, count = self._failures.pop(address, (0.0, 0))
        if until <= now:
            until, count = now + self._window_s, 0
        if count + 1 < self._limit:
            self._remember(self._failures, address, (until, count + 1))
        else:
            self._remember(self._pauses, address, now + self._pause_s)

    def pauses(self, host: str) -> bool:
        """Whether nobody may come from there at present."""
        if not self._pauses:
            return False
        address = neighbourhood(host)
        until = self._pauses.get(address)
        if until is None or until > self._now():
            return until is not None
        del self._pauses[address]
        return False

    def _remember(self, table: OrderedDict[str, _Value], address: str, value: _Value) -> None:
        table.pop(address, None)
        table[address] = value
        if len(table) > self._most_addresses:
            table.popitem(last=False)


def neighbourhood(host: str) -> str:
    """The address itself, or the network of an IPv6 one (in Java's form): who has one of these has all of it."""
    return ":".join(host.split(":", 4)[:4])
