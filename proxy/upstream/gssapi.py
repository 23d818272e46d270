"""SASL/GSSAPI (RFC 4752), client side: Kerberos, which proves both sides to each other and protects nothing further.

First tokens of GSSAPI itself go back and forth. Then the broker says which protections it offers, and we choose "none",
as Java's client does with ``qop=auth``: Kafka has no frames for any other.
"""

from typing import Final, Protocol

from proxy.authentication.gssapi import GSSAPI, NO_LAYER
from proxy.upstream.mechanisms import MechanismFailed

_CHOICE: Final = bytes((NO_LAYER, 0, 0, 0))
"""No protection, and so no size of a protected message. No authorization id: we are whom the ticket names."""


class InitiatorContext(Protocol):
    """One security context that we establish with a broker. Used by one thread at a time."""

    def step(self, token: bytes | None) -> bytes:
        """Take the broker's token (None: nothing has come yet) and return ours, empty if there is none to send.

        :raises MechanismFailed: there is no ticket for that broker, or its token proves nothing.
        """
        ...

    @property
    def complete(self) -> bool:
        """Whether both sides know each other."""
        ...

    def wrap(self, message: bytes) -> bytes:
        """Protect a message against change.

        :raises MechanismFailed: it cannot be.
        """
        ...

    def unwrap(self, message: bytes) -> bytes:
        """Return the message that the broker protected.

        :raises MechanismFailed: it was changed, or is not the broker's.
        """
        ...


class GssapiClient:
    """One exchange."""

    name = GSSAPI

    def __init__(self, context: InitiatorContext) -> None:
        self._context = context
        self._established = False
        self.complete = False

    def first(self) -> bytes:
        """The ticket. May ask the KDC for it."""
        return self._step(None)

    def respond(self, challenge: bytes) -> bytes | None:
        """Our next token; None once the broker has agreed to our choice."""
        if self.complete:
            if challenge:
                raise MechanismFailed(f"{GSSAPI} ends with an empty answer, found {len(challenge)} bytes")
            return None
        if self._established:
            return self._choose(challenge)
        return self._step(challenge)

    def _step(self, token: bytes | None) -> bytes:
        answer = self._context.step(token)
        self._established = self._context.complete
        if not answer and not self._established:
            raise MechanismFailed("the broker's token leads nowhere")
        return answer

    def _choose(self, challenge: bytes) -> bytes:
        offer = self._context.unwrap(challenge)
        if len(offer) != len(_CHOICE):
            raise MechanismFailed(f"expected an offer of {len(_CHOICE)} bytes, found {len(offer)}")
        if not offer[0] & NO_LAYER:
            raise MechanismFailed("the broker insists on protecting every message (its qop is not auth)")
        self.complete = True
        return self._context.wrap(_CHOICE)
