"""One client connection: authenticated first, then served request by request, with at most one broker connection."""

from __future__ import annotations

from protocol.errors import ProtocolError
from proxy.session import commands
from proxy.session.admission import Admission
from proxy.session.broker import BrokerConnection
from proxy.session.commands import Commands, Timer
from proxy.session.context import Caller, SessionContext
from proxy.session.events import CloseReason
from proxy.session.intake import Intake
from proxy.session.reports import Reports
from proxy.session.target import Target


class Session:
    """One client connection. Every method returns what the transport has to do, in order.

    ``certificate`` is the client's, in DER form, if it showed one that was verified.
    """

    def __init__(self, context: SessionContext, caller: Caller, certificate: bytes | None = None) -> None:
        self._limits = context.limits
        self._out: Commands = []
        self._reports = Reports(caller.session_id, context.listener, caller.host)
        self._target = Target(context.topology, caller.node_id)
        self._broker = BrokerConnection(self._target, self._limits.connect_timeout_s)
        self._admission = Admission(context, caller, certificate, self._reports, self._target)
        self._intake = Intake(context, self._reports, self._admission, self._target, self._broker, self._out)
        self._answers = self._intake.answers
        self._closed = False
        self._active = True

    def started(self) -> Commands:
        """The client is connected and its TLS handshake, if any, is done."""
        self._out.append(commands.Emit(self._reports.opened()))
        self._out.append(commands.SetTimer(Timer.IDLE, self._limits.connections_max_idle_s))
        if self._target.choose():
            self._intake.admit(self._admission.begin())
        else:
            self._answers.end(CloseReason.BROKER_UNREACHABLE, "no broker with this address is known")
        return self._take_out()

    def client_bytes(self, data: bytes) -> Commands:
        """Bytes came from the client."""
        if self._closed:
            return []
        self._active = True
        intake = self._intake
        rest = intake.take_ahead(data)
        if rest:
            intake.take(rest)
        return self._take_out()

    def broker_bytes(self, data: bytes) -> Commands:
        """Bytes came from the broker."""
        if self._closed:
            return []
        self._active = True
        answers, intake = self._answers, self._intake
        try:
            pieces = answers.feed(data)
        except ProtocolError as fault:
            answers.end(CloseReason.PROTOCOL_VIOLATION, f"the broker at {self._target}: {fault}")
            return self._take_out()
        if pieces:
            self._out.append(commands.SendClient(pieces))
        internal = answers.take_internal()
        if internal is not None:
            slot, message = internal
            slot.then(message)
        if intake.paused or intake.draining or intake.client_gone:
            intake.take()
        return self._take_out()

    def broker_opened(self) -> Commands:
        """The connection that :class:`OpenBroker` asked for is there."""
        self._out += self._broker.opened()
        self._intake.take()
        return self._take_out()

    def broker_closed(self, why: str) -> Commands:
        """The connection to the broker did not come about, or has ended."""
        another = self._broker.try_another()
        if another:
            self._out += another
        else:
            self._answers.end(self._broker.closed(), why)
        return self._take_out()

    def client_closed(self) -> Commands:
        """The client has gone; all its bytes were handed over before."""
        self._intake.client_gone = True
        self._intake.take()
        return self._take_out()

    def verified(self, result: object) -> Commands:
        """The work of :class:`Verify` is done."""
        if not self._closed and self._admission.login is not None:
            self._intake.admit(self._admission.verified(result))
            self._intake.take()
        return self._take_out()

    def timer_fired(self, name: Timer) -> Commands:
        """A timer is due."""
        if self._closed:
            return []
        if name is Timer.DELAY:
            login = self._admission.login
            self._out += login.tell_failure() if login is not None else []
            self._answers.end(CloseReason.AUTHENTICATION_FAILED, "")
        elif name is Timer.AUTHENTICATION:
            self._answers.end(CloseReason.AUTHENTICATION_TIMEOUT, "the client did not authenticate in time")
        elif name in (Timer.LIFETIME, Timer.REAUTHENTICATION):
            self._admission.lifetime.timer_fired(name)
        elif name is Timer.CONNECT:
            self._answers.end(CloseReason.BROKER_UNREACHABLE, f"broker {self._target} did not accept in time")
        elif self._active or (self._answers.slots and not self._intake.is_within_request):
            self._active = False
            self._out.append(commands.SetTimer(Timer.IDLE, self._limits.connections_max_idle_s))
        else:
            self._answers.end(CloseReason.IDLE_TIMEOUT, "")
        return self._take_out()

    def reconsider(self) -> Commands:
        """Users or certificates may have been taken back since this client proved who it is."""
        if not self._closed and self._admission.client is not None:
            revoked = self._admission.revoked()
            if revoked is not None:
                self._answers.end(revoked.reason, revoked.detail)
        return self._take_out()

    def drain(self) -> Commands:
        """Take no more requests; close when what is in flight has been answered."""
        self._intake.draining = True
        self._intake.take()
        return self._take_out()

    def _take_out(self) -> Commands:
        """What has come together to be done; the end of it if the connection has to end."""
        ending = self._answers.ending
        if ending is not None and not self._closed:
            self._closed = True
            self._out.append(commands.Emit(self._reports.closed(ending.reason, ending.detail)))
            self._out.append(commands.Close(ending.reason))
        out = self._out.copy()
        self._out.clear()
        return out
