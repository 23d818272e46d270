"""What the brokers behind do not have in use: authorized as by Kafka, then answered here and never passed on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, request_type
from protocol.codec import build
from proxy.enforcement.access import Mode
from proxy.enforcement.table import TABLE
from tests.enforcement.support import CAF, NONE, Outcome, run
from tests.integration.wire import fill

SENTENCE = "Cluster authorization failed."
POLICY = """
super_users: [User:admin]
policies:
  - {name: looks, principals: [User:looker], allow: [Describe], cluster: true}
  - {name: changes, principals: [User:changer], allow: [Alter], cluster: true}
  - {name: brokers, principals: [User:broker], allow: [ClusterAction], cluster: true}
  - {name: tokens, principals: [User:changer], allow: [CreateTokens], users: ["User:bob"]}
"""
OFF = ErrorCode.security_disabled
ACL = {"resource_type": 2, "resource_name": "t", "resource_pattern_type": 3, "principal": "User:x", "host": "*"}
FILTER = {"resource_type_filter": 2, "pattern_type_filter": 3, "operation": 3, "permission_type": 3}


def ask(api_key: ApiKey, version: int, principal: str, mode: Mode = Mode.ENFORCE, **values: Any) -> Outcome:
    """What comes of a request; the broker must never see it."""
    entity = fill(request_type(api_key, version), values)
    outcome = run(api_key, version, entity, principal=principal, policy=POLICY, mode=mode)
    assert outcome.forwarded is None
    assert not outcome.closed
    return outcome


def rights(outcome: Outcome) -> list[tuple[str, str]]:
    """What was denied."""
    return [(str(check.right), check.name) for check in outcome.checked]


# ACLs


@pytest.mark.parametrize("version", TABLE[ApiKey.DESCRIBE_ACLS].versions)
def test_acls_are_described_to_nobody(version: int) -> None:
    told = {}
    for user in ("nobody", "broker", "looker", "changer", "admin"):
        outcome = ask(ApiKey.DESCRIBE_ACLS, version, f"User:{user}", **FILTER)
        told[user] = (outcome.answer.error_code, outcome.answer.error_message)
        assert outcome.answer.resources == ()
        assert rights(outcome) == ([("Describe Cluster", "kafka-cluster")] if told[user][0] == CAF else [])
    off = (OFF, "No Authorizer is configured on the broker")
    denied = (CAF, SENTENCE)
    assert told == {"nobody": denied, "broker": denied, "looker": off, "changer": off, "admin": off}


@pytest.mark.parametrize(
    ("api_key", "version", "values", "results"),
    [
        *((ApiKey.CREATE_ACLS, v, {"creations": [ACL, ACL]}, "results") for v in TABLE[ApiKey.CREATE_ACLS].versions),
        *(
            (ApiKey.DELETE_ACLS, v, {"filters": [FILTER, FILTER]}, "filter_results")
            for v in TABLE[ApiKey.DELETE_ACLS].versions
        ),
    ],
)
def test_acls_are_changed_by_nobody(api_key: ApiKey, version: int, values: dict[str, Any], results: str) -> None:
    told = {}
    for user in ("nobody", "looker", "changer", "admin"):
        outcome = ask(api_key, version, f"User:{user}", **values)
        found = getattr(outcome.answer, results)
        assert len(found) == 2
        assert all(getattr(result, "matching_acls", ()) == () for result in found)
        ((told[user]),) = {(result.error_code, result.error_message) for result in found}
        assert rights(outcome) == ([("Alter Cluster", "kafka-cluster")] if told[user][0] == CAF else [])
    off = (OFF, "No Authorizer is configured.")
    assert told == {"nobody": (CAF, SENTENCE), "looker": (CAF, SENTENCE), "changer": off, "admin": off}


# SCRAM users


def test_who_may_not_look_for_scram_users_gets_an_error_for_each_of_nobody() -> None:
    outcome = ask(
        ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, 0, "User:nobody", users=[{"name": "b"}, {"name": "a"}, {"name": "b"}]
    )
    answer = outcome.answer
    assert (answer.error_code, answer.error_message) == (CAF, None)
    assert [(r.user, r.error_code, r.error_message, r.credential_infos) for r in answer.results] == [
        ("", CAF, None, ())
    ] * 3
    assert rights(outcome) == [("Describe Cluster", "kafka-cluster")]


@pytest.mark.parametrize("users", [None, []])
def test_all_scram_users_are_none(users: Any) -> None:
    denied = ask(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, 0, "User:changed", users=users).answer
    assert (denied.error_code, denied.results) == (CAF, ())
    looked = ask(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, 0, "User:looker", users=users).answer
    assert (looked.error_code, looked.error_message, looked.results) == (NONE, "", ())


def test_a_scram_user_that_is_named_is_not_there() -> None:
    answer = ask(
        ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, 0, "User:looker", users=[{"name": "b"}, {"name": "a"}, {"name": "b"}]
    ).answer
    assert answer.error_code == NONE
    assert {(r.user, r.error_code, r.error_message) for r in answer.results} == {
        ("a", ErrorCode.resource_not_found, "Attempt to describe a user credential that does not exist: a"),
        (
            "b",
            ErrorCode.duplicate_resource,
            "Cannot describe SCRAM credentials for the same user twice in a single request: b",
        ),
    }
    assert len(answer.results) == 2


@pytest.mark.parametrize(
    ("user", "error"), [("nobody", CAF), ("looker", CAF), ("changer", ErrorCode.unsupported_version)]
)
def test_scram_users_are_changed_by_nobody(user: str, error: ErrorCode) -> None:
    """Each user is told once, in Java's order of names: the surrogates of U+1F600 stand before U+FF5E."""
    upsertions = [{"name": name, "mechanism": 1, "iterations": 4096} for name in ("\uff5e", "b", "\U0001f600")]
    outcome = ask(
        ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
        0,
        f"User:{user}",
        deletions=[{"name": "b", "mechanism": 1}, {"name": "a", "mechanism": 2}],
        upsertions=upsertions,
    )
    assert [result.user for result in outcome.answer.results] == ["a", "b", "\U0001f600", "\uff5e"]
    assert {result.error_code for result in outcome.answer.results} == {error}
    assert all(result.error_message for result in outcome.answer.results)
    assert rights(outcome) == ([("Alter Cluster", "kafka-cluster")] if error == CAF else [])


