"""An authenticated client is served: its requests are judged, and what was decided is carried out."""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, api_label
from protocol.canonical import canonical_request
from protocol.errors import MalformedFrame, UnsupportedApi
from protocol.header import RequestHead, read_request_head
from protocol.layout import Buffer
from protocol.refusals import can_say, refuse
from protocol.splice import Message, encode_request, encode_response
from proxy.enforcement.access import Access
from proxy.enforcement.call import Call
from proxy.enforcement.engine import BROKER_ONLY, judge
from proxy.enforcement.fetch_sessions import FetchSessions
from proxy.enforcement.share_sessions import ShareSessions
from proxy.enforcement.verdict import Answer, Ask, Disconnect, Forward, Verdict
from proxy.session import commands
from proxy.session.answers import Answers
from proxy.session.commands import Commands
from proxy.session.context import SessionContext
from proxy.session.events import CloseReason
from proxy.session.repeating import Repeating, unedited
from proxy.session.reports import Reports
from proxy.session.slots import Answered, Edit, Ending, Internal, Slot, Stream
from proxy.session.target import Target

_CLIENT_ID: Final = "kafka-doorkeeper"
_INTERNAL_CORRELATION: Final = -1
_PRODUCE: Final = int(ApiKey.PRODUCE)


class Service:
    """Serves one client whose principal is known, while its broker connection is open.

    What has to be done is appended to ``out``; whether the connection has to end is told by ``answers.ending``.
    """

    def __init__(
        self, context: SessionContext, target: Target, reports: Reports, answers: Answers, access: Access, out: Commands
    ) -> None:
        self._context = context
        self._target = target
        self._reports = reports
        self._answers = answers
        self._access = access
        self._out = out
        self._fetch_sessions = FetchSessions()
        self._share_sessions = ShareSessions()
        self.repeating = Repeating(context, answers, out)
        self.waits = False
        """Whether a request waits for a question of our own to be answered; no other may be served meanwhile."""

    def serve(self, frame: Buffer, api_key: int, version: int) -> None:
        """Judge a request and carry out the verdict.

        :raises ProtocolError: if it can neither be read nor refused by an answer.
        """
        head = read_request_head(frame)
        offered = self._target.offered()
        if version not in offered.offered.get(api_key, ()):
            self._refuse_version(head, frame)
            return
        call = self._call(head, frame, offered.broker)
        try:
            verdict = judge(call)
        except MalformedFrame:
            call.access.take_checked()
            call = self._call(*_as_kafka_reads_it(head, frame), offered.broker)
            verdict = judge(call)
        self._carry_out(call, verdict)

    def _call(self, head: RequestHead, frame: Buffer, broker: dict[int, range]) -> Call:
        context = self._context
        sessions = self._fetch_sessions, self._share_sessions
        return Call(head, frame, self._access, context.facts, broker, *sessions, context.rewriter.endpoints)

    def _refuse_version(self, head: RequestHead, frame: Buffer) -> None:
        """An API or version that is not offered: the error that says so, where the answer has a place for it."""
        reason = f"{api_label(head.api_key)} version {head.api_version} is not offered"
        self._out.append(commands.Emit(self._reports.refused(head, "version not offered")))
        if head.api_key in BROKER_ONLY or not can_say(head.api_key, head.api_version):
            raise UnsupportedApi(reason)
        request = Message.request(head, frame).entity
        if getattr(request, "acks", None) == 0:
            # Who asked for no answer would take it for that of its next request.
            raise UnsupportedApi(reason)
        answer = refuse(head.api_key, head.api_version, request, ErrorCode.unsupported_version)
        self._answer(head, answer)

    # Carrying out verdicts

    def _carry_out(self, call: Call, verdict: Verdict) -> None:
        if call.access.has_checked:
            self.tell_checked(call)
        kind = type(verdict)
        if kind is Forward:
            self._forward(call, verdict)  # type: ignore[arg-type]
        elif isinstance(verdict, Answer):
            self._answer(call.head, verdict.entity)
        elif isinstance(verdict, Ask):
            self._ask(call, verdict)
        elif isinstance(verdict, Disconnect):
            self._expect(Ending(CloseReason.DENIED_WITHOUT_ANSWER, verdict.detail))

    def _forward(self, call: Call, verdict: Forward) -> None:
        self._out.append(commands.SendBroker(verdict.pieces))
        if verdict.repeatable is not None:
            self.repeating.remember(call, verdict.repeatable)
        if not verdict.acknowledged:
            if verdict.close:
                self._expect(Ending(CloseReason.DENIED_WITHOUT_ANSWER, "a part of a Produce with acks=0 was denied"))
            return
        head = call.head
        rewrite = self._context.rewriter.edit_for(head.api_key, head.api_version)
        slot: Slot
        if verdict.stream is not None:
            slot = Stream(head.correlation_id, verdict.stream)
        elif not verdict.edits and (rewrite is None or head.api_key == _PRODUCE):
            slot = unedited(head.correlation_id, head.api_version, rewrite)
        else:
            edits = verdict.edits if rewrite is None else (*verdict.edits, rewrite)
            slot = Edit(head.correlation_id, call, edits)
        self._expect(slot)

    def _answer(self, head: RequestHead, entity: object) -> None:
        frame = encode_response(head.api_key, head.api_version, head.correlation_id, entity)
        rewrite = self._context.rewriter.edit_for(head.api_key, head.api_version)
        if rewrite is not None:
            message = Message.response(head.api_key, head.api_version, frame)
            rewrite(message)
            frame = b"".join(message.frame_pieces())
        self._expect(Answered(frame))

    def _ask(self, call: Call, verdict: Ask) -> None:
        """Put a question of our own to the broker; the client's request waits until it is answered."""
        question = encode_request(
            verdict.api_key, verdict.api_version, _INTERNAL_CORRELATION, _CLIENT_ID, verdict.entity
        )
        self._out.append(commands.SendBroker((question,)))
        self.waits = True

        def resume(message: Message) -> None:
            self.waits = False
            self._carry_out(call, verdict.then(message))

        self._expect(Internal(_INTERNAL_CORRELATION, verdict.api_key, verdict.api_version, resume))

    def _expect(self, slot: Slot) -> None:
        pieces = self._answers.expect(slot)
        if pieces:
            self._out.append(commands.SendClient(pieces))

    def tell_checked(self, call: Call) -> None:
        """Report what was decided about a request since this was last told."""
        for event in self._reports.decided(call.head, call.access, call.access.take_checked()):
            self._out.append(commands.Emit(event))


def _as_kafka_reads_it(head: RequestHead, frame: Buffer) -> tuple[RequestHead, bytes]:
    """A request that cannot be read here, in the form that Kafka would take it for."""
    canonical = canonical_request(head, frame)
    return read_request_head(canonical), canonical
