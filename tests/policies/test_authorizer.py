"""Kafka's decision, case by case."""

import pytest

from policies.authorizer import Authorizer
from policies.model import ANONYMOUS, Operation, PolicySource, Principal, Reason, ResourceType
from tests.policies.bindings import acl

HOST = "10.0.0.7"


def ask(authorizer, text, principal="User:alice", host=HOST):
    operation, resource_type, *name = text.split(" ")
    return authorizer.decide(
        Principal.parse(principal),
        host,
        Operation.parse(operation),
        ResourceType.parse(resource_type),
        " ".join(name),
    )


def ask_any(authorizer, text, principal="User:alice"):
    operation, resource_type = text.split(" ")
    return authorizer.authorize_by_resource_type(
        Principal.parse(principal), HOST, Operation.parse(operation), ResourceType.parse(resource_type)
    )


def test_nothing_is_allowed_by_nobody():
    decision = ask(Authorizer([]), "Read topic orders")
    assert (decision.allowed, decision.reason, decision.binding) == (False, Reason.DEFAULT_DENY, None)


def test_a_decision_carries_the_binding_that_made_it():
    allow = acl("Read topic orders")
    deny = acl("Write topic orders", deny=True)
    authorizer = Authorizer([allow, deny])
    assert ask(authorizer, "Read topic orders").binding is allow
    assert ask(authorizer, "Write topic orders").binding is deny


def test_of_several_matching_allows_the_nearest_pattern_is_told():
    literal, longer, shorter, every = (acl(f"Read topic {name}") for name in ("orders", "orde*", "o*", "*"))
    authorizer = Authorizer([every, shorter, longer, literal])
    told = [ask(authorizer, f"Read topic {name}").binding for name in ("orders", "order", "ord", "x")]
    assert told == [literal, longer, shorter, every]


@pytest.mark.parametrize("covering", ["orders", "ord*", "*"])
@pytest.mark.parametrize("denied", ["orders", "ord*", "o*", "*"])
def test_a_deny_wins_however_far_its_pattern(covering, denied):
    authorizer = Authorizer([acl(f"Read topic {covering}"), acl(f"Read topic {denied}", deny=True)])
    assert not ask(authorizer, "Read topic orders").allowed


def test_a_deny_for_everyone_beats_an_allow_for_one():
    authorizer = Authorizer([acl("Read topic orders"), acl("Read topic o*", "User:*", deny=True)])
    assert not ask(authorizer, "Read topic orders").allowed


def test_all_implies_every_operation():
    authorizer = Authorizer([acl("All topic orders")])
    assert all(ask(authorizer, f"{operation.name} topic orders").allowed for operation in Operation)


@pytest.mark.parametrize(
    ("held", "implied"),
    [
        *((held, "Describe") for held in ("Describe", "Read", "Write", "Delete", "Alter")),
        ("AlterConfigs", "DescribeConfigs"),
    ],
)
def test_an_allow_implies_describing_but_a_deny_does_not(held, implied):
    assert ask(Authorizer([acl(f"{held} topic t")]), f"{implied} topic t").allowed
    denied = Authorizer([acl("All topic *"), acl(f"{held} topic t", deny=True)])
    assert ask(denied, f"{implied} topic t").allowed == (held != implied)


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        ("Create", "Describe"),
        ("ClusterAction", "Describe"),
        ("IdempotentWrite", "Describe"),
        ("CreateTokens", "Describe"),
        ("Alter", "AlterConfigs"),
        ("Write", "Create"),
        ("Describe", "Read"),
        ("DescribeConfigs", "AlterConfigs"),
        ("AlterConfigs", "Describe"),
    ],
)
def test_what_is_often_guessed_is_not_implied(held, asked):
    assert not ask(Authorizer([acl(f"{held} topic t")]), f"{asked} topic t").allowed


def test_a_prefix_covers_itself_and_what_begins_with_it():
    authorizer = Authorizer([acl("Read topic orders.*")])
    allowed = [
        name for name in ("orders.", "orders.eu", "orders", "orders2", "Orders.eu") if ask_read(authorizer, name)
    ]
    assert allowed == ["orders.", "orders.eu"]


