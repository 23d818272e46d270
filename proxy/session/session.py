"""One client connection: authenticated first, then served request by request, with at most one broker connection.

Requests are taken one after the other. Taking stops while a request waits for something: the broker connection, an
answer of the broker that decides about it, slow work, or a free slot. What comes meanwhile stays with the splitter,
and reading is paused.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, api_label, response_type
from protocol.canonical import canonical_request
from protocol.codec import build
from protocol.errors import FrameTooLarge, MalformedFrame, ProtocolError, UnsupportedApi
from protocol.framing import FrameSplitter
from protocol.header import RequestHead, peek_api, read_request_head
from protocol.layout import Buffer
from protocol.refusals import can_say, refuse
from protocol.repeats import Repeats
from protocol.splice import Message, Piece, encode_request, encode_response
from proxy.authentication.outcome import Failed
from proxy.enforcement.access import Access, Verdicts
from proxy.enforcement.call import Call
from proxy.enforcement.engine import BROKER_ONLY, judge
from proxy.enforcement.fetch_sessions import FetchSessions
from proxy.enforcement.verdict import Answer, AnswerEdit, Ask, Disconnect, Forward, Verdict
from proxy.session import commands
from proxy.session.answers import Answers
from proxy.session.commands import Commands, Timer
from proxy.session.context import Caller, SessionContext
from proxy.session.events import CloseReason, SessionEvent
from proxy.session.login import Login
from proxy.session.reports import Reports
from proxy.session.sasl import UnexpectedRequest
from proxy.session.slots import Answered, Edit, Ending, Glance, Internal, Slot, Stream
from proxy.session.versions import OfferedVersions

_CLIENT_ID: Final = "kafka-doorkeeper"
_INTERNAL_CORRELATION: Final = -1
_BOOTSTRAP_TRIES: Final = 3
_SHORTEST_REQUEST: Final = 14
_PRODUCE: Final = int(ApiKey.PRODUCE)
_ANSWERED_HERE: Final = frozenset(map(int, (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE)))
_MAX_WITHOUT_RECORDS: Final = 16 * 1024 * 1024
"""Bytes of a request that is no Produce: judging one takes memory for each of its items, which may be of one byte."""


class _BrokerUnknown(ProtocolError):
    """Nothing can be offered to the client, since the broker has not told its API versions yet."""


class _Broker(Enum):
    NONE = "none"
    OPENING = "opening"
    OPEN = "open"


class Session:
    """One client connection. Every method returns what the transport has to do, in order.

    ``certificate`` is the client's, in DER form, if it showed one that was verified.
    """

    def __init__(self, context: SessionContext, caller: Caller, certificate: bytes | None = None) -> None:
        self._context = context
        self._caller = caller
        self._limits = context.limits
        self._splitter = FrameSplitter(self._limits.unauthenticated_request_max_bytes)
        self._answers = Answers(self._tell_checked_of)
        self._out: Commands = []
        self._access: Access | None = None
        self._reports = Reports(caller.session_id, context.listener, caller.host)
        self._login: Login | None = Login(context, self._reports, certificate)
        self._versions: OfferedVersions | None = None
        self._target: tuple[str, int] = ("", 0)
        self._broker = _Broker.NONE
        self._tries = 0
        self._fetch_sessions = FetchSessions()
        self._repeats = Repeats()
        self._repeats_judged_by: Verdicts | None = None
        self._paused = False
        self._closed = False
        self._client_gone = False
        self._draining = False
        self._active = True
        self._parked: Call | None = None

    # Inputs

    def started(self) -> Commands:
        """The client is connected and its TLS handshake, if any, is done."""
        self._emit(self._reports.opened())
        self._out.append(commands.SetTimer(Timer.IDLE, self._limits.connections_max_idle_s))
        if not self._choose_broker():
            self._close(CloseReason.BROKER_UNREACHABLE, "no broker with this address is known")
            return self._take_out()
        if self._login is not None:
            self._advance(self._login, self._login.begin())
        return self._take_out()

    def client_bytes(self, data: bytes) -> Commands:
        """Bytes came from the client."""
        if self._closed:
            return []
        self._active = True
        rest = self._take_repeats(data) if len(self._repeats) else data
        if rest:
            self._splitter.feed(rest)
            self._pump()
        return self._take_out()

    def broker_bytes(self, data: bytes) -> Commands:
        """Bytes came from the broker."""
        if self._closed:
            return []
        self._active = True
        answers = self._answers
        try:
            pieces = answers.feed(data)
        except ProtocolError as fault:
            self._close(CloseReason.PROTOCOL_VIOLATION, f"the broker at {self._target_text()}: {fault}")
            return self._take_out()
        if pieces:
            self._send_client(pieces)
        internal = answers.take_internal()
        if internal is not None:
            slot, message = internal
            slot.then(message)
        if answers.ending is not None:
            self._close(answers.ending.reason, answers.ending.detail)
        elif self._paused or self._draining or self._client_gone:
            self._pump()
        return self._take_out()

    def broker_opened(self) -> Commands:
        """The connection that :class:`OpenBroker` asked for is there."""
        self._broker = _Broker.OPEN
        self._out.append(commands.CancelTimer(Timer.CONNECT))
        self._pump()
        return self._take_out()

    def broker_closed(self, why: str) -> Commands:
        """The connection to the broker did not come about, or has ended."""
        may_try_another = self._broker is _Broker.OPENING and self._caller.node_id is None
        if may_try_another and self._tries < _BOOTSTRAP_TRIES and self._choose_broker():
            self._open_broker()
            return self._take_out()
        was_open = self._broker is _Broker.OPEN
        self._broker = _Broker.NONE
        self._close(CloseReason.BROKER_CLOSED if was_open else CloseReason.BROKER_UNREACHABLE, why)
        return self._take_out()

    def client_closed(self) -> Commands:
        """The client has gone; all its bytes were handed over before."""
        self._client_gone = True
        self._pump()
        return self._take_out()

    def verified(self, result: bool) -> Commands:
        """The work of :class:`Verify` is done."""
        if not self._closed and self._login is not None:
            self._advance(self._login, self._login.verified(result))
            self._pump()
        return self._take_out()

    def timer_fired(self, name: Timer) -> Commands:
        """A timer is due."""
        if self._closed:
            return []
        if name is Timer.DELAY:
            self._out += self._login.tell_failure() if self._login is not None else []
            self._close(CloseReason.AUTHENTICATION_FAILED, "")
        elif name is Timer.AUTHENTICATION:
            self._close(CloseReason.AUTHENTICATION_TIMEOUT, "the client did not authenticate in time")
        elif name is Timer.CONNECT:
            self._close(CloseReason.BROKER_UNREACHABLE, f"broker {self._target_text()} did not accept in time")
        elif self._active or self._answers.slots:
            self._active = False
            self._out.append(commands.SetTimer(Timer.IDLE, self._limits.connections_max_idle_s))
        else:
            self._close(CloseReason.IDLE_TIMEOUT, "")
        return self._take_out()

    def drain(self) -> Commands:
        """Take no more requests; close when what is in flight has been answered."""
        self._draining = True
        self._pump()
        return self._take_out()

    # Taking requests

    def _pump(self) -> None:
        """Take requests until none is whole or one has to wait."""
        while not (self._closed or self._draining or self._must_wait()):
            try:
                frame = self._splitter.next()
                if frame is None:
                    break
                self._take(frame)
            except FrameTooLarge as fault:
                self._close(CloseReason.REQUEST_TOO_LARGE, str(fault))
            except UnexpectedRequest as fault:
                if self._login is not None:
                    self._out += self._login.fail(Failed("", str(fault), None))
            except _BrokerUnknown as fault:
                self._close(CloseReason.BROKER_UNREACHABLE, str(fault))
            except UnsupportedApi as fault:
                self._close(CloseReason.UNSUPPORTED_API, str(fault))
            except ProtocolError as fault:
                self._close(CloseReason.MALFORMED_REQUEST, str(fault))
        self._settle()

    def _take_repeats(self, data: bytes) -> Buffer:
        """Send on at once the requests that repeat what was let go on; give back what comes behind them."""
        if self._context.verdicts() is not self._repeats_judged_by:
            self._repeats.forget()
            return data
        if self._splitter.buffered or self._draining or self._must_wait():
            return data
        slots = self._answers.slots
        correlation_ids: list[int] = []
        free = self._limits.max_in_flight - len(slots)
        end, taken = self._repeats.follow(data, free, self._splitter.limit, correlation_ids)
        if not taken:
            return data
        requests = self._context.requests
        requests[_PRODUCE] = requests.get(_PRODUCE, 0) + taken
        version = self._repeats.version
        rewrite = self._context.rewriter.edit_for(_PRODUCE, version)
        slots.extend(
            correlation_ids
            if rewrite is None
            else [Glance(correlation_id, version, rewrite) for correlation_id in correlation_ids]
        )
        if end == len(data):
            self._out.append(commands.SendBroker((data,)))
            return b""
        view = memoryview(data)
        self._out.append(commands.SendBroker((view[:end],)))
        return view[end:]

    def _remember(self, call: Call, verdict: Forward) -> None:
        """A Produce that goes on as the very same bytes: the next ones like it need not be judged again."""
        access = call.access
        if verdict.pieces[0] is call.frame and not access.grants:
            if access.verdicts is not self._repeats_judged_by:
                self._repeats.forget()
                self._repeats_judged_by = access.verdicts
            self._repeats.remember(call.head, call.frame)

    def _must_wait(self) -> bool:
        return (
            len(self._answers.slots) >= self._limits.max_in_flight
            or self._parked is not None
            or self._broker is _Broker.OPENING
            or (self._login is not None and self._login.waits)
        )

    def _settle(self) -> None:
        """After requests were taken: is it time to end, to pause reading, or to go on?"""
        if self._closed:
            return
        idle = not self._answers.slots and self._parked is None
        if self._draining and idle:
            self._close(CloseReason.DRAINED, "")
        elif self._client_gone and not self._must_wait():
            self._close(CloseReason.CLIENT_CLOSED, "")
        elif self._must_wait() != self._paused:
            self._paused = not self._paused
            self._out.append(commands.PauseClient() if self._paused else commands.ResumeClient())

    def _take(self, frame: memoryview) -> None:
        if self._login is not None:
            self._authenticate(self._login, frame)
            return
        api_key, version, correlation_id = peek_api(frame)
        if len(frame) > _MAX_WITHOUT_RECORDS and api_key != ApiKey.PRODUCE:
            raise FrameTooLarge(f"{api_label(api_key)} of {len(frame)} bytes: only records may take so many")
        if self._broker is not _Broker.OPEN and api_key not in _ANSWERED_HERE:
            self._wait_for_broker(frame)
            return
        requests = self._context.requests
        requests[api_key] = requests.get(api_key, 0) + 1
        if api_key not in _ANSWERED_HERE:
            self._serve(frame, api_key, version)
        elif api_key == ApiKey.API_VERSIONS:
            self._answer_frame(self._offered().answer(frame))
        else:
            self._out_of_place(api_key, version, correlation_id)

    def _serve(self, frame: memoryview, api_key: int, version: int) -> None:
        head = read_request_head(frame)
        offered = self._offered()
        if version not in offered.offered.get(api_key, ()):
            self._refuse_version(head, frame)
            return
        call = self._call(head, frame, offered)
        try:
            verdict = judge(call)
        except MalformedFrame:
            call.access.take_checked()
            call = self._call(*_as_kafka_reads_it(head, frame), offered)
            verdict = judge(call)
        self._carry_out(call, verdict)

    def _call(self, head: RequestHead, frame: Buffer, offered: OfferedVersions) -> Call:
        if self._access is None:
            raise AssertionError("nobody is served before authentication")
        return Call(
            head,
            frame,
            self._access,
            self._context.facts,
            offered.broker,
            self._fetch_sessions,
            self._context.rewriter.endpoints,
        )

    def _refuse_version(self, head: RequestHead, frame: Buffer) -> None:
        """An API or version that is not offered: the error that says so, where the answer has a place for it."""
        reason = f"{api_label(head.api_key)} version {head.api_version} is not offered"
        self._emit(self._reports.refused(head, "version not offered"))
        if head.api_key in BROKER_ONLY or not can_say(head.api_key, head.api_version):
            raise UnsupportedApi(reason)
        request = Message.request(head, frame).entity
        answer = refuse(head.api_key, head.api_version, request, ErrorCode.unsupported_version)
        self._answer(head, answer)

    def _wait_for_broker(self, frame: memoryview) -> None:
        self._splitter.put_back(frame)
        self._open_broker()

    def _open_broker(self) -> None:
        self._broker = _Broker.OPENING
        self._tries += 1
        self._out.append(commands.SetTimer(Timer.CONNECT, self._limits.connect_timeout_s))
        self._out.append(commands.OpenBroker(*self._target))

    # Carrying out verdicts

    def _carry_out(self, call: Call, verdict: Verdict) -> None:
        if call.access.has_checked:
            self._tell_checked(call)
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
        head = call.head
        rewrite = self._context.rewriter.edit_for(head.api_key, head.api_version)
        unedited = not verdict.edits and verdict.stream is None
        if unedited and head.api_key == _PRODUCE and not verdict.close:
            self._remember(call, verdict)
        if not verdict.acknowledged:
            if verdict.close:
                self._expect(Ending(CloseReason.DENIED_WITHOUT_ANSWER, "a part of a Produce with acks=0 was denied"))
            return
        slot: Slot
        if unedited and (rewrite is None or head.api_key == _PRODUCE):
            slot = _unedited(head.correlation_id, head.api_version, rewrite)
        elif verdict.stream is not None:
            slot = Stream(head.correlation_id, verdict.stream)
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
        self._answer_frame(frame)

    def _answer_frame(self, frame: bytes) -> None:
        self._expect(Answered(frame))

    def _ask(self, call: Call, verdict: Ask) -> None:
        """Put a question of our own to the broker; the client's request waits until it is answered."""
        question = encode_request(
            verdict.api_key, verdict.api_version, _INTERNAL_CORRELATION, _CLIENT_ID, verdict.entity
        )
        self._out.append(commands.SendBroker((question,)))
        self._parked = call

        def resume(message: Message) -> None:
            self._parked = None
            self._carry_out(call, verdict.then(message))

        self._expect(Internal(_INTERNAL_CORRELATION, verdict.api_key, verdict.api_version, resume))

    def _expect(self, slot: Slot) -> None:
        answers = self._answers
        pieces = answers.expect(slot)
        if pieces:
            self._send_client(pieces)
        if answers.ending is not None:
            self._close(answers.ending.reason, answers.ending.detail)

    def _send_client(self, pieces: Sequence[Piece]) -> None:
        self._out.append(commands.SendClient(pieces))

    # Who it is

    def _authenticate(self, login: Login, frame: memoryview) -> None:
        if login.takes_requests and len(frame) >= _SHORTEST_REQUEST and peek_api(frame)[0] == ApiKey.API_VERSIONS:
            self._answer_frame(self._offered().answer(frame))
        else:
            self._advance(login, login.take(frame))

    def _advance(self, login: Login, todo: Commands) -> None:
        """Do what the login wants, and serve the client once it is known."""
        self._out += todo
        if login.refused is not None:
            self._close(CloseReason.AUTHENTICATION_FAILED, login.refused)
        if login.principal is None:
            return
        context = self._context
        self._login = None
        self._access = Access(context.verdicts, login.principal, self._caller.host, grants=context.grants)
        self._splitter.limit = self._limits.socket_request_max_bytes

    def _out_of_place(self, api_key: int, version: int, correlation_id: int) -> None:
        """SASL outside of authentication (KIP-368 re-authentication needs a session that expires; ours do not)."""
        answer = build(response_type(api_key, version), error_code=ErrorCode.illegal_sasl_state)
        self._answer_frame(encode_response(api_key, version, correlation_id, answer))

    # What is told

    def _tell_checked(self, call: Call) -> None:
        for event in self._reports.decided(call.head, call.access, call.access.take_checked()):
            self._emit(event)

    def _tell_checked_of(self, slot: Edit) -> None:
        self._tell_checked(slot.call)

    def _emit(self, event: SessionEvent) -> None:
        self._out.append(commands.Emit(event))

    # The broker and the end

    def _choose_broker(self) -> bool:
        """Which broker this connection leads to: the one whose address was called, or any for the bootstrap address."""
        topology = self._context.topology
        node_id = self._caller.node_id
        if node_id is None:
            self._target = topology.pick_any()
        elif (address := topology.address_of(node_id)) is not None:
            self._target = address.address
        else:
            return False
        return True

    def _offered(self) -> OfferedVersions:
        if self._versions is None:
            facts = self._context.topology.versions_at(*self._target)
            if facts is None:
                raise _BrokerUnknown(f"the API versions of broker {self._target_text()} are not known yet")
            self._versions = OfferedVersions(facts)
        return self._versions

    def _target_text(self) -> str:
        return f"{self._target[0]}:{self._target[1]}"

    def _close(self, reason: CloseReason, detail: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._emit(self._reports.closed(reason, detail))
        self._out.append(commands.Close(reason))

    def _take_out(self) -> Commands:
        out, self._out = self._out, []
        return out


def _unedited(correlation_id: int, version: int, rewrite: AnswerEdit | None) -> Slot:
    """The slot of an answer that only a rewriting of addresses could change."""
    return correlation_id if rewrite is None else Glance(correlation_id, version, rewrite)


def _as_kafka_reads_it(head: RequestHead, frame: Buffer) -> tuple[RequestHead, bytes]:
    """A request that cannot be read here, in the form that Kafka would take it for."""
    canonical = canonical_request(head, frame)
    return read_request_head(canonical), canonical
