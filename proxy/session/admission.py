"""Who the client is: what another doorkeeper tells of it, then its login, and every new proof."""

from __future__ import annotations

from typing import Final

from policies.model import Principal
from protocol.layout import Buffer
from proxy.authentication.forwarding import FORWARDED, ForwardedClient, NotForwardable
from proxy.authentication.outcome import Failed, FailureReason, Identity
from proxy.authentication.proxy_header import BadProxyHeader
from proxy.session import commands
from proxy.session.commands import Commands, Timer
from proxy.session.context import Caller, SessionContext
from proxy.session.events import CloseReason
from proxy.session.forwarding import introduction
from proxy.session.lifetime import Lifetime
from proxy.session.login import Login
from proxy.session.reports import Reports
from proxy.session.slots import Ending
from proxy.session.target import Target

_TAKEN_BACK: Final = Ending(CloseReason.IDENTITY_REVOKED, "the user, or its certificate, was taken back")


class Admission:
    """Lets the client of one connection in. Its methods return what is to be done; `SendClient` is an answer there.

    ``login`` is the one that goes on, None while the client is known; ``client`` is None until it is known first, and
    ``lifetime`` says how long it is. ``refused`` says why the connection has to end.
    """

    def __init__(
        self, context: SessionContext, caller: Caller, certificate: bytes | None, reports: Reports, target: Target
    ) -> None:
        self._context = context
        self._host = caller.host
        self._certificate = certificate
        self._reports = reports
        self._target = target
        self._introduction = introduction(context, caller, certificate)
        self._identity: Identity | None = None
        self.login: Login | None = Login(context, reports, certificate, caller.host)
        self.lifetime = Lifetime()
        self.client: ForwardedClient | None = None
        self.refused: Ending | None = None

    @property
    def frame_max_bytes(self) -> int:
        """The largest length that the client's next frame may announce."""
        return self._context.limits.socket_request_max_bytes if self.login is None else self.login.frame_max_bytes

    @property
    def awaits_introduction(self) -> bool:
        """Whether what comes next is for :meth:`introduce`."""
        return self._introduction is not None

    def begin(self) -> Commands:
        """The client is connected."""
        if self._introduction is not None:
            return [commands.SetTimer(Timer.AUTHENTICATION, self._context.limits.authentication_timeout_s)]
        return self._begin_login()

    def introduce(self, data: bytes) -> tuple[Commands, bytes]:
        """Take the first bytes of a trusted forwarder; those that are left when it is clear whose connection it is."""
        assert self._introduction is not None, "nobody is to be introduced"
        try:
            found = self._introduction.take(data)
        except (BadProxyHeader, NotForwardable) as fault:
            return self._refuse_to_forward(self._introduction.peer, fault), b""
        if found is None:
            return [], b""
        client, rest = found
        self._introduction = None
        todo: Commands = [commands.CancelTimer(Timer.AUTHENTICATION)]
        if not client.through:
            return todo + self._begin_login(), rest
        self.client = client
        self._reports.introduced(client)
        login = self._going_on()
        return todo + self._follow(login, login.introduced(client.principal)), rest

    def refuse_header(self, fault: Exception) -> Commands:
        """Refuse a client that would speak for somebody else and may not."""
        return self._refuse_to_forward(self._reports.principal, fault)

    def take(self, frame: Buffer) -> Commands:
        """Take the next frame of the login.

        :raises BrokerUnknown: if it asks for API versions, and the broker has not told its own yet.
        """
        login = self._going_on()
        if login.is_asked_for_versions(frame):
            return [commands.SendClient((self._target.offered().answer(frame),))]
        return self._follow(login, login.take(frame))

    def verified(self, result: object) -> Commands:
        """The slow work of the login is done."""
        login = self._going_on()
        return self._follow(login, login.verified(result))

    def renew(self) -> Commands:
        """The client is about to prove anew who it is; its handshake is still to be taken."""
        self.login = Login(self._context, self._reports, None, self._host, again=self.lifetime.identity)
        return self.lifetime.renew() + self._begin_login()

    def revoked(self) -> Ending | None:
        """Why a client has to go that is no more who it proved to be: it may be removed, even while it proves it."""
        return None if self._context.stands(self._identity, self._certificate) else _TAKEN_BACK

    def _going_on(self) -> Login:
        if self.login is None:
            raise AssertionError("somebody who is known is logging in")
        return self.login

    def _begin_login(self) -> Commands:
        login = self._going_on()
        return self._follow(login, login.begin())

    def _follow(self, login: Login, todo: Commands) -> Commands:
        if login.refused is not None:
            self.refused = Ending(CloseReason.AUTHENTICATION_FAILED, login.refused)
        if login.principal is None:
            return todo
        self.login = None
        self._identity = login.identity
        self.client = self.client or ForwardedClient(login.principal, self._host)
        self.refused = self.revoked()
        return todo + self.lifetime.begin(login)

    def _refuse_to_forward(self, peer: Principal | None, fault: Exception) -> Commands:
        who = "somebody who is not known" if peer is None else str(peer)
        detail, name = f"{who} would speak for somebody else: {fault}", None if peer is None else peer.name
        failed = Failed("", detail, name, FailureReason.NOT_TRUSTED)
        self.refused = Ending(CloseReason.AUTHENTICATION_FAILED, detail)
        return [commands.Emit(self._reports.authentication_failed(FORWARDED, failed))]
