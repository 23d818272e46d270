"""What a session asks of its transport: plain values, performed in the order in which they stand.

Command
+-- SendClient, SendBroker           bytes for one of the two sides
+-- OpenBroker                       the answer is `broker_opened` or `broker_closed`
+-- PauseClient, ResumeClient        reading; the transport has reasons of its own to pause as well,
+-- PauseBroker, ResumeBroker        and goes on reading when no reason is left
+-- SetTimer, CancelTimer            the answer is `timer_fired`
+-- Verify                           slow work for another thread; the answer is `verified`
+-- Emit                             something happened that the world should know
+-- Close                            the last one: nothing is asked after it
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from proxy.authentication.forwarding import ForwardedClient
from proxy.authentication.outcome import WaitsFor
from proxy.session.events import CloseReason, SessionEvent

Piece = bytes | memoryview


class Timer(Enum):
    """The timers of a session; each runs at most once at a time."""

    AUTHENTICATION = "authentication"
    CONNECT = "connect"
    IDLE = "idle"
    LIFETIME = "lifetime"
    REAUTHENTICATION = "reauthentication"
    DELAY = "delay"


class SendClient(NamedTuple):
    """Send the pieces to the client, one after the other."""

    pieces: Sequence[Piece]


class SendBroker(NamedTuple):
    """Send the pieces to the broker, one after the other. Only while the broker connection is open."""

    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class OpenBroker:
    """Connect to this broker for this client. A session has at most one broker connection at a time."""

    host: str
    port: int
    client: ForwardedClient


@dataclass(frozen=True, slots=True)
class Close:
    """Flush what was sent to both sides, then close them."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class PauseClient:
    """Stop reading from the client."""


@dataclass(frozen=True, slots=True)
class ResumeClient:
    """Take back `PauseClient`."""


@dataclass(frozen=True, slots=True)
class PauseBroker:
    """Stop reading from the broker."""


@dataclass(frozen=True, slots=True)
class ResumeBroker:
    """Take back `PauseBroker`."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire `name` in so many seconds; a timer of that name that runs already starts anew."""

    name: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop a timer; nothing happens when it does not run."""

    name: Timer


@dataclass(frozen=True, slots=True)
class Verify:
    """Do slow work where it holds up nobody. It touches nothing of the session."""

    work: Callable[[], object]
    waits_for: WaitsFor = WaitsFor.NOTHING


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell observability."""

    event: SessionEvent


Command = (
    SendClient
    | SendBroker
    | OpenBroker
    | Close
    | PauseClient
    | ResumeClient
    | PauseBroker
    | ResumeBroker
    | SetTimer
    | CancelTimer
    | Verify
    | Emit
)
Commands = list[Command]
