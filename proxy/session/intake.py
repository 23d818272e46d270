"""Requests are taken one after the other, until one has to wait.

It may wait for the broker connection, an answer of the broker that decides about it, slow work, or a free slot. What
comes meanwhile stays with the splitter, and reading is paused.
"""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, api_label, response_type
from protocol.codec import build
from protocol.errors import FrameTooLarge, MalformedFrame, ProtocolError, ProxyHeader, UnsupportedApi
from protocol.framing import FrameSplitter
from protocol.header import peek_api
from protocol.layout import Buffer
from protocol.splice import encode_response
from proxy.authentication.forwarding import ForwardedClient
from proxy.enforcement.access import Access
from proxy.session import commands
from proxy.session.admission import Admission
from proxy.session.answers import Answers
from proxy.session.broker import BrokerConnection
from proxy.session.commands import Commands
from proxy.session.context import SessionContext
from proxy.session.events import CloseReason
from proxy.session.repeating import Repeating
from proxy.session.reports import Reports
from proxy.session.sasl import HEAD_SIZE
from proxy.session.service import Service
from proxy.session.slots import Answered, Edit
from proxy.session.target import BrokerUnknown, Target

_ANSWERED_HERE: Final = frozenset(map(int, (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE)))
_MAX_WITHOUT_RECORDS: Final = 16 * 1024 * 1024
"""Bytes of a request that is no Produce: judging one takes memory for each of its items, which may be of one byte."""


