"""The shell around one session: performs its commands on two sockets, and brings it what happens there."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from proxy.addressing.topology import Address
from proxy.authentication.forwarding import ForwardedClient
from proxy.session.commands import (
    CancelTimer,
    Close,
    Commands,
    Emit,
    OpenBroker,
    PauseBroker,
    PauseClient,
    Piece,
    ResumeBroker,
    ResumeClient,
    SendBroker,
    SendClient,
    SetTimer,
    Timer,
    Verify,
)
from proxy.session.events import (
    Authenticated,
    AuthenticationFailed,
    CloseReason,
    SessionClosed,
    SessionEvent,
    SessionOpened,
)
from proxy.transport.flow import HIGH_WATER, LOW_WATER, Hold, Valve, send
from proxy.transport.newcomers import Newcomer
from proxy.transport.ports import Client, Session
from proxy.transport.sides import BrokerSide, ClientSide
from proxy.transport.surroundings import Surroundings
from proxy.transport.timers import Timers

_READ_SIZE: Final = 256 * 1024


class Connection:
    """One client, its session and its broker.

    What a session raises is a bug: it is told with its traceback, and this connection alone is closed.
    """

    __slots__ = (
        "_around",
        "_broker",
        "_client",
        "_client_lost",
        "_client_sent_all",
        "_closing",
        "_connecting",
        "_end_reason",
        "_finished",
        "_last_resorts",
        "_loop",
        "_newcomer",
        "_session",
        "_target",
        "_timers",
        "_tls",
        "_to_broker",
        "_to_client",
        "_told_open",
        "_verifying",
        "_who",
        "broker_valve",
        "client_valve",
    )

    def __init__(
        self,
        client: Client,
        session: Session,
        transport: asyncio.Transport,
        around: Surroundings,
        newcomer: Newcomer,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._who = client
        self._session = session
        self._around = around
        self._newcomer = newcomer
        self._client = transport
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self._client_sent_all = False
        self._client_lost = False
        self._broker: BrokerSide | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._target: Address = ("", 0)
        self._verifying: asyncio.Future[object] | None = None
        self._to_client: list[Piece] = []
        self._to_broker: list[Piece] = []
        self._timers = Timers(self._loop, self._timer_fired)
        self._closing = False
        self._last_resorts: list[asyncio.TimerHandle] = []
        self._end_reason = CloseReason.DRAINED
        self._told_open = False
        self._finished = False
        self.client_valve = Valve()
        self.broker_valve = Valve()

    def begin(self, early: list[bytes]) -> None:
        """Take over the client's transport, which may be closed already. `early` is what came in before."""
        if not self._client.is_closing():
            self._client.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self._client.set_protocol(ClientSide(self))
        self._around.registry.add(self)
        self._step(self._session.started)
        self.client_valve.attach(self._client)
        for data in early:
            self.client_bytes(data)

    def drain(self) -> None:
        """Let the session finish what is in flight."""
        self._step(self._session.drain)

    def reconsider(self) -> None:
        """Close if the client is nobody any more."""
        self._step(self._session.reconsider)

    def abort(self) -> None:
        """Close both sides now."""
        self._end()
        self._client.abort()
        if self._broker is not None:
            self._broker.transport.abort()

    # What the sides report

    def client_bytes(self, data: bytes) -> None:
        """Bytes came from the client."""
        if not self._closing:
            try:
                self._perform(self._session.client_bytes(data))
            except Exception as bug:  # noqa: BLE001 - whatever it is, it must not disturb the other connections
                self._end_with_bug(bug)

    def broker_bytes(self, side: BrokerSide, data: bytes) -> None:
        """Bytes came from the broker."""
        if side is self._broker and not self._closing:
            try:
                self._perform(self._session.broker_bytes(data))
            except Exception as bug:  # noqa: BLE001 - as above
                self._end_with_bug(bug)

    def client_gone(self, *, lost: bool) -> None:
        """The client sent its last byte; `lost`: and its socket is closed."""
        self._client_lost |= lost
        if not self._client_sent_all:
            self._client_sent_all = True
            self.client_valve.detach()
            self._take_left_behind()
            self._step(self._session.client_closed)
            if not self._closing:
                # The session may wait for its broker, to bring it what the client left behind; but not for ever.
                self._last_resorts.append(self._loop.call_later(self._around.broker_flush_s, self._end))
        self._finish_when_closed()

    def broker_made(self, side: BrokerSide) -> None:
        """The connection to the broker came about."""
        self._connecting = None
        self._broker = side
        self._around.directory.broker_reached(*self._target)
        if self._closing:
            side.transport.abort()
            return
        self.broker_valve.attach(side.transport)
        self._step(self._session.broker_opened)

    def broker_gone(self, side: BrokerSide, why: str, *, lost: bool) -> None:
        """The broker sent its last byte; `lost`: and its socket is closed."""
        if side is not self._broker:
            return
        if self._closing and not lost:
            return  # it may still be reading what a client sent last
        self._broker = None
        self.broker_valve.detach()
        side.transport.abort()
        self._step(self._session.broker_closed, why)
        self._finish_when_closed()

    # What the session asks for

    def _step(self, method: Callable[..., Commands], *args: Any) -> None:
        if self._closing:
            return
        try:
            self._perform(method(*args))
        except Exception as bug:  # noqa: BLE001 - whatever it is, it must not disturb the other connections
            self._end_with_bug(bug)

    def _end_with_bug(self, bug: Exception) -> None:
        self._around.observer.session_bug(self._who.session_id, self._who.listener, self._who.host, bug)
        self._end_reason = CloseReason.BUG
        self._end()

    def _perform(self, commands: Commands) -> None:
        for command in commands:
            kind = type(command)
            if kind is SendBroker:
                self._to_broker += command.pieces  # type: ignore[union-attr]
            elif kind is SendClient:
                self._to_client += command.pieces  # type: ignore[union-attr]
            elif kind is Emit:
                self._emit(command.event)  # type: ignore[union-attr]
            else:
                self._PERFORMERS[kind](self, command)
        if self._to_broker:
            self._flush_broker()
        if self._to_client:
            self._flush_client()

    def _flush_broker(self) -> None:
        pieces, self._to_broker = self._to_broker, []
        assert self._broker is not None, "a session sends to a broker only while it is connected"
        self._around.bytes_to_broker += send(self._broker.transport, pieces)

    def _flush_client(self) -> None:
        pieces, self._to_client = self._to_client, []
        if not self._client.is_closing():
            self._around.bytes_to_client += send(self._client, pieces)

    def _open_broker(self, command: OpenBroker) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        self._target = command.host, command.port
        self._connecting = self._around.tasks.spawn(self._connect(command.host, command.port, command.client))

    async def _connect(self, host: str, port: int, client: ForwardedClient) -> None:
        try:
            await self._around.hop.connect(lambda: BrokerSide(self), host, port, client)
        except OSError as error:
            self._connecting = None
            self._around.directory.broker_failed(host, port)
            self._step(self._session.broker_closed, f"cannot connect to {host}:{port}: {error.strerror or error}")

    def _set_timer(self, command: SetTimer) -> None:
        self._timers.set(command.name, command.seconds)

    def _cancel_timer(self, command: CancelTimer) -> None:
        self._timers.cancel(command.name)

    def _timer_fired(self, name: Timer) -> None:
        if name is Timer.CONNECT and self._connecting is not None:
            self._around.directory.broker_failed(*self._target)
        self._step(self._session.timer_fired, name)

    def _pause_client(self, _: PauseClient) -> None:
        self.client_valve.hold(Hold.SESSION)

    def _resume_client(self, _: ResumeClient) -> None:
        self.client_valve.release(Hold.SESSION)

    def _pause_broker(self, _: PauseBroker) -> None:
        self.broker_valve.hold(Hold.SESSION)

    def _resume_broker(self, _: ResumeBroker) -> None:
        self.broker_valve.release(Hold.SESSION)

    def _verify(self, command: Verify) -> None:
        executor = self._around.threads_for(command.waits_for, self._who.listener)
        self._verifying = self._loop.run_in_executor(executor, command.work)
        self._verifying.add_done_callback(self._verified)

    def _verified(self, work: asyncio.Future[object]) -> None:
        if not work.cancelled():
            self._step(lambda: self._session.verified(work.result()))

    def _emit(self, event: SessionEvent) -> None:
        if isinstance(event, (SessionOpened, SessionClosed)):
            self._told_open = isinstance(event, SessionOpened)
        elif isinstance(event, Authenticated):
            self._newcomer.over()
        elif isinstance(event, AuthenticationFailed):
            self._around.failed_logins.failed(self._who.host)
        self._around.observer(event)

    def _close(self, command: Close) -> None:
        self._end_reason = command.reason
        self._end()

    # The end

    def _take_left_behind(self) -> None:
        """Read what the client sent last and flow control kept from us: uvloop throws it away when TLS ends."""
        if self._tls is None:
            return
        try:
            while data := self._tls.read(_READ_SIZE):
                self._step(self._session.client_bytes, data)
        except ssl.SSLError:  # nothing more: the normal end
            return

    def _end(self) -> None:
        """Flush and close both sides, and see to it that this comes to an end."""
        if self._closing:
            return
        self._closing = True
        self._stop_everything()
        if self._broker is not None:
            self._end_broker(self._broker.transport)
        if self._to_client:
            self._flush_client()
        self._client.close()
        self._last_resorts.append(self._loop.call_later(self._around.client_flush_s, self._client.abort))
        self._finish_when_closed()

    def _stop_everything(self) -> None:
        self._timers.cancel_all()
        for pending in (self._connecting, self._verifying):
            if pending is not None:
                pending.cancel()
        self.client_valve.detach()
        self.broker_valve.open()  # its end must be seen; what it still sends is for nobody
        self.broker_valve.detach()

    def _end_broker(self, broker: asyncio.Transport) -> None:
        # Half-closing instead of closing: closing with unread answers resets the connection, and the broker would
        # lose requests that it has not read yet, such as the last ones of a producer with acks=0.
        if self._to_broker:
            self._flush_broker()
        if broker.can_write_eof():
            broker.write_eof()
        else:  # TLS has no half-closing, but its end waits until the broker has read everything
            broker.close()
        self._last_resorts.append(self._loop.call_later(self._around.broker_flush_s, broker.abort))

    def _finish_when_closed(self) -> None:
        if self._finished or not (self._closing and self._client_lost and self._broker is None):
            return
        self._finished = True
        for handle in self._last_resorts:
            handle.cancel()
        self._tell_closed()
        self._around.registry.remove(self)
        self._newcomer.over()
        self._around.capacity.give_back()

    def _tell_closed(self) -> None:
        """A session that could not say itself that it has ended: cut off, or a bug."""
        if not self._told_open:
            return
        who = self._who
        self._around.observer(
            SessionClosed(
                session_id=who.session_id, listener=who.listener, host=who.host, principal=None, reason=self._end_reason
            )
        )

    _PERFORMERS: ClassVar[Mapping[type[Any], Callable[["Connection", Any], None]]] = {
        OpenBroker: _open_broker,
        Close: _close,
        PauseClient: _pause_client,
        ResumeClient: _resume_client,
        PauseBroker: _pause_broker,
        ResumeBroker: _resume_broker,
        SetTimer: _set_timer,
        CancelTimer: _cancel_timer,
        Verify: _verify,
    }
