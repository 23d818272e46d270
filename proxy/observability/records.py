"""Session events as records of the audit trail: stable names, Kafka's words, and Kafka's own sentence as the message.

The sentence has the form that Kafka's `StandardAuthorizerData` writes to its authorizer log, so that what reads those
logs today reads these.
"""

from datetime import UTC, datetime
from functools import lru_cache

from policies.model import AclBinding, Decision, Operation
from proxy.observability.audit import Record
from proxy.session.events import Authenticated, AuthenticationFailed, AuthorizationEvent, Denied


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 text in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def authorization(event: AuthorizationEvent, at: str) -> Record:
    """A decision, with everything that is needed to answer "who tried what, and which line of the policy decided"."""
    return {
        "timestamp": at,
        "event": "authorization.denied" if isinstance(event, Denied) else "authorization.granted",
        "message": sentence(event),
        "principal": event.principal,
        "host": event.host,
        "operation": event.operation,
        "resource_type": event.resource_type,
        "resource_name": event.resource_name,
        "pattern_type": event.pattern,
        "api": event.api,
        "api_version": event.api_version,
        "correlation_id": event.correlation_id,
        "client_id": event.client_id,
        "session_id": event.session_id,
        "listener": event.listener,
        "decision": _decision(event.decision),
        "mode": "observe" if event.observed else "enforce",
        "forwarded_by": list(event.forwarded_by),
    }


def authenticated(event: Authenticated, at: str) -> Record:
    """A client that proved who it is."""
    return {
        "timestamp": at,
        "event": "authentication.succeeded",
        "message": f"{event.principal} authenticated with {event.mechanism} from host {event.host}{_through(event)}",
        "principal": event.principal,
        "host": event.host,
        "mechanism": event.mechanism,
        "session_id": event.session_id,
        "listener": event.listener,
        "forwarded_by": list(event.forwarded_by),
        "forwarder_host": event.forwarder_host,
    }


def authentication_failed(event: AuthenticationFailed, at: str) -> Record:
    """A client that did not."""
    return {
        "timestamp": at,
        "event": "authentication.failed",
        "message": f"Failed authentication with {event.mechanism} from host {event.host} ({event.detail})",
        "username": event.username,
        "host": event.host,
        "mechanism": event.mechanism,
        "detail": event.detail,
        "session_id": event.session_id,
        "listener": event.listener,
    }


def sentence(event: AuthorizationEvent) -> str:
    """The sentence of Kafka's authorizer log."""
    verdict = "Denied" if isinstance(event, Denied) else "Allowed"
    return (
        f"Principal = {event.principal} is {verdict} operation = {_upper_case(event.operation)} "
        f"from host = {event.host} on resource = {event.resource_type}:{event.pattern}:{event.resource_name} "
        f"for request = {event.api} with resourceRefCount = {event.resource_ref_count} "
        f"based on rule {_rule(event.decision)}"
    )


def _through(event: Authenticated) -> str:
    if not event.forwarded_by:
        return ""
    return f" through {', '.join(event.forwarded_by)} at {event.forwarder_host}"


def _decision(decision: Decision) -> Record:
    source = decision.binding.source if decision.binding else None
    return {
        "allowed": decision.allowed,
        "reason": decision.reason.value,
        "policy": source.policy if source else None,
        "file": source.file if source else None,
        "line": source.line if source else None,
    }


def _rule(decision: Decision) -> str:
    name = decision.reason.value
    return f"{name}(acl={_acl(decision.binding)})" if decision.binding else name


def _acl(acl: AclBinding) -> str:
    return (
        f"StandardAcl(resourceType={acl.resource_type.name}, resourceName={acl.resource_name}, "
        f"patternType={acl.pattern_type.name}, principal={acl.principal}, host={acl.host}, "
        f"operation={acl.operation.name}, permissionType={acl.permission.name})"
    )


@lru_cache(maxsize=64)
def _upper_case(operation: str) -> str:
    return Operation.parse(operation).name
