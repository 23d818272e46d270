"""Turns what happens into metrics, audit lines and log lines; the one place that knows which fact belongs to which.

Sessions speak through events. The transport and the supervisor, which see what no session sees, call methods.
"""

import time
from collections.abc import Callable

from proxy.observability import records
from proxy.observability.audit import NoAudit, Sink
from proxy.observability.first_bytes import LooksLike, remedy
from proxy.observability.logs import get_logger
from proxy.observability.metrics import Metrics, mechanism_label
from proxy.observability.throttle import Throttle
from proxy.session.events import (
    Authenticated,
    AuthenticationFailed,
    CloseReason,
    Denied,
    Granted,
    RequestRefused,
    SessionClosed,
    SessionEvent,
    SessionOpened,
)

_REPEAT_AFTER_S = 60.0
_NORMAL_ENDS = frozenset(
    {CloseReason.CLIENT_CLOSED, CloseReason.DRAINED, CloseReason.IDLE_TIMEOUT, CloseReason.DENIED_WITHOUT_ANSWER}
)
# Told by an event of their own, with more to say.
_TOLD_ELSEWHERE = frozenset({CloseReason.AUTHENTICATION_FAILED, CloseReason.BUG})


class Observer:
    """`observer(event)` for session events. The audit trail has all denials and, with `grants`, what was allowed too.

    `clock` is the time of day and `monotonic` an interval clock, both in seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        audit: Sink | None = None,
        *,
        grants: bool = False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics
        self.grants = grants
        self._audit: Sink = audit or NoAudit()
        self._clock = clock
        self._throttle = Throttle(_REPEAT_AFTER_S, monotonic)
        self._log = get_logger("doorkeeper.session")
        self._authenticated: set[str] = set()

    def __call__(self, event: SessionEvent) -> None:
        """Take one event of a session."""
        match event:
            case Denied():
                self._denied(event)
            case Granted():
                if self.grants:
                    self._audit.write(records.authorization(event, self._now()))
            case SessionOpened():
                self._opened(event)
            case Authenticated():
                self._authenticated_as(event)
            case AuthenticationFailed():
                self._authentication_failed(event)
            case RequestRefused():
                self._refused(event)
            case SessionClosed():
                self._closed(event)
            case _:
                raise TypeError(f"no observer for {type(event).__name__}")

    def first_bytes_rejected(
        self, listener: str, security_protocol: str, host: str, looks_like: LooksLike, detail: str | None = None
    ) -> None:
        """A connection was closed because its first bytes are not what the port expects."""
        self.metrics.first_bytes_rejected.labels(listener, looks_like.value).inc()
        self._warn_seldom(
            f"{looks_like.value} on a {security_protocol} port",
            (listener, host, looks_like),
            listener=listener,
            host=host,
            remedy=remedy(looks_like, security_protocol),
            **({} if detail is None else {"detail": detail}),
        )

    def connection_refused(self, listener: str, host: str, reason: str, detail: str) -> None:
        """A connection was closed for the number of those from its address. `reason` is a label of a small set."""
        self.metrics.connections_refused.labels(listener, reason).inc()
        self._warn_seldom(
            "connection refused", (listener, host, reason), listener=listener, host=host, reason=reason, detail=detail
        )

    def tls_handshake_failed(self, listener: str, host: str, reason: str, detail: str) -> None:
        """A TLS handshake failed. `reason` is a label of a small set (an alert's name), `detail` is free text."""
        self.metrics.tls_handshakes_failed.labels(listener, reason).inc()
        self._warn_seldom(
            "TLS handshake failed", (listener, host, reason), listener=listener, host=host, reason=reason, detail=detail
        )

    def tls_handshake_done(self, listener: str, version: str) -> None:
        """A TLS handshake came about."""
        self.metrics.tls_handshakes.labels(listener, version).inc()

    def issuer_keys(self, listener: str, fetched: bool) -> None:
        """The keys of a token issuer were asked for. May be called in any thread."""
        self.metrics.jwks_fetches.labels(listener, "success" if fetched else "failure").inc()
        if fetched:
            self.metrics.jwks_fetched.labels(listener).set(self._clock())

    def session_bug(self, session_id: str, listener: str, host: str, error: BaseException) -> None:
        """A session raised: its connection is closed, the process lives on."""
        self.metrics.session_bugs.inc()
        self._log.error(
            "bug: a session was closed by an unexpected error",
            session_id=session_id,
            listener=listener,
            host=host,
            exc_info=error,
        )

    def broker_up(self, node_id: int, up: bool) -> None:
        """A connection to a broker came about, or did not."""
        self.metrics.broker_up.labels(node_id).set(up)

    def upstream_failed(self, broker: str, step: str, detail: str, remedy: str) -> None:
        """A connection to a broker did not come about, or did not last. `step` is a label of a small set."""
        self.metrics.upstream_failures.labels(step).inc()
        self._warn_seldom(
            "a broker does not let us in",
            (broker, step, detail),
            broker=broker,
            step=step,
            detail=detail,
            remedy=remedy,
        )

    def policy_in_force(self, generation: int, loaded_at: float) -> None:
        """A policy took effect at `loaded_at` (seconds since the epoch)."""
        self.metrics.policy_generation.set(generation)
        self.metrics.policy_loaded.set(loaded_at)

    def policy_reloaded(self, *, success: bool) -> None:
        """A reload was tried."""
        self.metrics.policy_reloads.labels("success" if success else "failure").inc()

    def _denied(self, event: Denied) -> None:
        counter = self.metrics.observed_denials if event.observed else self.metrics.denials
        counter.labels(event.api, event.operation, event.resource_type).inc()
        self._audit.write(records.authorization(event, self._now()))

    def _opened(self, event: SessionOpened) -> None:
        self.metrics.connections_opened.labels(event.listener).inc()
        self.metrics.connections.labels(event.listener, "unauthenticated").inc()
        self._log.debug("connection opened", session_id=event.session_id, listener=event.listener, host=event.host)

    def _authenticated_as(self, event: Authenticated) -> None:
        self.metrics.authentications.labels(event.listener, mechanism_label(event.mechanism), "success", "").inc()
        # A client may authenticate again on its open connection (KIP-368).
        if event.session_id not in self._authenticated:
            self._authenticated.add(event.session_id)
            self.metrics.connections.labels(event.listener, "unauthenticated").dec()
            self.metrics.connections.labels(event.listener, "authenticated").inc()
        if event.legacy_scram_nonce:
            self.metrics.legacy_scram_nonces.labels(event.listener).inc()
        self._audit.write(records.authenticated(event, self._now()))

    def _authentication_failed(self, event: AuthenticationFailed) -> None:
        mechanism = mechanism_label(event.mechanism)
        self.metrics.authentications.labels(event.listener, mechanism, "failure", event.reason).inc()
        self._audit.write(records.authentication_failed(event, self._now()))
        self._warn_seldom(
            "authentication failed",
            (event.listener, event.host, event.mechanism, event.username),
            session_id=event.session_id,
            listener=event.listener,
            host=event.host,
            mechanism=event.mechanism,
            username=event.username,
            detail=event.detail,
        )

    def _refused(self, event: RequestRefused) -> None:
        self.metrics.requests_refused.labels(event.api, event.reason).inc()
        self._warn_seldom(
            "request refused",
            (event.listener, event.host, event.api, event.api_version, event.reason),
            session_id=event.session_id,
            listener=event.listener,
            host=event.host,
            principal=event.principal,
            client_id=event.client_id,
            api=event.api,
            api_version=event.api_version,
            reason=event.reason,
        )

    def _closed(self, event: SessionClosed) -> None:
        known = event.session_id in self._authenticated
        self._authenticated.discard(event.session_id)
        self.metrics.connections.labels(event.listener, "authenticated" if known else "unauthenticated").dec()
        self.metrics.connections_closed.labels(event.listener, event.reason.value).inc()
        facts = {
            "session_id": event.session_id,
            "listener": event.listener,
            "host": event.host,
            "principal": event.principal,
            "reason": event.reason.value,
            "detail": event.detail,
        }
        if event.reason in _NORMAL_ENDS or event.reason in _TOLD_ELSEWHERE:
            self._log.debug("connection closed", **facts)
        else:
            self._warn_seldom("connection closed", (event.listener, event.host, event.reason), **facts)

    def _warn_seldom(self, message: str, kind: tuple[object, ...], **facts: object) -> None:
        suppressed = self._throttle.admit((message, *kind))
        if suppressed is not None:
            self._log.warning(message, **facts, **({"repeated": suppressed} if suppressed else {}))

    def _now(self) -> str:
        return records.timestamp(self._clock())