# Delegation tokens

DISABLED = ErrorCode.delegation_token_auth_disabled
NOT_ALLOWED = ErrorCode.delegation_token_request_not_allowed
DENIED = ErrorCode.delegation_token_authorization_failed
WRONG_RENEWER = ErrorCode.invalid_principal_type
RENEWED_BY_A_GROUP = [{"principal_type": "User", "principal_name": "u"}, {"principal_type": "G", "principal_name": "g"}]


def token(version: int, principal: str, **values: Any) -> tuple[Outcome, Any]:
    outcome = ask(ApiKey.CREATE_DELEGATION_TOKEN, version, principal, **values)
    assert (outcome.answer.token_id, outcome.answer.hmac) == ("", b"")
    return outcome, outcome.answer


def times(answer: Any) -> set[int]:
    return {answer.issue_timestamp, answer.expiry_timestamp, answer.max_timestamp}


@pytest.mark.parametrize("version", TABLE[ApiKey.CREATE_DELEGATION_TOKEN].versions)
def test_a_token_for_oneself_needs_no_right_and_is_not_made(version: int) -> None:
    outcome, answer = token(version, "User:nobody", renewers=[], owner_principal_type="User", owner_principal_name="")
    assert (answer.error_code, answer.principal_type, answer.principal_name) == (DISABLED, "User", "nobody")
    assert times(answer) == {0}
    assert rights(outcome) == []
    if version >= 3:
        assert (answer.token_requester_principal_type, answer.token_requester_principal_name) == ("User", "nobody")


@pytest.mark.parametrize("version", TABLE[ApiKey.CREATE_DELEGATION_TOKEN].versions)
def test_an_unknown_requester_is_refused_before_everything_else(version: int) -> None:
    outcome, answer = token(
        version,
        "User:ANONYMOUS",
        renewers=RENEWED_BY_A_GROUP,
        owner_principal_type="User",
        owner_principal_name="bob",
    )
    assert (answer.error_code, answer.principal_name) == (NOT_ALLOWED, "bob" if version >= 3 else "ANONYMOUS")
    assert times(answer) == {-1}
    assert rights(outcome) == []


@pytest.mark.parametrize("version", TABLE[ApiKey.CREATE_DELEGATION_TOKEN].versions)
def test_renewers_must_be_users(version: int) -> None:
    _, answer = token(version, "User:nobody", renewers=RENEWED_BY_A_GROUP)
    assert (answer.error_code, times(answer)) == (WRONG_RENEWER, {-1})


def test_a_token_for_somebody_else_needs_the_right_first() -> None:
    for user, owner, renewers, error, timestamp in (
        ("nobody", "bob", RENEWED_BY_A_GROUP, DENIED, -1),
        ("changer", "bobby", [], DENIED, -1),
        ("changer", "bob", RENEWED_BY_A_GROUP, WRONG_RENEWER, -1),
        ("changer", "bob", [], DISABLED, 0),
        ("changer", "changer", [], DISABLED, 0),
        ("admin", "bob", [], DISABLED, 0),
    ):
        outcome, answer = token(
            3, f"User:{user}", owner_principal_type="User", owner_principal_name=owner, renewers=renewers
        )
        assert (answer.error_code, times(answer)) == (error, {timestamp})
        assert (answer.principal_type, answer.principal_name) == ("User", owner)
        assert (answer.token_requester_principal_type, answer.token_requester_principal_name) == ("User", user)
        assert rights(outcome) == ([("CreateTokens User", f"User:{owner}")] if error == DENIED else [])


