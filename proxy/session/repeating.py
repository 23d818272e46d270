"""Requests that ask what was let go on before are sent on at once, and large ones while they arrive."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from protocol.errors import MalformedFrame
from protocol.layout import Buffer
from protocol.produce import ProduceSummary
from protocol.repeats import Begun, Repeats
from proxy.enforcement.access import Verdicts
from proxy.enforcement.call import Call
from proxy.enforcement.verdict import AnswerEdit
from proxy.session import commands
from proxy.session.answers import Answers
from proxy.session.commands import Commands
from proxy.session.context import SessionContext
from proxy.session.slots import Glance, Slot

_PRODUCE: Final = int(ApiKey.PRODUCE)


class Repeating:
    """What one client asked that may go on when it is asked again, as long as the same policy is in force."""

    def __init__(self, context: SessionContext, answers: Answers, out: Commands) -> None:
        self._context = context
        self._answers = answers
        self._out = out
        self._repeats = Repeats()
        self._judged_by: Verdicts | None = None
        self.passing: Begun | None = None
        """The request that is going on while it arrives: what comes next belongs to it."""

    def remember(self, call: Call, asked: ProduceSummary) -> None:
        """Remember a request that was let go on as it came, and of which there was nothing to tell."""
        verdicts = call.access.verdicts
        if verdicts is not self._judged_by:
            self._repeats.forget()
            self._judged_by = verdicts
        self._repeats.remember(call.head, call.frame, asked)

    def take(self, data: bytes, free: int, longest: int) -> Buffer:
        """Send on at once the requests that repeat what was let go on; give back what comes behind them.

        At most ``free`` requests are taken, none longer than ``longest`` bytes.
        """
        if not self._repeats:
            return data
        if self._context.verdicts() is not self._judged_by:
            self._repeats.forget()
            return data
        correlation_ids: list[int] = []
        end, taken = self._repeats.follow(data, free, longest, correlation_ids)
        if taken < free and end < len(data) and (begun := self._repeats.begin(data, end, longest)) is not None:
            self.passing = begun
            end, taken = len(data), taken + 1
            if begun.correlation_id is not None:
                correlation_ids.append(begun.correlation_id)
        if not taken:
            return data
        requests = self._context.requests
        requests[_PRODUCE] = requests.get(_PRODUCE, 0) + taken
        self._expect(correlation_ids)
        return self._send_to(end, data)

    def pass_on(self, data: bytes) -> bytes:
        """Send on what belongs to the request that is going on; give back what comes behind it.

        :raises MalformedFrame: if it does not end as it must. Its broker will not get it whole.
        """
        begun, size = self.passing, len(data)
        assert begun is not None, "no request is going on"
        missing = begun.missing
        if missing - size < begun.zeros and any(data[max(missing - begun.zeros, 0) : missing]):
            raise MalformedFrame("a Produce request has tagged fields behind its records")
        self.passing = begun._replace(missing=missing - size) if missing > size else None
        return bytes(self._send_to(min(missing, size), data))

    def _send_to(self, end: int, data: bytes) -> Buffer:
        if end == len(data):
            self._out.append(commands.SendBroker((data,)))
            return b""
        view = memoryview(data)
        self._out.append(commands.SendBroker((view[:end],)))
        return view[end:]

    def _expect(self, correlation_ids: list[int]) -> None:
        version = self._repeats.version
        rewrite = self._context.rewriter.edit_for(_PRODUCE, version)
        slots: list[Slot] = [unedited(correlation_id, version, rewrite) for correlation_id in correlation_ids]
        self._answers.slots.extend(correlation_ids if rewrite is None else slots)


def unedited(correlation_id: int, version: int, rewrite: AnswerEdit | None) -> Slot:
    """The slot of an answer that only a rewriting of addresses could change."""
    return correlation_id if rewrite is None else Glance(correlation_id, version, rewrite)
