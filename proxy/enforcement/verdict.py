"""What becomes of a request, as values that the session carries out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from protocol.produce import ProduceSummary
from protocol.splice import Message, Piece

AnswerEdit = Callable[[Message], None]
"""Edits a whole answer in place."""


class AnswerStream(Protocol):
    """Follows an answer that is too large to be held, and may change it on its way."""

    def feed(self, chunk: memoryview) -> list[Piece]:
        """Take the next bytes of the answer (the first chunk begins with its length prefix); give what goes on.

        Gives all that is left when the last byte of the answer has come.
        """
        ...


class Forward(NamedTuple):
    """Send these bytes to the broker. Its answer goes to the client, edited if ``edits`` or ``stream`` says so.

    ``acknowledged`` is False for a Produce with acks=0, which has no answer; ``close`` then says that the connection
    ends when the bytes have been handed on, as a broker ends it when any of them was denied. ``repeatable`` is what an
    allowed Produce asked of which there is nothing to tell, so that the next one that asks the same may go on like it.
    """

    pieces: Sequence[Piece]
    edits: tuple[AnswerEdit, ...] = ()
    stream: AnswerStream | None = None
    acknowledged: bool = True
    close: bool = False
    repeatable: ProduceSummary | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer without the broker."""

    entity: Any


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the broker something first; ``then`` judges again with its answer. The client's request waits."""

    api_key: int
    api_version: int
    entity: Any
    then: Callable[[Message], Verdict]


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the connection: Kafka has no other way to say "no" here."""

    detail: str


Verdict = Forward | Answer | Ask | Disconnect
