"""What a session has to tell the world: plain facts, turned into metrics, audit lines and logs elsewhere.

Session events (all carry the session and its listener):

    SessionEvent
    +-- SessionOpened
    +-- SessionClosed            why, and who it was
    +-- Authenticated
    +-- AuthenticationFailed
    +-- AuthorizationEvent
    |   +-- Denied
    |   +-- Granted
    +-- RequestRefused           for protocol reasons, never for ACL reasons
"""

from dataclasses import dataclass
from enum import StrEnum

from policies.model import Decision


class CloseReason(StrEnum):
    """Why a session ended; the values are also metric labels, so they stay few and stable."""

    CLIENT_CLOSED = "client_closed"
    BROKER_CLOSED = "broker_closed"
    BROKER_UNREACHABLE = "broker_unreachable"
    AUTHENTICATION_FAILED = "authentication_failed"
    AUTHENTICATION_TIMEOUT = "authentication_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    SESSION_EXPIRED = "session_expired"
    IDENTITY_REVOKED = "identity_revoked"
    MALFORMED_REQUEST = "malformed_request"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_API = "unsupported_api"
    DENIED_WITHOUT_ANSWER = "denied_without_answer"
    DRAINED = "drained"
    BUG = "bug"
    PROTOCOL_VIOLATION = "protocol_violation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """The head that every event shares."""

    session_id: str
    listener: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(SessionEvent):
    """A client connected (its TLS handshake, if any, is done)."""

    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed(SessionEvent):
    """A session ended. `principal` is None when it never authenticated; `detail` is for the log, never a secret."""

    reason: CloseReason
    principal: str | None
    host: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(SessionEvent):
    """Somebody is known now.

    `mechanism` is a SASL mechanism, "SSL" for a certificate, "NETWORK" for a client that is known by its address alone,
    "ANONYMOUS" for nobody in particular, and "FORWARDED" for a client that is known to another doorkeeper. Through
    which it came is in `forwarded_by`, the client's own one first; the last one is who connected, from
    `forwarder_host`. `legacy_scram_nonce` says that it was let in with the wrong nonce of librdkafka before 2.6.1.
    """

    principal: str
    host: str
    mechanism: str
    forwarded_by: tuple[str, ...] = ()
    forwarder_host: str | None = None
    legacy_scram_nonce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationFailed(SessionEvent):
    """Somebody could not prove who they are. `detail` is for our own log and never holds a secret.

    `reason` is one of few words, `FailureReason`.
    """

    host: str
    mechanism: str
    username: str | None
    detail: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationEvent(SessionEvent):
    """One decision about one resource of one request.

    `operation` and `resource_type` are Kafka's names ("Read", "Topic"), `api` is the API's name ("Fetch").
    `observed` means that the policy is in observe mode: a denial was told but let through.
    `resource_ref_count` is how many items of the request named the resource. `forwarded_by` is as in `Authenticated`.
    """

    principal: str
    host: str
    operation: str
    resource_type: str
    resource_name: str
    pattern: str = "LITERAL"
    api: str
    api_version: int
    correlation_id: int
    client_id: str | None
    decision: Decision
    observed: bool = False
    resource_ref_count: int = 1
    forwarded_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(AuthorizationEvent):
    """The policy does not allow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted(AuthorizationEvent):
    """The policy allows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused(SessionEvent):
    """A request was not forwarded for protocol reasons. `api` is the name of a known API, or "Unknown"."""

    api: str
    api_version: int
    reason: str
    host: str
    principal: str | None = None
    client_id: str | None = None
    correlation_id: int | None = None
