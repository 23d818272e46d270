"""The policy file: every fault, with its place and its hint."""

import pytest

from policies.document import load_policy
from policies.strict_yaml import InvalidDocument

OPERATION_NAMES = (
    "All, Read, Write, Create, Delete, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite, "
    "CreateTokens, DescribeTokens, TwoPhaseCommit"
)
RESOURCES = "topics, consumer_groups, transactional_ids, cluster, delegation_tokens, users"
ONLY_TRAILING = "only a trailing * is a pattern; a name with stars is written"


def faults_of(text):
    with pytest.raises(InvalidDocument) as caught:
        load_policy(text, "policy.yaml")
    return [str(fault).removeprefix("policy.yaml:") for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1: expected a mapping, found nothing"),
        ("- a", "1:1: expected a mapping, found a list"),
        ("super_user: [User:a]", "1:1: unknown key 'super_user' (did you mean 'super_users'?)"),
        ("super_users: []", "1:14: the list is empty"),
        ("super_users: User:a", "1:14: expected a list, found 'User:a'"),
        ("super_users: ['group:x']", "1:15: unknown group 'x' (known: none)"),
        ("no_match: Deny", "1:11: expected one of deny, allow, found 'Deny' (did you mean 'deny'?)"),
        ("no_match: false", '1:11: expected text, found false (write "false" with the quotes)'),
        ("policies: []", "1:11: the list is empty"),
        ("policies: [x]", "1:12: expected a mapping, found 'x'"),
        ("groups: {a: []}", "1:13: the list is empty"),
        ("groups: {a: [bo]}", "1:14: the principal 'bo' is not complete (did you mean 'User:bo'?)"),
        ("groups: {a: [User:x], b: ['group:a']}", "1:27: unknown group 'a' (known: none)"),
    ],
)
def test_faults_of_the_file(text, fault):
    assert faults_of(text) == [fault]


WHOLE = {"name": "p", "principals": "[User:a]", "allow": "[Read]", "topics": "[t]"}


def a_policy(**changes):
    entries = {key: value for key, value in {**WHOLE, **changes}.items() if value is not None}
    return "groups: {analysts: [User:x]}\npolicies:\n  - " + "\n    ".join(f"{k}: {v}" for k, v in entries.items())


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"topcs": "[x]"}, "7:5: unknown key 'topcs' (did you mean 'topics'?)"),
        ({"name": None}, "3:5: the key 'name' is missing"),
        ({"name": "''"}, "3:11: the text is empty"),
        ({"name": "7"}, '3:11: expected text, found the number 7 (write "7" with the quotes)'),
        ({"principals": None}, "3:5: the key 'principals' is missing"),
        ({"principals": "[]"}, "4:17: the list is empty"),
        ({"principals": "[7]"}, '4:18: expected text, found the number 7 (write "7" with the quotes)'),
        ({"principals": "User:a"}, "4:17: expected a list, found 'User:a'"),
        ({"principals": "[alice]"}, "4:18: the principal 'alice' is not complete (did you mean 'User:alice'?)"),
        (
            {"principals": "['User:']"},
            "4:18: the principal 'User:' is not complete (expected a type and a name, such as 'User:alice')",
        ),
        ({"principals": "['group:analyst']"}, "4:18: unknown group 'analyst' (did you mean 'analysts'?)"),
        ({"allow": None}, "3:5: the policy gives and takes nothing (expected one of: allow, deny)"),
        ({"allow": "[]"}, "5:12: the list is empty"),
        ({"allow": "Read"}, "5:12: expected a list, found 'Read'"),
        ({"allow": "[Raed]"}, "5:13: unknown operation 'Raed' (did you mean 'Read'?)"),
        ({"allow": "[Describeconfig]"}, "5:13: unknown operation 'Describeconfig' (did you mean 'DescribeConfigs'?)"),
        ({"allow": "[Any]"}, f"5:13: unknown operation 'Any' (known: {OPERATION_NAMES})"),
        ({"deny": "[Unknown]"}, f"7:12: unknown operation 'Unknown' (known: {OPERATION_NAMES})"),
        (
            {"topics": None},
            f"3:5: the policy is about no resource (expected one of: {RESOURCES})",
        ),
        ({"topics": "[]"}, "6:13: the list is empty"),
        ({"topics": "[7]"}, '6:14: expected text, found the number 7 (write "7" with the quotes)'),
        ({"topics": "['']"}, "6:14: the text is empty"),
        (
            {"topics": "[a*b]"},
            f"6:14: a * inside of the name 'a*b' ({ONLY_TRAILING} {{literal: \"a*b\"}})",
        ),
        (
            {"topics": '["**"]'},
            f"6:14: a * inside of the name '**' ({ONLY_TRAILING} {{literal: \"**\"}})",
        ),
        ({"topics": '[{literal: "*"}]'}, "6:14: the literal name '*' is Kafka's wildcard (write \"*\" for every one)"),
        ({"topics": "[{}]"}, "6:14: the key 'literal' is missing"),
        ({"users": "[alice]"}, "7:13: the user 'alice' has no type (did you mean 'User:alice'?)"),
        ({"cluster": "false"}, "7:14: 'cluster' can only be true (leave it out otherwise)"),
        ({"cluster": "kafka-cluster"}, "7:14: expected true or false, found 'kafka-cluster'"),
        ({"hosts": "[[]]"}, "7:13: expected text, found a list"),
        ({"allow": "[[]]"}, "5:13: expected text, found a list"),
        ({"hosts": "[]"}, "7:12: the list is empty"),
        ({"hosts": "[example.com]"}, "7:13: 'example.com' is no address, and names are not looked up"),
        (
            {"hosts": "[10.0.0.7/8]"},
            "7:13: '10.0.0.7/8' is an address inside of a network; did you mean '10.0.0.0/8'?",
        ),
        ({"hosts": "[10.0.0.0/40]"}, "7:13: '10.0.0.0/40' is no network"),
    ],
)
def test_faults_of_a_policy(changes, fault):
    assert faults_of(a_policy(**changes)) == [fault]


def test_a_second_policy_of_a_name_is_refused():
    text = a_policy() + "\n" + a_policy().split("\n", 2)[2]
    assert faults_of(text) == ["7:11: a second policy 'p' (first on line 3)"]


def test_all_faults_are_told_at_once_in_reading_order():
    assert faults_of(
        "no_match: x\npolicies:\n  - name: p\n    principals: [bo]\n    allow: [Raed]\n    topics: [a*b]"
    ) == [
        "1:11: expected one of deny, allow, found 'x'",
        "4:18: the principal 'bo' is not complete (did you mean 'User:bo'?)",
        "5:13: unknown operation 'Raed' (did you mean 'Read'?)",
        f"6:14: a * inside of the name 'a*b' ({ONLY_TRAILING} {{literal: \"a*b\"}})",
    ]