class Intake:
    """Takes what one client sends, and has it admitted, served or answered.

    What has to be done is appended to ``out``; whether the connection has to end is told by ``answers.ending``, and
    nothing is taken after it.
    """

    def __init__(
        self,
        context: SessionContext,
        reports: Reports,
        admission: Admission,
        target: Target,
        broker: BrokerConnection,
        out: Commands,
    ) -> None:
        self._context = context
        self._max_in_flight = context.limits.max_in_flight
        self._reports = reports
        self._admission = admission
        self._target = target
        self._broker = broker
        self._out = out
        self._splitter = FrameSplitter(context.limits.unauthenticated_request_max_bytes)
        self._service: Service | None = None
        self.answers = Answers(self._tell_checked_of)
        self.paused = False
        self.draining = False
        """Set when no more requests are to be taken: it ends when what is in flight has been answered."""
        self.client_gone = False
        """Set when nothing more will come: it ends when what has come is on its way."""

    @property
    def is_within_request(self) -> bool:
        """Whether a request is going on to the broker of which the client has not sent all yet."""
        return self._service is not None and self._service.repeating.passing is not None

    def take_ahead(self, data: bytes) -> Buffer:
        """Take of new bytes what is not looked at as requests, an introduction and repeats; give back the rest."""
        service, admission, splitter = self._service, self._admission, self._splitter
        if service is None:
            return self._introduce(data)
        repeating = service.repeating
        if repeating.passing is not None:
            data = self._pass_on(repeating, data)
        if not data or splitter.buffered or self.draining or self._must_wait():
            return data
        if admission.login is not None or admission.lifetime.ended:
            return data
        free = self._max_in_flight - len(self.answers.slots)
        return repeating.take(data, free, splitter.limit)

    def take(self, data: Buffer = b"") -> None:
        """Take requests until none is whole or one has to wait. ``data`` comes behind what has waited so far."""
        if data:
            self._splitter.feed(data)
        answers = self.answers
        while not (self.draining or answers.ending is not None or self._must_wait()):
            try:
                frame = self._splitter.next()
                if frame is None:
                    break
                self._take_one(frame)
            except ProxyHeader as fault:
                self.admit(self._admission.refuse_header(fault))
            except FrameTooLarge as fault:
                self._refuse_frame(fault)
            except BrokerUnknown as fault:
                self.answers.end(CloseReason.BROKER_UNREACHABLE, str(fault))
            except UnsupportedApi as fault:
                self.answers.end(CloseReason.UNSUPPORTED_API, str(fault))
            except ProtocolError as fault:
                self.answers.end(CloseReason.MALFORMED_REQUEST, str(fault))
        if answers.ending is None:
            self._settle()

    def admit(self, todo: Commands) -> None:
        """Do what the admission wants, and serve the client once it is known."""
        for command in todo:
            if isinstance(command, commands.SendClient):
                self._answer(b"".join(command.pieces))
            else:
                self._out.append(command)
        admission = self._admission
        self._splitter.limit = admission.frame_max_bytes
        if admission.refused is not None:
            self.answers.end(admission.refused.reason, admission.refused.detail)
        elif admission.client is not None and self._service is None:
            self._service = self._serve(admission.client)

    def _introduce(self, data: bytes) -> bytes:
        if not self._admission.awaits_introduction:
            return data
        todo, rest = self._admission.introduce(data)
        self.admit(todo)
        return rest

    def _pass_on(self, repeating: Repeating, data: bytes) -> bytes:
        try:
            return repeating.pass_on(data)
        except MalformedFrame as fault:
            self.answers.end(CloseReason.MALFORMED_REQUEST, str(fault))
            return b""

    def _must_wait(self) -> bool:
        service, login = self._service, self._admission.login
        return (
            len(self.answers.slots) >= self._max_in_flight
            or (service is not None and service.waits)
            or self._broker.is_opening
            or (login is not None and login.waits)
        )

    def _settle(self) -> None:
        """After requests were taken: is it time to end, to pause reading, or to go on?"""
        if self.draining and not self.answers.slots:
            self.answers.end(CloseReason.DRAINED, "")
        elif self.client_gone and not self._must_wait():
            self.answers.end(CloseReason.CLIENT_CLOSED, "")
        elif self._must_pause() != self.paused:
            self.paused = not self.paused
            self._out.append(commands.PauseClient() if self.paused else commands.ResumeClient())

    def _must_pause(self) -> bool:
        """Who waits is not read; but the rest of a request that is going on already waits for nothing."""
        return self._must_wait() and not self.is_within_request

    def _take_one(self, frame: memoryview) -> None:
        service, admission = self._service, self._admission
        if service is None or admission.login is not None:
            self.admit(admission.take(frame))
            return
        api_key, version, correlation_id = peek_api(frame)
        if api_key == ApiKey.SASL_HANDSHAKE and admission.lifetime.may_be_renewed:
            self.admit(admission.renew())
            self.admit(admission.take(frame))
            return
        if admission.lifetime.ended:
            self.answers.end(CloseReason.SESSION_EXPIRED, "the client did not authenticate again in time")
            return
        if len(frame) > _MAX_WITHOUT_RECORDS and api_key != ApiKey.PRODUCE:
            raise FrameTooLarge(f"{api_label(api_key)} of {len(frame)} bytes: only records may take so many")
        if not self._broker.is_open and api_key not in _ANSWERED_HERE:
            self._wait_for_broker(frame)
            return
        requests = self._context.requests
        requests[api_key] = requests.get(api_key, 0) + 1
        if api_key not in _ANSWERED_HERE:
            service.serve(frame, api_key, version)
        elif api_key == ApiKey.API_VERSIONS:
            self._answer(self._target.offered().answer(frame))
        else:
            self._out_of_place(api_key, version, correlation_id)

    def _wait_for_broker(self, frame: memoryview) -> None:
        client = self._admission.client
        assert client is not None, "nothing goes to a broker before its client is known"
        self._splitter.put_back(frame)
        self._out += self._broker.open(client)

    def _serve(self, client: ForwardedClient) -> Service:
        context = self._context
        access = Access(context.verdicts, client.principal, client.host, grants=context.grants)
        return Service(context, self._target, self._reports, self.answers, access, self._out)

    def _out_of_place(self, api_key: int, version: int, correlation_id: int) -> None:
        """SASL outside of authentication."""
        answer = build(response_type(api_key, version), error_code=ErrorCode.illegal_sasl_state)
        self._answer(encode_response(api_key, version, correlation_id, answer))

    def _answer(self, frame: bytes) -> None:
        pieces = self.answers.expect(Answered(frame))
        if pieces:
            self._out.append(commands.SendClient(pieces))

    def _refuse_frame(self, fault: FrameTooLarge) -> None:
        login = self._admission.login
        if login is None:
            self.answers.end(CloseReason.REQUEST_TOO_LARGE, str(fault))
        else:
            self._out += login.refuse_frame(self._splitter.abandon(HEAD_SIZE), str(fault))

    def _tell_checked_of(self, slot: Edit) -> None:
        if self._service is not None:
            self._service.tell_checked(slot.call)