def ask_read(authorizer, name):
    return ask(authorizer, f"Read topic {name}").allowed


def test_a_prefix_between_two_others_is_found():
    authorizer = Authorizer([acl("Read topic a*"), acl("Read topic ab.x*"), acl("Write topic ab.y*")])
    assert ask_read(authorizer, "ab.z")
    assert ask_read(authorizer, "ab.y1")


def test_resource_types_are_worlds_apart():
    """A right on topics of a prefix is none on groups of that prefix (redpanda#1579)."""
    authorizer = Authorizer([acl("Read topic orders*")])
    assert not ask(authorizer, "Read group orders").allowed


def test_an_empty_group_is_covered_by_the_wildcard_only():
    assert ask(Authorizer([acl("Read group *")]), "Read group ").allowed
    assert not ask(Authorizer([acl("Read group a*")]), "Read group ").allowed


def test_user_star_is_every_principal_of_every_type_and_nothing_else_is_a_pattern():
    everyone = Authorizer([acl("Read topic t", "User:*")])
    assert all(ask(everyone, "Read topic t", who).allowed for who in ("User:bob", "Group:x", str(ANONYMOUS), "User:*"))
    strings = Authorizer([acl("Read topic t", "Group:*"), acl("Read topic t", "User:al*")])
    assert not any(ask(strings, "Read topic t", who).allowed for who in ("Group:x", "User:alice"))
    assert ask(strings, "Read topic t", "User:al*").allowed


@pytest.mark.parametrize("other", ["User:Alice", "user:alice", "Group:alice", "User:alice "])
def test_principals_are_compared_exactly(other):
    assert not ask(Authorizer([acl("Read topic t")]), "Read topic t", other).allowed


def test_a_super_user_wins_over_every_deny():
    authorizer = Authorizer([acl("All topic *", "User:*", deny=True)], super_users=[Principal("User", "admin")])
    assert ask(authorizer, "Delete topic t", "User:admin").reason is Reason.SUPER_USER
    assert not ask(authorizer, "Delete topic t").allowed


def test_user_star_as_a_super_user_is_a_user_of_that_name():
    authorizer = Authorizer([], super_users=[Principal("User", "*")])
    assert not ask(authorizer, "Read topic t").allowed
    assert ask(authorizer, "Read topic t", "User:*").allowed


class TestHosts:
    def test_an_address_is_compared_as_text(self):
        authorizer = Authorizer([acl("Read topic t", host="0:0:0:0:0:0:0:1")])
        assert ask(authorizer, "Read topic t", host="0:0:0:0:0:0:0:1").allowed
        assert not ask(authorizer, "Read topic t", host=HOST).allowed

    def test_a_network_holds_its_addresses(self):
        authorizer = Authorizer([acl("Read topic t", host="10.0.0.0/8"), acl("Read topic t", host="fd00::/8")])
        allowed = {
            host: ask(authorizer, "Read topic t", host=host).allowed
            for host in (HOST, "11.0.0.1", "fd00:0:0:0:0:0:0:1")
        }
        assert allowed == {HOST: True, "11.0.0.1": False, "fd00:0:0:0:0:0:0:1": True}

    def test_a_deny_of_a_network_beats_an_allow_of_an_address(self):
        authorizer = Authorizer([acl("Read topic t", host=HOST), acl("Read topic t", host="10.0.0.0/8", deny=True)])
        assert not ask(authorizer, "Read topic t").allowed


class TestNoAclFound:
    def test_a_resource_without_acls_is_open_when_told_so(self):
        authorizer = Authorizer([], allow_if_no_acl=True)
        assert ask(authorizer, "Delete topic t").reason is Reason.DEFAULT_ALLOW

    @pytest.mark.parametrize("covering", ["t", "*", "t*"])
    def test_any_acl_for_anybody_closes_the_resource(self, covering):
        authorizer = Authorizer([acl(f"Read topic {covering}", "User:bob", "10.9.9.9")], allow_if_no_acl=True)
        assert ask(authorizer, "Write topic t").reason is Reason.DEFAULT_DENY

    def test_other_resources_stay_open(self):
        authorizer = Authorizer([acl("Read topic t"), acl("Read topic p*")], allow_if_no_acl=True)
        assert ask(authorizer, "Write topic u").allowed
        assert ask(authorizer, "Write group t").allowed