def test_the_type_of_the_owner_counts() -> None:
    _, answer = token(3, "User:changer", owner_principal_type="Group", owner_principal_name="changer", renewers=[])
    assert (answer.error_code, answer.principal_type, answer.principal_name) == (DENIED, "Group", "changer")


CHANGES = [
    (key, version)
    for key in (ApiKey.RENEW_DELEGATION_TOKEN, ApiKey.EXPIRE_DELEGATION_TOKEN)
    for version in TABLE[key].versions
]


@pytest.mark.parametrize(("api_key", "version"), CHANGES)
@pytest.mark.parametrize(
    ("principal", "error", "expiry"), [("User:ANONYMOUS", NOT_ALLOWED, -1), ("User:admin", DISABLED, 0)]
)
def test_tokens_are_not_changed(api_key: ApiKey, version: int, principal: str, error: ErrorCode, expiry: int) -> None:
    answer = ask(api_key, version, principal, hmac=b"x", renew_period=1, expiry_time_period=-1).answer
    assert (answer.error_code, answer.expiry_timestamp) == (error, expiry)


@pytest.mark.parametrize("version", TABLE[ApiKey.DESCRIBE_DELEGATION_TOKEN].versions)
@pytest.mark.parametrize("owners", [None, [], [{"principal_type": "User", "principal_name": "bob"}]])
@pytest.mark.parametrize(("principal", "error"), [("User:ANONYMOUS", NOT_ALLOWED), ("User:admin", DISABLED)])
def test_tokens_are_not_described(version: int, owners: Any, principal: str, error: ErrorCode) -> None:
    answer = ask(ApiKey.DESCRIBE_DELEGATION_TOKEN, version, principal, owners=owners).answer
    assert (answer.error_code, answer.tokens) == (error, ())


# Share state

SHARE_STATE = [
    (key, version)
    for key in (
        ApiKey.INITIALIZE_SHARE_GROUP_STATE,
        ApiKey.READ_SHARE_GROUP_STATE,
        ApiKey.WRITE_SHARE_GROUP_STATE,
        ApiKey.DELETE_SHARE_GROUP_STATE,
        ApiKey.READ_SHARE_GROUP_STATE_SUMMARY,
    )
    for version in TABLE[key].versions
]


@pytest.mark.parametrize(("api_key", "version"), SHARE_STATE)
@pytest.mark.parametrize("user", ["nobody", "broker", "admin"])
@pytest.mark.parametrize("mode", Mode)
def test_share_state_is_refused_to_everybody(api_key: ApiKey, version: int, user: str, mode: Mode) -> None:
    topics = [{"topic_id": UUID(int=9), "partitions": [{"partition": 4, "leader_epoch": 2}, {"partition": 5}]}]
    outcome = ask(api_key, version, f"User:{user}", mode, group_id="g", topics=topics)
    (result,) = outcome.answer.results
    assert result.topic_id == UUID(int=9)
    # Every number but that of the partition is 0.
    assert list(result.partitions) == [
        build(type(result.partitions[0]), partition=index, error_code=CAF, error_message=SENTENCE) for index in (4, 5)
    ]
    assert len(outcome.checked) == (user == "nobody" and mode is not Mode.OFF)


OF_ADMINISTRATION = [
    (key, TABLE[key].versions[-1])
    for key in (
        ApiKey.DESCRIBE_ACLS,
        ApiKey.CREATE_ACLS,
        ApiKey.DELETE_ACLS,
        ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS,
        ApiKey.ALTER_USER_SCRAM_CREDENTIALS,
        ApiKey.CREATE_DELEGATION_TOKEN,
        ApiKey.RENEW_DELEGATION_TOKEN,
        ApiKey.EXPIRE_DELEGATION_TOKEN,
        ApiKey.DESCRIBE_DELEGATION_TOKEN,
    )
]


@pytest.mark.parametrize(("api_key", "version"), OF_ADMINISTRATION)
@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.OFF])
def test_a_policy_that_does_not_enforce_opens_nothing_that_is_not_there(
    api_key: ApiKey, version: int, mode: Mode
) -> None:
    outcome = ask(api_key, version, "User:nobody", mode)
    assert getattr(outcome.answer, "error_code", NONE) not in (CAF, DENIED)
