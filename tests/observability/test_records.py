"""The lines of the audit trail: names that stay, and Kafka's own sentence."""

import pytest

from policies.model import Decision, Reason
from proxy.observability import records
from tests.observability.facts import DENY_ACL, authenticated, authentication_failed, denied, granted

AT = "2026-01-02T03:04:05.678Z"


def test_a_denial_by_default_has_every_fact_and_names_no_policy():
    assert records.authorization(denied(), AT) == {
        "timestamp": AT,
        "event": "authorization.denied",
        "message": "Principal = User:alice is Denied operation = DESCRIBE_CONFIGS from host = 10.0.0.7 "
        "on resource = Topic:LITERAL:orders for request = DescribeConfigs with resourceRefCount = 1 "
        "based on rule DefaultDeny",
        "principal": "User:alice",
        "host": "10.0.0.7",
        "operation": "DescribeConfigs",
        "resource_type": "Topic",
        "resource_name": "orders",
        "pattern_type": "LITERAL",
        "api": "DescribeConfigs",
        "api_version": 4,
        "correlation_id": 17,
        "client_id": "app",
        "session_id": "s1",
        "listener": "clients",
        "decision": {"allowed": False, "reason": "DefaultDeny", "policy": None, "file": None, "line": None},
        "mode": "enforce",
        "forwarded_by": [],
    }


def test_a_denial_by_a_policy_names_it_with_file_and_line():
    record = records.authorization(denied(decision=Decision(False, Reason.MATCHING_ACL, DENY_ACL)), AT)
    assert record["decision"] == {
        "allowed": False,
        "reason": "MatchingAcl",
        "policy": "nobody-deletes",
        "file": "policy.yaml",
        "line": 12,
    }
    assert str(record["message"]).endswith(
        "based on rule MatchingAcl(acl=StandardAcl(resourceType=TOPIC, resourceName=ord, patternType=PREFIXED, "
        "principal=User:alice, host=*, operation=ALL, permissionType=DENY))"
    )


def test_what_was_only_observed_says_so():
    record = records.authorization(denied(observed=True), AT)
    assert (record["event"], record["mode"]) == ("authorization.denied", "observe")


def test_a_grant():
    record = records.authorization(granted(resource_ref_count=3), AT)
    assert record["event"] == "authorization.granted"
    assert "is Allowed operation" in str(record["message"])
    assert str(record["message"]).endswith("with resourceRefCount = 3 based on rule SuperUser")


def test_authentications():
    assert records.authenticated(authenticated(), AT) == {
        "timestamp": AT,
        "event": "authentication.succeeded",
        "message": "User:alice authenticated with PLAIN from host 10.0.0.7",
        "principal": "User:alice",
        "host": "10.0.0.7",
        "mechanism": "PLAIN",
        "session_id": "s1",
        "listener": "clients",
        "forwarded_by": [],
        "forwarder_host": None,
    }
    failed = records.authentication_failed(authentication_failed(username=None), AT)
    assert (failed["event"], failed["username"], failed["detail"]) == ("authentication.failed", None, "wrong password")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_323_045.6789, "2026-01-02T03:04:05.678Z"),
        (1_767_323_045.0, "2026-01-02T03:04:05.000Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_milliseconds(seconds: float, text: str):
    assert records.timestamp(seconds) == text


def test_through_whom_a_client_came_is_told():
    hops = ("User:CN=a", "User:CN=b")
    assert records.authorization(denied(forwarded_by=hops), AT)["forwarded_by"] == ["User:CN=a", "User:CN=b"]
    record = records.authenticated(
        authenticated(mechanism="FORWARDED", forwarded_by=hops, forwarder_host="10.9.0.1"), AT
    )
    assert record["message"] == (
        "User:alice authenticated with FORWARDED from host 10.0.0.7 through User:CN=a, User:CN=b at 10.9.0.1"
    )
    assert (record["forwarded_by"], record["forwarder_host"]) == (["User:CN=a", "User:CN=b"], "10.9.0.1")
