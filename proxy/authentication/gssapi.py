"""SASL/GSSAPI (RFC 4752), server side: Kerberos, with the quality of protection `auth` only, as in Kafka.

First tokens of GSSAPI itself go back and forth until both sides know each other; then we offer to protect nothing
further, and the client agrees. Every step computes or reads files, so all are `Verify`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final, Protocol

from policies.model import Principal
from proxy.authentication.kerberos_names import KerberosNames, NoKerberosName
from proxy.authentication.outcome import (
    Authenticated,
    Challenge,
    Failed,
    FailureReason,
    Outcome,
    Verify,
    invalid_credentials,
)

GSSAPI = "GSSAPI"

NO_LAYER: Final = 1
_OFFER: Final = bytes((NO_LAYER, 0, 0, 0))


class KerberosFailed(Exception):
    """A token was not accepted; the message is for our log."""


class KerberosContext(Protocol):
    """One security context that a client establishes with us. Used by one thread at a time."""

    def step(self, token: bytes) -> bytes:
        """Take the client's token and return ours. Raises KerberosFailed."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the context is established."""
        ...

    @property
    def initiator(self) -> str:
        """Who the client is: `name@REALM` or `name/host@REALM`."""
        ...

    def wrap(self, message: bytes) -> bytes:
        """Protect a message against change. Raises KerberosFailed."""
        ...

    def unwrap(self, message: bytes) -> bytes:
        """Return the message that the client protected. Raises KerberosFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Kerberos:
    """What a listener needs: contexts that know our key, and names for whoever establishes them."""

    accept: Callable[[], KerberosContext]
    names: KerberosNames


class _Stage(Enum):
    CONTEXT = "context"
    OFFER = "offer"
    CHOICE = "choice"
    OVER = "over"


class GssapiConversation:
    """One exchange."""

    def __init__(self, kerberos: Kerberos) -> None:
        self._kerberos = kerberos
        self._context: KerberosContext | None = None
        self._stage = _Stage.CONTEXT
        self._busy = False

    def respond(self, token: bytes) -> Outcome:
        """Take the client's next token."""
        if self._busy or self._stage is _Stage.OVER:
            self._stage = _Stage.OVER
            return invalid_credentials(GSSAPI, "a token that nobody waits for")
        self._busy = True
        return Verify(partial(self._work, token))

    def verified(self, result: object) -> Outcome:
        """Take the result of a step."""
        if not self._busy:
            raise RuntimeError("no step is pending, yet one ended")
        self._busy = False
        if self._stage is _Stage.OVER:
            return invalid_credentials(GSSAPI, "a token came before its turn")
        if isinstance(result, KerberosFailed):
            self._stage = _Stage.OVER
            return invalid_credentials(GSSAPI, str(result))
        assert isinstance(result, bytes)
        assert self._context is not None
        if self._stage is _Stage.CHOICE:
            self._stage = _Stage.OVER
            return self._finish(result, self._context.initiator)
        return self._go_on(result, self._context)

    def _go_on(self, answer: bytes, context: KerberosContext) -> Outcome:
        if self._stage is _Stage.OFFER:
            self._stage = _Stage.CHOICE
        elif context.complete:
            self._stage = _Stage.OFFER
            if not answer:
                # Nothing is left to say about the context: the offer is due at once.
                self._busy = True
                return Verify(partial(self._work, b""))
        return Challenge(answer)

    def _work(self, token: bytes) -> bytes | KerberosFailed:
        try:
            if self._context is None:
                self._context = self._kerberos.accept()
            if self._stage is _Stage.CONTEXT:
                return self._context.step(token)
            if self._stage is _Stage.OFFER:
                return self._context.wrap(_OFFER) if not token else KerberosFailed("a token where none was due")
            return self._context.unwrap(token)
        except KerberosFailed as failed:
            return failed

    def _finish(self, choice: bytes, initiator: str) -> Outcome:
        if len(choice) < 4 or choice[0] != NO_LAYER:
            return invalid_credentials(GSSAPI, "the client wants a protection that was not offered", initiator)
        # Whom the client says it acts for is not even looked at, as in Kafka: the ticket decides. kafka-python and
        # aiokafka name the service there.
        try:
            name = self._kerberos.names.name(initiator)
        except NoKerberosName as error:
            return Failed(f"Authentication failed: {error}", str(error), initiator, FailureReason.NO_PRINCIPAL)
        return Authenticated(Principal("User", name), data=None)
