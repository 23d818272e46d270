"""What a SASL exchange answers to each token of the client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Protocol

from policies.model import Principal


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange goes on: send `data`, expect another token."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The client is `principal`; `data` is the server's last token, None when the client has had the last word.

    `session_lifetime_ms` is how long what the client showed is good for (KIP-368), 0 if it does not end.
    `legacy_scram_nonce` says that it was let in with the wrong nonce of librdkafka before 2.6.1.
    """

    principal: Principal
    data: bytes | None = b""
    session_lifetime_ms: int = 0
    legacy_scram_nonce: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client proved to be, and how: it may prove it again, but not change it (KIP-368)."""

    principal: Principal
    mechanism: str


class FailureReason(StrEnum):
    """What kind of failure it is; the values are metric labels, so they stay few and stable."""

    CREDENTIALS = "credentials"
    """A wrong password, proof, token or ticket, or what can be none."""
    NO_SASL = "no_sasl"
    MECHANISM = "mechanism_not_enabled"
    OTHER_IDENTITY = "other_identity"
    """Proven, but somebody else is asked for: an authorization id, or another user in mid-session."""
    NO_PRINCIPAL = "no_principal"
    """Proven, but no rule makes a name of it."""
    NOT_TRUSTED = "not_trusted"
    """Would speak for somebody else, and may not."""
    UNAVAILABLE = "unavailable"
    """The directory does not answer, or the issuer's keys were never had."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The exchange is over. `message` is for the client and tells nothing about users; `detail` is for our log.

    Neither ever holds a secret, nor any part of the token other than the claimed `username`.
    """

    message: str
    detail: str
    username: str | None = None
    reason: FailureReason = FailureReason.CREDENTIALS


class WaitsFor(Enum):
    """What slow work waits for. Work of one kind holds up none of another."""

    NOTHING = "it computes"
    ISSUER = "the issuer of tokens"
    DIRECTORY = "the directory of the listener"


@dataclass(frozen=True, slots=True)
class Verify:
    """Slow work to run off the event loop; its result goes to `Conversation.verified` as it is."""

    work: Callable[[], object] = field(repr=False)  # holds the password
    waits_for: WaitsFor = WaitsFor.NOTHING


Outcome = Challenge | Authenticated | Failed | Verify


class Conversation(Protocol):
    """One SASL exchange. No token, however malformed, makes it raise."""

    def respond(self, token: bytes) -> Outcome:
        """Take the client's next token."""
        ...

    def verified(self, result: object) -> Outcome:
        """Take the result of the `Verify` returned last. Raises RuntimeError when none is pending."""
        ...


def invalid_credentials(mechanism: str, detail: str, username: str | None = None) -> Failed:
    """Return the failure whose cause the client must not learn (Kafka: SaslServerAuthenticator)."""
    message = f"Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}"
    return Failed(message, detail, username)


def foreign_authorization_id(username: str) -> Failed:
    """Return the failure of a client that asks to act as somebody else (CVE-2017-12610)."""
    message = "Authentication failed: Client requested an authorization id that is different from username"
    return Failed(message, "the authorization id is not the username", username, FailureReason.OTHER_IDENTITY)
