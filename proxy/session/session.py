"""One client connection: authenticated first, then served request by request, with at most one broker connection.

Requests are taken one after the other. Taking stops while a request waits for something: the broker connection, an
answer of the broker that decides about it, slow work, or a free slot. What comes meanwhile stays with the splitter,
and reading is paused.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey, api_label, response_type
from protocol.codec import build
from protocol.errors import FrameTooLarge, ProtocolError, ProxyHeader, UnsupportedApi
from protocol.framing import FrameSplitter
from protocol.header import peek_api
from protocol.layout import Buffer
from protocol.splice import encode_response
from proxy.authentication.forwarding import FORWARDED, ForwardedClient, NotForwardable
from proxy.authentication.outcome import Failed, FailureReason, Identity
from proxy.authentication.proxy_header import BadProxyHeader
from proxy.enforcement.access import Access
from proxy.session import commands
from proxy.session.answers import Answers
from proxy.session.commands import Commands, Timer
from proxy.session.context import Caller, SessionContext
from proxy.session.events import CloseReason, SessionEvent
from proxy.session.forwarding import introduction
from proxy.session.lifetime import Lifetime
from proxy.session.login import Login
from proxy.session.reports import Reports
from proxy.session.sasl import HEAD_SIZE, UnexpectedRequest
from proxy.session.service import Service
from proxy.session.slots import Answered, Edit
from proxy.session.target import BrokerUnknown, Target

_BOOTSTRAP_TRIES: Final = 3
_TAKEN_BACK: Final = "the user, or its certificate, was taken back"
_SHORTEST_REQUEST: Final = 14
_ANSWERED_HERE: Final = frozenset(map(int, (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE)))
_MAX_WITHOUT_RECORDS: Final = 16 * 1024 * 1024
"""Bytes of a request that is no Produce: judging one takes memory for each of its items, which may be of one byte."""


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
        self._reports = Reports(caller.session_id, context.listener, caller.host)
        self._login: Login | None = Login(context, self._reports, certificate, caller.host)
        self._service: Service | None = None
        self._identity: Identity | None = None
        self._certificate = certificate
        self._introduction = introduction(context, caller, certificate)
        self._client: ForwardedClient | None = None
        self._lifetime = Lifetime()
        self._target = Target(context.topology, caller.node_id)
        self._broker = _Broker.NONE
        self._tries = 0
        self._paused = False
        self._closed = False
        self._client_gone = False
        self._draining = False
        self._active = True

    # Inputs

    def started(self) -> Commands:
        """The client is connected and its TLS handshake, if any, is done."""
        self._emit(self._reports.opened())
        self._out.append(commands.SetTimer(Timer.IDLE, self._limits.connections_max_idle_s))
        if not self._target.choose():
            self._close(CloseReason.BROKER_UNREACHABLE, "no broker with this address is known")
            return self._take_out()
        if self._introduction is not None:
            self._out.append(commands.SetTimer(Timer.AUTHENTICATION, self._limits.authentication_timeout_s))
        elif self._login is not None:
            self._advance(self._login, self._login.begin())
        return self._take_out()

    def client_bytes(self, data: bytes) -> Commands:
        """Bytes came from the client."""
        if self._closed:
            return []
        self._active = True
        rest = self._take_repeats(self._service, data) if self._service is not None else self._take_first(data)
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
            self._close(CloseReason.PROTOCOL_VIOLATION, f"the broker at {self._target}: {fault}")
            return self._take_out()
        if pieces:
            self._out.append(commands.SendClient(pieces))
        internal = answers.take_internal()
        if internal is not None:
            slot, message = internal
            slot.then(message)
        self._end_if_due()
        if self._paused or self._draining or self._client_gone:
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
        may_try_another = self._broker is _Broker.OPENING and self._target.may_be_another
        if may_try_another and self._tries < _BOOTSTRAP_TRIES and self._target.choose():
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

    def verified(self, result: object) -> Commands:
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
        elif name in (Timer.LIFETIME, Timer.REAUTHENTICATION):
            self._lifetime.timer_fired(name)
        elif name is Timer.CONNECT:
            self._close(CloseReason.BROKER_UNREACHABLE, f"broker {self._target} did not accept in time")
        elif self._active or self._answers.slots:
            self._active = False
            self._out.append(commands.SetTimer(Timer.IDLE, self._limits.connections_max_idle_s))
        else:
            self._close(CloseReason.IDLE_TIMEOUT, "")
        return self._take_out()

    def reconsider(self) -> Commands:
        """Users or certificates may have been taken back since this client proved who it is."""
        if not self._closed and self._service is not None and not self._stands():
            self._close(CloseReason.IDENTITY_REVOKED, _TAKEN_BACK)
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
                self._end_if_due()
            except ProxyHeader as fault:
                self._refuse_to_forward(self._reports.principal, fault)
            except FrameTooLarge as fault:
                self._refuse_frame(fault)
            except UnexpectedRequest as fault:
                if self._login is not None:
                    self._out += self._login.fail(Failed("", str(fault), reason=FailureReason.NO_SASL))
            except BrokerUnknown as fault:
                self._close(CloseReason.BROKER_UNREACHABLE, str(fault))
            except UnsupportedApi as fault:
                self._close(CloseReason.UNSUPPORTED_API, str(fault))
            except ProtocolError as fault:
                self._close(CloseReason.MALFORMED_REQUEST, str(fault))
        self._settle()

    def _refuse_frame(self, fault: FrameTooLarge) -> None:
        if self._login is None:
            self._close(CloseReason.REQUEST_TOO_LARGE, str(fault))
        else:
            self._out += self._login.refuse_frame(self._splitter.abandon(HEAD_SIZE), str(fault))

    def _take_repeats(self, service: Service, data: bytes) -> Buffer:
        """What is left of new bytes when those requests are on their way that nobody has to look at."""
        if self._splitter.buffered or self._draining or self._must_wait():
            return data
        if self._login is not None or self._lifetime.ended:
            return data
        free = self._limits.max_in_flight - len(self._answers.slots)
        return service.repeat(data, free, self._splitter.limit)

    def _take_first(self, data: bytes) -> bytes:
        """What is left of the first bytes when it is clear whose connection this is."""
        if self._introduction is None or self._login is None:
            return data
        try:
            found = self._introduction.take(data)
        except (BadProxyHeader, NotForwardable) as fault:
            self._refuse_to_forward(self._introduction.peer, fault)
            return b""
        if found is None:
            return b""
        client, rest = found
        self._introduction = None
        self._out.append(commands.CancelTimer(Timer.AUTHENTICATION))
        if client.through:
            self._client = client
            self._reports.introduced(client)
            self._advance(self._login, self._login.introduced(client.principal))
        else:
            self._advance(self._login, self._login.begin())
        return rest

    def _refuse_to_forward(self, peer: Principal | None, fault: Exception) -> None:
        who = "somebody who is not known" if peer is None else str(peer)
        detail, name = f"{who} would speak for somebody else: {fault}", None if peer is None else peer.name
        failed = Failed("", detail, name, FailureReason.NOT_TRUSTED)
        self._emit(self._reports.authentication_failed(FORWARDED, failed))
        self._close(CloseReason.AUTHENTICATION_FAILED, failed.detail)

    def _must_wait(self) -> bool:
        return (
            len(self._answers.slots) >= self._limits.max_in_flight
            or (self._service is not None and self._service.waits)
            or self._broker is _Broker.OPENING
            or (self._login is not None and self._login.waits)
        )

    def _settle(self) -> None:
        """After requests were taken: is it time to end, to pause reading, or to go on?"""
        if self._closed:
            return
        if self._draining and not self._answers.slots:
            self._close(CloseReason.DRAINED, "")
        elif self._client_gone and not self._must_wait():
            self._close(CloseReason.CLIENT_CLOSED, "")
        elif self._must_wait() != self._paused:
            self._paused = not self._paused
            self._out.append(commands.PauseClient() if self._paused else commands.ResumeClient())

    def _take(self, frame: memoryview) -> None:
        if self._service is None or self._login is not None:
            self._authenticate(frame)
            return
        api_key, version, correlation_id = peek_api(frame)
        if api_key == ApiKey.SASL_HANDSHAKE and self._lifetime.may_be_renewed:
            self._authenticate_again(frame)
            return
        if self._lifetime.ended:
            self._close(CloseReason.SESSION_EXPIRED, "the client did not authenticate again in time")
            return
        if len(frame) > _MAX_WITHOUT_RECORDS and api_key != ApiKey.PRODUCE:
            raise FrameTooLarge(f"{api_label(api_key)} of {len(frame)} bytes: only records may take so many")
        if self._broker is not _Broker.OPEN and api_key not in _ANSWERED_HERE:
            self._wait_for_broker(frame)
            return
        requests = self._context.requests
        requests[api_key] = requests.get(api_key, 0) + 1
        if api_key not in _ANSWERED_HERE:
            self._service.serve(frame, api_key, version)
        elif api_key == ApiKey.API_VERSIONS:
            self._answer(self._target.offered().answer(frame))
        else:
            self._out_of_place(api_key, version, correlation_id)

    def _wait_for_broker(self, frame: memoryview) -> None:
        self._splitter.put_back(frame)
        self._open_broker()

    def _open_broker(self) -> None:
        self._broker = _Broker.OPENING
        self._tries += 1
        self._out.append(commands.SetTimer(Timer.CONNECT, self._limits.connect_timeout_s))
        assert self._client is not None, "nothing goes to a broker before its client is known"
        self._out.append(commands.OpenBroker(*self._target.address, self._client))

    # Who it is

    def _authenticate(self, frame: memoryview) -> None:
        login = self._login
        if login is None:
            raise AssertionError("somebody who is not known is logging in")
        if login.takes_requests and len(frame) >= _SHORTEST_REQUEST and peek_api(frame)[0] == ApiKey.API_VERSIONS:
            self._answer(self._target.offered().answer(frame))
        else:
            self._advance(login, login.take(frame))

    def _authenticate_again(self, frame: memoryview) -> None:
        self._login = Login(self._context, self._reports, None, self._caller.host, again=self._lifetime.identity)
        self._out += self._lifetime.renew()
        self._advance(self._login, self._login.begin())
        self._authenticate(frame)

    def _advance(self, login: Login, todo: Commands) -> None:
        """Do what the login wants, and serve the client once it is known."""
        self._splitter.limit = login.frame_max_bytes
        for command in todo:
            if isinstance(command, commands.SendClient):
                self._answer(b"".join(command.pieces))
            else:
                self._out.append(command)
        if login.refused is not None:
            self._close(CloseReason.AUTHENTICATION_FAILED, login.refused)
        if login.principal is not None:
            self._serve(login, login.principal)

    def _serve(self, login: Login, principal: Principal) -> None:
        self._login = None
        self._identity = login.identity
        if self._service is None:
            context = self._context
            client = self._client = self._client or ForwardedClient(principal, self._caller.host)
            access = Access(context.verdicts, client.principal, client.host, grants=context.grants)
            self._service = Service(context, self._target, self._reports, self._answers, access, self._out)
        self._splitter.limit = self._limits.socket_request_max_bytes
        self._out += self._lifetime.begin(login)
        if not self._stands():
            self._close(CloseReason.IDENTITY_REVOKED, _TAKEN_BACK)

    def _stands(self) -> bool:
        """Whether the client still is who it proved to be: it may have been removed, even while it proved it."""
        return self._context.stands(self._identity, self._certificate)

    def _out_of_place(self, api_key: int, version: int, correlation_id: int) -> None:
        """SASL outside of authentication."""
        answer = build(response_type(api_key, version), error_code=ErrorCode.illegal_sasl_state)
        self._answer(encode_response(api_key, version, correlation_id, answer))

    def _answer(self, frame: bytes) -> None:
        pieces = self._answers.expect(Answered(frame))
        if pieces:
            self._out.append(commands.SendClient(pieces))

    # The end

    def _tell_checked_of(self, slot: Edit) -> None:
        if self._service is not None:
            self._service.tell_checked(slot.call)

    def _emit(self, event: SessionEvent) -> None:
        self._out.append(commands.Emit(event))

    def _end_if_due(self) -> None:
        ending = self._answers.ending
        if ending is not None:
            self._close(ending.reason, ending.detail)

    def _close(self, reason: CloseReason, detail: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._emit(self._reports.closed(reason, detail))
        self._out.append(commands.Close(reason))

    def _take_out(self) -> Commands:
        out = self._out.copy()
        self._out.clear()
        return out