class TestAnyResourceOfAType:
    def test_a_right_on_one_resource_is_enough(self):
        assert ask_any(Authorizer([acl("Write topic t")]), "Write topic").allowed
        assert ask_any(Authorizer([acl("Write topic t*")]), "Write topic").allowed
        assert not ask_any(Authorizer([acl("Write topic t")]), "Write group").allowed

    def test_nothing_is_implied_here(self):
        assert not ask_any(Authorizer([acl("Write topic t")]), "Describe topic").allowed
        assert ask_any(Authorizer([acl("Write topic hardcode")]), "Describe topic").allowed

    def test_a_deny_on_everything_denies(self):
        deny = acl("Write topic *", "User:*", deny=True)
        decision = ask_any(Authorizer([acl("Write topic t"), acl("All topic *"), deny]), "Write topic")
        assert (decision.allowed, decision.binding) == (False, deny)

    def test_an_allow_on_everything_outlives_smaller_denies(self):
        authorizer = Authorizer([acl("Write topic *"), acl("Write topic h*", deny=True)])
        assert ask_any(authorizer, "Write topic").allowed

    @pytest.mark.parametrize(
        ("allowed", "denied", "answer"),
        [
            ("open", "o*", False),
            ("open*", "o*", False),
            ("open*", "open*", False),
            ("open", "open", False),
            ("open*", "open", True),
            ("open", "opens*", True),
            ("o*", "open*", True),
        ],
    )
    def test_a_deny_takes_back_what_it_covers(self, allowed, denied, answer):
        deny = acl(f"Write topic {denied}", deny=True)
        decision = ask_any(Authorizer([acl(f"Write topic {allowed}"), deny]), "Write topic")
        assert decision.allowed is answer
        assert answer or decision.binding == deny

    def test_an_allow_that_outlives_is_found_beside_one_that_does_not(self):
        authorizer = Authorizer([acl("Write topic open"), acl("Write topic kept"), acl("Write topic o*", deny=True)])
        assert ask_any(authorizer, "Write topic").binding.resource_name == "kept"

    def test_the_open_default_counts_only_for_the_probe(self):
        assert ask_any(Authorizer([], allow_if_no_acl=True), "Write topic").allowed
        closed = Authorizer([acl("Read topic *", "User:bob")], allow_if_no_acl=True)
        assert not ask_any(closed, "Write topic").allowed

    def test_the_same_question_gets_the_same_answer_again(self):
        authorizer = Authorizer([acl("Write topic t")])
        assert ask_any(authorizer, "Write topic") is ask_any(authorizer, "Write topic")


def test_more_subjects_than_are_remembered_get_the_same_answers(monkeypatch):
    monkeypatch.setattr("policies.authorizer._REMEMBERED_SUBJECTS", 2)
    authorizer = Authorizer([acl("Read topic t", f"User:u{number}") for number in range(5)])
    answers = [ask(authorizer, "Read topic t", f"User:u{number % 7}").allowed for number in range(14)]
    assert answers == [number % 7 < 5 for number in range(14)]
    assert len(authorizer._subjects) <= 2


def test_a_decision_tells_its_cause():
    source = PolicySource("readers", "policy.yaml", 7)
    told = Authorizer(
        [acl("Read topic t", source=source), acl("Write topic t")], super_users=[Principal("User", "root")]
    )
    assert str(ask(told, "Read topic t")) == "allowed: policy 'readers' (policy.yaml:7)"
    assert str(ask(told, "Write topic t")) == "allowed: Allow Write on Topic:LITERAL:t for User:alice from *"
    assert str(ask(told, "Delete topic t")) == "denied: no policy matched"
    assert str(ask(told, "Delete topic t", "User:root")) == "allowed: a super user"
    assert "open to all" in str(ask(Authorizer([], allow_if_no_acl=True), "Read topic t"))


def test_the_generation_is_the_owners():
    assert Authorizer([], generation=3).generation == 3
