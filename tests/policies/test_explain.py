"""A decision told to a person."""

import pytest

from policies.document import load_policy
from policies.explain import explain
from policies.model import Operation, Principal, ResourceType

POLICY = """\
super_users: [User:admin]
policies:
  - name: readers
    principals: [User:ana, User:bo]
    hosts: [10.0.0.0/8]
    allow: [Read]
    topics: [orders, audit.*]
  - name: writers
    principals: [User:app]
    allow: [Write, Create]
    topics: [orders]
  - name: nobody-deletes
    principals: ["*"]
    deny: [Delete]
    topics: ["*"]
"""


def why(principal, operation, name, host="10.1.2.3", policy=POLICY):
    document = load_policy(policy, "policy.yaml")
    return explain(document, Principal.parse(principal), host, Operation.parse(operation), ResourceType.TOPIC, name)


def test_an_allow_is_told_with_its_policy_and_binding():
    explanation = why("User:ana", "Read", "audit.x")
    assert explanation.allowed
    assert str(explanation) == (
        "allowed: Read on Topic 'audit.x' for User:ana from 10.1.2.3\n"
        "  policy 'readers' (policy.yaml:3)\n"
        "  Allow Read on Topic:PREFIXED:audit. for User:ana from 10.0.0.0/8"
    )


def test_a_deny_is_told_with_its_policy():
    explanation = why("User:app", "Delete", "orders", host="*")
    assert not explanation.allowed
    assert "  policy 'nobody-deletes' (policy.yaml:12)" in str(explanation).splitlines()
    assert "from any host" in explanation.question


def test_a_super_user_needs_no_policy():
    assert str(why("User:admin", "Delete", "orders")).endswith("\n  a super user")


@pytest.mark.parametrize(
    ("principal", "operation", "name", "host", "nearest"),
    [
        (
            "User:ana",
            "Read",
            "orders",
            "192.168.0.1",
            "policy 'readers' (policy.yaml:3) comes near, but is for clients at 10.0.0.0/8",
        ),
        (
            "User:x",
            "Read",
            "orders",
            "10.1.2.3",
            "policy 'readers' (policy.yaml:3) comes near, but is for User:ana, User:bo",
        ),
        (
            "User:app",
            "Alter",
            "orders",
            "10.1.2.3",
            "policy 'writers' (policy.yaml:8) comes near, but allows Write, Create",
        ),
        (
            "User:app",
            "Write",
            "order",
            "10.1.2.3",
            "policy 'writers' (policy.yaml:8) comes near, but is about 'orders'",
        ),
        (
            "User:bo",
            "Read",
            "audit",
            "10.1.2.3",
            "policy 'readers' (policy.yaml:3) comes near, but is about 'orders', 'audit.*'",
        ),
    ],
)
def test_what_nothing_allowed_is_told_with_the_nearest_miss(principal, operation, name, host, nearest):
    explanation = why(principal, operation, name, host)
    assert str(explanation).splitlines()[1] == "  no policy matched"
    assert explanation.nearest[0] == nearest


def test_two_things_amiss_are_told_together():
    assert why("User:x", "Alter", "orders").nearest == (
        "policy 'readers' (policy.yaml:3) comes near, but is for User:ana, User:bo and allows Read",
        "policy 'writers' (policy.yaml:8) comes near, but is for User:app and allows Write, Create",
    )


def test_what_is_far_is_not_told():
    assert why("User:x", "Alter", "unheard-of").nearest == ()


def test_long_lists_are_cut_and_only_three_policies_told():
    names = ", ".join(f"User:u{number}" for number in range(9))
    policy = "policies:\n" + "".join(
        f"  - {{name: p{number}, principals: [{names}], allow: [Read], topics: [t]}}\n" for number in range(5)
    )
    nearest = why("User:x", "Read", "t", policy=policy).nearest
    assert len(nearest) == 3
    assert nearest[0].endswith("is for User:u0, User:u1, User:u2, User:u3 and 5 more")


def test_the_host_may_be_written_in_any_form():
    assert why("User:ana", "Read", "orders", host="::ffff:10.0.0.1").allowed
    with pytest.raises(ValueError, match="address"):
        why("User:ana", "Read", "orders", host="example.com")
