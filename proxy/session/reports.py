"""The events of one session, made from what happens in it."""

from __future__ import annotations

from collections.abc import Iterable

from policies.model import Principal
from protocol.apis import ApiKey, api_label
from protocol.header import RequestHead
from proxy.authentication.forwarding import ForwardedClient
from proxy.authentication.outcome import Failed
from proxy.enforcement.access import Access, Checked, Mode
from proxy.session.events import (
    Authenticated,
    AuthenticationFailed,
    AuthorizationEvent,
    CloseReason,
    Denied,
    Granted,
    RequestRefused,
    SessionClosed,
    SessionOpened,
)


class Reports:
    """Knows whose session it is, so that each event says so."""

    def __init__(self, session_id: str, listener: str, host: str) -> None:
        self._who = {"session_id": session_id, "listener": listener}
        self._host = host
        self._peer_host: str | None = None
        self._through: tuple[str, ...] = ()
        self.principal: Principal | None = None

    def opened(self) -> SessionOpened:
        """The client connected."""
        return SessionOpened(**self._who, host=self._host)

    def introduced(self, client: ForwardedClient) -> None:
        """The client is not whoever connected: from now on it is told of, with those through whom it came."""
        self._peer_host, self._host = self._host, client.host
        self._through = tuple(map(str, client.through))

    def closed(self, reason: CloseReason, detail: str) -> SessionClosed:
        """The session ended."""
        principal = None if self.principal is None else str(self.principal)
        return SessionClosed(**self._who, reason=reason, principal=principal, host=self._host, detail=detail)

    def authenticated(self, principal: Principal, mechanism: str, legacy_scram_nonce: bool = False) -> Authenticated:
        """The client is known from now on."""
        self.principal = principal
        return Authenticated(
            **self._who,
            principal=str(principal),
            host=self._host,
            mechanism=mechanism,
            forwarded_by=self._through,
            forwarder_host=self._peer_host,
            legacy_scram_nonce=legacy_scram_nonce,
        )

    def authentication_failed(self, mechanism: str, failed: Failed) -> AuthenticationFailed:
        """The client could not prove who it is."""
        return AuthenticationFailed(
            **self._who,
            host=self._host,
            mechanism=mechanism,
            username=failed.username,
            detail=failed.detail,
            reason=failed.reason.value,
        )

    def refused(self, head: RequestHead, reason: str) -> RequestRefused:
        """A request was not served, for reasons of the protocol."""
        return RequestRefused(
            **self._who,
            api=api_label(head.api_key) if head.api_key in set(ApiKey) else "Unknown",
            api_version=head.api_version,
            reason=reason,
            host=self._host,
            principal=None if self.principal is None else str(self.principal),
            client_id=head.client_id,
            correlation_id=head.correlation_id,
        )

    def decided(self, head: RequestHead, access: Access, checked: Iterable[Checked]) -> Iterable[AuthorizationEvent]:
        """What the policy said about one request."""
        for check in checked:
            kind: type[AuthorizationEvent] = Granted if check.decision.allowed else Denied
            yield kind(
                **self._who,
                principal=str(access.principal),
                host=self._host,
                operation=check.right.operation.label,
                resource_type=check.right.resource_type.label,
                resource_name=check.name,
                api=api_label(head.api_key),
                api_version=head.api_version,
                correlation_id=head.correlation_id,
                client_id=head.client_id,
                decision=check.decision,
                observed=access.mode is Mode.OBSERVE,
                resource_ref_count=check.count,
                forwarded_by=self._through,
            )
