"""Session events to observe, each with usual values that a test may replace."""

from typing import Any

from policies.model import (
    AclBinding,
    Decision,
    Operation,
    PatternType,
    Permission,
    PolicySource,
    Principal,
    Reason,
    ResourceType,
)
from proxy.session.events import (
    Authenticated,
    AuthenticationFailed,
    CloseReason,
    Denied,
    Granted,
    RequestRefused,
    SessionClosed,
    SessionOpened,
)

HEAD = {"session_id": "s1", "listener": "clients"}
NO_MATCH = Decision(False, Reason.DEFAULT_DENY)
DENY_ACL = AclBinding(
    ResourceType.TOPIC,
    "ord",
    PatternType.PREFIXED,
    Principal("User", "alice"),
    "*",
    Operation.ALL,
    Permission.DENY,
    PolicySource("nobody-deletes", "policy.yaml", 12),
)
_QUESTION = HEAD | {
    "principal": "User:alice",
    "host": "10.0.0.7",
    "operation": "DescribeConfigs",
    "resource_type": "Topic",
    "resource_name": "orders",
    "api": "DescribeConfigs",
    "api_version": 4,
    "correlation_id": 17,
    "client_id": "app",
}


def denied(**changes: Any) -> Denied:
    return Denied(**(_QUESTION | {"decision": NO_MATCH} | changes))


def granted(**changes: Any) -> Granted:
    return Granted(**(_QUESTION | {"decision": Decision(True, Reason.SUPER_USER)} | changes))


def opened(**changes: Any) -> SessionOpened:
    return SessionOpened(**(HEAD | {"host": "10.0.0.7"} | changes))


def closed(**changes: Any) -> SessionClosed:
    usual = {"reason": CloseReason.CLIENT_CLOSED, "principal": None, "host": "10.0.0.7"}
    return SessionClosed(**(HEAD | usual | changes))


def authenticated(**changes: Any) -> Authenticated:
    usual = {"principal": "User:alice", "host": "10.0.0.7", "mechanism": "PLAIN"}
    return Authenticated(**(HEAD | usual | changes))


def authentication_failed(**changes: Any) -> AuthenticationFailed:
    usual = {"host": "10.0.0.7", "mechanism": "PLAIN", "username": "alice", "detail": "wrong password"}
    usual |= {"reason": "credentials"}
    return AuthenticationFailed(**(HEAD | usual | changes))


def refused(**changes: Any) -> RequestRefused:
    usual = {"api": "Unknown", "api_version": 0, "reason": "unknown_api", "host": "10.0.0.7"}
    return RequestRefused(**(HEAD | usual | changes))
