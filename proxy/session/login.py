"""From a stranger to a principal: by a certificate, by SASL, or as nobody in particular."""

from __future__ import annotations

from typing import Final

from policies.model import Principal
from protocol.apis import ApiKey
from protocol.header import peek_api
from protocol.layout import Buffer
from proxy.authentication.forwarding import FORWARDED
from proxy.authentication.outcome import Authenticated, Failed, FailureReason, Identity, Verify
from proxy.session import commands
from proxy.session.commands import Commands, Timer
from proxy.session.context import SessionContext
from proxy.session.reports import Reports
from proxy.session.sasl import SaslExchange, Step, UnexpectedRequest

_SHORTEST_REQUEST: Final = 14


class Login:
    """The authentication of one connection. Its methods return what the transport has to do.

    ``principal`` is None until the client is known; ``waits`` says that nothing more may be taken for the time being;
    ``refused`` says why there will never be a principal. ``lifetime_s`` is how long the proof holds, 0 for ever; a
    client that proves ``again`` who it is has to be the same.
    """

    def __init__(
        self,
        context: SessionContext,
        reports: Reports,
        certificate: bytes | None,
        host: str,
        again: Identity | None = None,
    ) -> None:
        self._context = context
        self._reports = reports
        self._certificate = certificate
        self._host = host
        mechanisms = context.mechanisms()
        self._sasl = (
            None if mechanisms is None else SaslExchange(mechanisms, longest_ms=context.max_reauth_ms, again=again)
        )
        self._failure: bytes | None = None
        self.lifetime_s = 0.0
        self.principal: Principal | None = None
        self.waits = False
        self.refused: str | None = None

    @property
    def frame_max_bytes(self) -> int:
        """The largest length that the client's next frame may announce."""
        most = self._context.limits.unauthenticated_request_max_bytes
        return most if self._sasl is None else min(most, self._sasl.frame_max_bytes)

    @property
    def identity(self) -> Identity | None:
        """Who the client proved to be, if it may prove it again."""
        if self.principal is None or self._sasl is None:
            return None
        return Identity(self.principal, self._sasl.mechanism)

    def is_asked_for_versions(self, frame: Buffer) -> bool:
        """Whether the next frame is ApiVersions, which may come before the SaslHandshake but not among the tokens."""
        takes_requests = self._sasl is not None and self._sasl.takes_requests
        return takes_requests and len(frame) >= _SHORTEST_REQUEST and peek_api(frame)[0] == ApiKey.API_VERSIONS

    def begin(self) -> Commands:
        """The client is connected. Without SASL it is whom its certificate names, or its network."""
        if self._sasl is not None:
            return [commands.SetTimer(Timer.AUTHENTICATION, self._context.limits.authentication_timeout_s)]
        placed = self._context.by_network(self._host) if self._certificate is None else None
        if placed is not None:
            return [self._become(placed, "NETWORK")]
        mechanism = "ANONYMOUS" if self._certificate is None else "SSL"
        try:
            return [self._become(self._context.principal(self._certificate), mechanism)]
        except (ValueError, LookupError) as fault:
            self.refused = str(fault)
            failed = Failed("", str(fault), reason=FailureReason.NO_PRINCIPAL)
            return [commands.Emit(self._reports.authentication_failed(mechanism, failed))]

    def introduced(self, principal: Principal) -> Commands:
        """Another doorkeeper, which may do so, has told who the client is."""
        return [self._become(principal, FORWARDED)]

    def take(self, frame: Buffer) -> Commands:
        """Take the SaslHandshake or a token."""
        sasl = self._exchange()
        try:
            step = sasl.handshake(frame) if sasl.takes_requests else sasl.token(frame)
        except UnexpectedRequest as fault:
            return self.fail(Failed("", str(fault), reason=FailureReason.NO_SASL))
        return self._follow(step)

    def verified(self, result: object) -> Commands:
        """The slow work is done."""
        self.waits = False
        return self._follow(self._exchange().verified(result))

    def fail(self, failed: Failed) -> Commands:
        """Refuse the client; it is told after a while, so that guessing is slow (KAFKA-4206)."""
        sasl = self._exchange()
        self._failure = sasl.failure(failed) if failed.message else None
        self.waits = True
        return [
            commands.Emit(self._reports.authentication_failed(sasl.mechanism, failed)),
            commands.CancelTimer(Timer.AUTHENTICATION),
            commands.SetTimer(Timer.DELAY, self._context.limits.failed_authentication_delay_s),
        ]

    def refuse_frame(self, head: bytes, detail: str) -> Commands:
        """Refuse a client whose frame is too large; `head` is what is there of the first `HEAD_SIZE` bytes."""
        return self.fail(self._exchange().too_large(head, detail))

    def tell_failure(self) -> Commands:
        """The while is over."""
        return [] if self._failure is None else [commands.SendClient((self._failure,))]

    def _exchange(self) -> SaslExchange:
        if self._sasl is None:
            raise AssertionError("there is no SASL on this listener")
        return self._sasl

    def _follow(self, step: Step) -> Commands:
        todo: Commands = [] if step.frame is None else [commands.SendClient((step.frame,))]
        outcome = step.outcome
        if isinstance(outcome, Verify):
            self.waits = True
            todo.append(commands.Verify(outcome.work, outcome.waits_for))
        elif isinstance(outcome, Failed):
            todo += self.fail(outcome)
        elif isinstance(outcome, Authenticated):
            self.lifetime_s = outcome.session_lifetime_ms / 1000
            todo.append(commands.CancelTimer(Timer.AUTHENTICATION))
            todo.append(self._become(outcome.principal, self._exchange().mechanism, outcome.legacy_scram_nonce))
        return todo

    def _become(self, principal: Principal, mechanism: str, legacy_scram_nonce: bool = False) -> commands.Emit:
        self.principal = principal
        return commands.Emit(self._reports.authenticated(principal, mechanism, legacy_scram_nonce))
