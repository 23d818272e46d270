"""The policy file: what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.document import OPERATIONS, load_policy
from policies.model import Operation, PatternType, Permission, PolicySource, Principal, Reason, ResourceType

POLICY = """\
super_users: [User:admin]
no_match: deny
groups:
  analysts: [User:ana, User:bo]
policies:
  - name: orders-service-owns-orders
    principals: [User:orders-service]
    allow: [Write, Create, Describe]
    topics: [orders, orders.*]
  - name: analysts-read-orders
    principals: [group:analysts]
    hosts: [10.0.0.0/8]
    allow: [Read]
    topics: [orders]
    consumer_groups: [analysts-*]
  - name: nobody-deletes
    principals: ["*"]
    deny: [Delete]
    topics: ["*"]
  - name: payments-transactions
    principals: [User:payments]
    allow: [Write, Describe]
    transactional_ids: [payments-*]
  - name: operators
    principals: [User:ops]
    allow: [Describe, DescribeConfigs, AlterConfigs]
    cluster: true
"""


def one_policy(body):
    return load_policy(f"policies:\n  - name: p\n{body}", "policy.yaml").policies[0]


@pytest.mark.parametrize(
    ("principal", "host", "operation", "resource_type", "name", "by"),
    [
        ("User:orders-service", "10.0.0.1", "Write", "topic", "orders.eu", "orders-service-owns-orders"),
        ("User:orders-service", "10.0.0.1", "Write", "topic", "orders-eu", None),
        ("User:bo", "10.0.0.1", "Read", "topic", "orders", "analysts-read-orders"),
        ("User:bo", "10.0.0.1", "Read", "group", "analysts-7", "analysts-read-orders"),
        ("User:bo", "11.0.0.1", "Read", "topic", "orders", None),
        ("User:bo", "10.0.0.1", "Delete", "topic", "any", "nobody-deletes"),
        ("User:payments", "10.0.0.1", "Write", "transactionalId", "payments-1", "payments-transactions"),
        ("User:ops", "10.0.0.1", "AlterConfigs", "cluster", "kafka-cluster", "operators"),
        ("User:ops", "10.0.0.1", "Alter", "cluster", "kafka-cluster", None),
    ],
)
def test_a_policy_decides_what_it_says(principal, host, operation, resource_type, name, by):
    decision = (
        load_policy(POLICY, "policy.yaml")
        .authorizer()
        .decide(Principal.parse(principal), host, Operation.parse(operation), ResourceType.parse(resource_type), name)
    )
    assert (decision.binding.source.policy if decision.binding else None) == by
    assert decision.allowed is (by not in (None, "nobody-deletes"))


def test_a_document_knows_its_super_users_and_default():
    document = load_policy(POLICY, "policy.yaml")
    assert (document.super_users, document.allow_if_no_acl) == ({Principal("User", "admin")}, False)
    assert load_policy("no_match: allow", "p").allow_if_no_acl
    assert document.authorizer(7).generation == 7


def test_every_binding_knows_where_it_was_written():
    document = load_policy(POLICY, "policy.yaml")
    lines = {binding.source.policy: binding.source.line for binding in document.bindings}
    assert lines == {
        "orders-service-owns-orders": 6,
        "analysts-read-orders": 10,
        "nobody-deletes": 16,
        "payments-transactions": 20,
        "operators": 24,
    }
    assert document.bindings[0].source == PolicySource("orders-service-owns-orders", "policy.yaml", 6)
    assert [policy.name for policy in document.policies] == list(lines)


def test_a_policy_stands_for_every_combination():
    policy = one_policy(
        "    principals: [User:a, User:b]\n    hosts: [10.0.0.1, '::1']\n    allow: [Read, Write]\n    deny: [Delete]\n"
        "    topics: [t, u*]\n    users: [User:x]\n"
    )
    assert len(set(policy.bindings)) == len(policy.bindings) == 2 * 2 * 3 * 3
    assert {binding.host for binding in policy.bindings} == {"10.0.0.1", "0:0:0:0:0:0:0:1"}
    denied = {binding.operation for binding in policy.bindings if binding.permission is Permission.DENY}
    assert denied == {Operation.DELETE}


@pytest.mark.parametrize(
    ("written", "name", "pattern_type"),
    [
        ("orders", "orders", PatternType.LITERAL),
        ("orders.*", "orders.", PatternType.PREFIXED),
        ('"*"', "*", PatternType.LITERAL),
        ('{literal: "odd*"}', "odd*", PatternType.LITERAL),
        ('{literal: "a*b"}', "a*b", PatternType.LITERAL),
        ('"2024"', "2024", PatternType.LITERAL),
    ],
)
def test_names_and_patterns(written, name, pattern_type):
    [binding] = one_policy(f"    principals: [User:a]\n    allow: [Read]\n    topics: [{written}]\n").bindings
    assert (binding.resource_name, binding.pattern_type) == (name, pattern_type)


@pytest.mark.parametrize(
    ("key", "resource_type", "name"),
    [
        ("topics: [n]", ResourceType.TOPIC, "n"),
        ("consumer_groups: [n]", ResourceType.GROUP, "n"),
        ("transactional_ids: [n]", ResourceType.TRANSACTIONAL_ID, "n"),
        ("delegation_tokens: [n]", ResourceType.DELEGATION_TOKEN, "n"),
        ("users: [User:n]", ResourceType.USER, "User:n"),
        ("cluster: true", ResourceType.CLUSTER, "kafka-cluster"),
    ],
)
def test_resource_keys(key, resource_type, name):
    [binding] = one_policy(f"    principals: [User:a]\n    allow: [All]\n    {key}\n").bindings
    assert (binding.resource_type, binding.resource_name, binding.host) == (resource_type, name, "*")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("spell", [str, str.lower, str.upper])
def test_operations_in_any_case(operation, spell):
    for word in (operation.label, operation.name):
        [binding] = one_policy(f"    principals: ['*']\n    allow: [{spell(word)}]\n    cluster: true\n").bindings
        assert (binding.operation, binding.principal) == (operation, Principal("User", "*"))


def test_an_operation_that_can_never_apply_is_accepted_as_kafka_accepts_it():
    assert one_policy("    principals: [User:a]\n    deny: [Delete]\n    cluster: true\n").bindings


def test_a_file_without_policies_leaves_all_to_the_super_users():
    document = load_policy("super_users: [User:admin]", "policy.yaml")
    ask = (Operation.READ, ResourceType.TOPIC, "t")
    assert document.authorizer().decide(Principal("User", "admin"), "10.0.0.1", *ask).reason is Reason.SUPER_USER
    assert not document.authorizer().decide(Principal("User", "a"), "10.0.0.1", *ask).allowed


def test_a_group_may_hold_everyone_and_name_super_users():
    document = load_policy("groups: {ops: [User:a, 'User:CN=a:b']}\nsuper_users: ['group:ops']", "policy.yaml")
    assert document.super_users == {Principal("User", "a"), Principal("User", "CN=a:b")}


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=10))
def test_any_literal_name_is_taken_as_it_is(name):
    quoted = name.replace("'", "''")
    text = f"    principals: [User:a]\n    allow: [Read]\n    topics: [{{literal: '{quoted}'}}]\n"
    if name != "*":
        assert one_policy(text).bindings[0].resource_name == name
