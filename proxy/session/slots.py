"""What is in flight: one slot for each request whose answer the client still waits for, in the order of the requests.

The broker answers in order and the client wants its answers in order, so a first-in first-out queue ties them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from protocol.splice import Message
from proxy.enforcement.call import Call
from proxy.enforcement.verdict import AnswerEdit, AnswerStream
from proxy.session.events import CloseReason

Pass = int
"""The broker's answer with this correlation id goes on as it comes. Most are so: hence the plainest of values."""


class Glance(NamedTuple):
    """The broker's answer to a Produce goes on as it comes, if a look at it finds nothing that must be edited."""

    correlation_id: int
    api_version: int
    edit: AnswerEdit


@dataclass(frozen=True, slots=True)
class Edit:
    """The broker's answer is taken whole and edited."""

    correlation_id: int
    call: Call
    edits: tuple[AnswerEdit, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """The broker's answer is followed as it comes."""

    correlation_id: int
    stream: AnswerStream


@dataclass(frozen=True, slots=True)
class Internal:
    """The answer is ours: the client's request waits for it."""

    correlation_id: int
    api_key: int
    api_version: int
    then: Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is ready and waits for its turn."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """When the answers before it are out, the connection ends."""

    reason: CloseReason
    detail: str


Held = Glance | Edit | Stream | Internal
Slot = Pass | Held | Answered | Ending
