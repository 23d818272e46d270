"""SASL mechanisms, client side: what is sent first, and what to each challenge."""

from typing import Final, Protocol

BEARER: Final = "OAUTHBEARER"
PLAIN: Final = "PLAIN"

_SEPARATOR: Final = "\x01"


class MechanismFailed(Exception):
    """The exchange cannot go on; the message says why and holds no secret."""


class ClientMechanism(Protocol):
    """One exchange. It may take milliseconds to answer, so it is not for the event loop."""

    name: str
    complete: bool
    """Whether the broker has nothing to say any more that matters. With bare tokens it then says nothing at all."""

    def first(self) -> bytes:
        """The token that begins the exchange."""
        ...

    def respond(self, challenge: bytes) -> bytes | None:
        """The token that answers the broker's, or None when the exchange is complete.

        :raises MechanismFailed: the broker's token is not what it must be.
        """
        ...


class PlainClient:
    """PLAIN (RFC 4616): the password itself, so only for connections that nobody else can read."""

    name = PLAIN
    complete = False

    def __init__(self, username: str, password: str) -> None:
        self._token = f"\0{username}\0{password}".encode()

    def first(self) -> bytes:
        """User and password; no authorization id, since Kafka takes none but the user's own."""
        return self._token

    def respond(self, challenge: bytes) -> bytes | None:
        """Done: the broker has nothing to say but yes."""
        if challenge:
            raise MechanismFailed(f"{PLAIN} ends with an empty answer, found {len(challenge)} bytes")
        return None


class BearerClient:
    """OAUTHBEARER (RFC 7628): a token that an issuer has signed."""

    name = BEARER
    complete = False

    def __init__(self, token: str) -> None:
        self._token = token
        self._refusal: str | None = None

    def first(self) -> bytes:
        """The token, for whomever it names."""
        return f"n,,{_SEPARATOR}auth=Bearer {self._token}{_SEPARATOR}{_SEPARATOR}".encode()

    def respond(self, challenge: bytes) -> bytes | None:
        """Done, or the acknowledgement that RFC 7628 demands before a refusal is final."""
        if self._refusal is not None:
            raise MechanismFailed(f"the token is refused: {self._refusal}")
        if not challenge:
            return None
        self._refusal = challenge[:1_000].decode("utf-8", "replace")
        return _SEPARATOR.encode()
