"""Kafka's words and codes."""

import pytest

from policies.model import (
    ANONYMOUS,
    Operation,
    PatternType,
    Permission,
    PolicySource,
    Principal,
    ResourceType,
    operations_answered,
)
from tests.policies.bindings import acl


@pytest.mark.parametrize("text", ["DescribeConfigs", "DESCRIBE_CONFIGS", "describeconfigs", "describe_configs"])
def test_operations_are_read_in_any_case(text):
    assert Operation.parse(text) is Operation.DESCRIBE_CONFIGS


@pytest.mark.parametrize("words", [Operation, ResourceType, PatternType, Permission])
def test_labels_are_read_back(words):
    assert all(words.parse(member.label) is member for member in words)


def test_codes_are_those_of_the_protocol():
    assert [Operation.ALL, Operation.DESCRIBE, Operation.TWO_PHASE_COMMIT] == [2, 8, 15]
    assert [ResourceType.TOPIC, ResourceType.TRANSACTIONAL_ID, ResourceType.USER] == [2, 5, 7]
    assert [PatternType.LITERAL, PatternType.PREFIXED, Permission.DENY, Permission.ALLOW] == [3, 4, 2, 3]


def test_an_unknown_word_is_refused():
    with pytest.raises(ValueError, match="unknown Operation 'Raed'"):
        Operation.parse("Raed")


@pytest.mark.parametrize(
    ("text", "principal_type", "name"),
    [("User:alice", "User", "alice"), ("User:CN=a:b", "User", "CN=a:b"), ("User:a,b=c", "User", "a,b=c")],
)
def test_a_principal_is_cut_at_the_first_colon(text, principal_type, name):
    principal = Principal.parse(text)
    assert (principal.type, principal.name, str(principal)) == (principal_type, name, text)


@pytest.mark.parametrize("text", ["alice", "User:", ":alice", "", ":"])
def test_half_a_principal_is_refused(text):
    with pytest.raises(ValueError, match="expected a principal such as 'User:alice'"):
        Principal.parse(text)


def test_who_did_not_authenticate_is_anonymous():
    assert str(ANONYMOUS) == "User:ANONYMOUS"


def test_a_binding_and_its_source_are_told_in_kafkas_words():
    assert str(acl("DescribeConfigs transactional_id p-*", deny=True)) == (
        "Deny DescribeConfigs on TransactionalId:PREFIXED:p- for User:alice from *"
    )
    assert str(PolicySource("p", "policy.yaml", 3)) == "policy 'p' (policy.yaml:3)"


def test_only_allowing_implies_more():
    assert operations_answered(Operation.READ, Permission.ALLOW) == {Operation.READ, Operation.DESCRIBE}
    assert operations_answered(Operation.READ, Permission.DENY) == {Operation.READ}
    assert operations_answered(Operation.ALL, Permission.DENY) == set(Operation)
