"""What a SASL exchange answers to each token of the client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from policies.model import Principal

MAX_TOKEN_BYTES = 16_384
"""Longest SASL token read, in bytes. RFC 4616 asks for 255 octets a field; JWTs used as passwords reach thousands."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange goes on: send `data`, expect another token."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The client is `principal`; `data` is the server's last token. A lifetime of 0 ms means no end (KIP-368)."""

    principal: Principal
    data: bytes = b""
    session_lifetime_ms: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The exchange is over. `message` is for the client and tells nothing about users; `detail` is for our log.

    Neither ever holds a secret, nor any part of the token other than the claimed `username`.
    """

    message: str
    detail: str
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Verify:
    """Slow work (PBKDF2) to run off the event loop; its result goes to `Conversation.verified`."""

    work: Callable[[], bool] = field(repr=False)  # holds the password


Outcome = Challenge | Authenticated | Failed | Verify


class Conversation(Protocol):
    """One SASL exchange. No token, however malformed, makes it raise."""

    def respond(self, token: bytes) -> Outcome:
        """Take the client's next token."""
        ...

    def verified(self, result: bool) -> Outcome:
        """Take the result of the `Verify` returned last. Raises RuntimeError when none is pending."""
        ...


def invalid_credentials(mechanism: str, detail: str, username: str | None = None) -> Failed:
    """Return the failure whose cause the client must not learn (Kafka: SaslServerAuthenticator)."""
    message = f"Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}"
    return Failed(message, detail, username)


def token_too_long(size: int) -> Failed:
    """Return the failure for a token of `size` bytes, over `MAX_TOKEN_BYTES`."""
    detail = f"SASL token of {size} bytes is longer than the {MAX_TOKEN_BYTES} bytes accepted"
    return Failed(f"Authentication failed: {detail}", detail)


def foreign_authorization_id(username: str) -> Failed:
    """Return the failure of a client that asks to act as somebody else (CVE-2017-12610)."""
    message = "Authentication failed: Client requested an authorization id that is different from username"
    return Failed(message, "the authorization id is not the username", username)
