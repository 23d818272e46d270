"""Laws of the decision, on random bindings, and agreement with the reference."""

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.authorizer import Authorizer
from policies.model import AccessRequest, Permission, Reason
from tests.policies.bindings import acl_bindings, binding_lists, names, questions, super_user_sets
from tests.policies.reference_authorizer import ReferenceAuthorizer

DENIES = acl_bindings(Permission.DENY)


@settings(max_examples=500)
@given(binding_lists, super_user_sets, st.booleans(), st.lists(questions, min_size=1, max_size=5))
def test_decides_one_name_as_the_reference_does(bindings, super_users, allow_if_no_acl, asked):
    compiled = Authorizer(bindings, super_users=super_users, allow_if_no_acl=allow_if_no_acl)
    reference = ReferenceAuthorizer(bindings, super_users, allow_if_no_acl)
    for question in asked:
        assert compiled.decide(*question).allowed == reference.allowed(*question)


@settings(max_examples=500)
@given(binding_lists, super_user_sets, st.booleans(), st.lists(questions, min_size=1, max_size=5))
def test_decides_any_name_of_a_type_as_the_reference_does(bindings, super_users, allow_if_no_acl, asked):
    compiled = Authorizer(bindings, super_users=super_users, allow_if_no_acl=allow_if_no_acl)
    reference = ReferenceAuthorizer(bindings, super_users, allow_if_no_acl)
    for *question, _ in asked:
        decision = compiled.authorize_by_resource_type(*question)
        assert decision.allowed == reference.allowed_somewhere(*question)


@given(binding_lists, st.booleans(), questions)
def test_the_binding_that_decided_decides_alone(bindings, allow_if_no_acl, question):
    decision = Authorizer(bindings, allow_if_no_acl=allow_if_no_acl).decide(*question)
    assert (decision.binding is not None) == (decision.reason is Reason.MATCHING_ACL)
    if decision.binding is not None:
        assert decision.binding in bindings
        assert Authorizer([decision.binding]).decide(*question) == decision


@given(binding_lists, DENIES, st.booleans(), questions)
def test_a_matching_deny_beats_every_allow(bindings, deny, allow_if_no_acl, question):
    if Authorizer([deny]).decide(*question).reason is Reason.MATCHING_ACL:
        assert not Authorizer([*bindings, deny], allow_if_no_acl=allow_if_no_acl).decide(*question).allowed


@given(binding_lists, DENIES, st.booleans(), questions)
def test_adding_a_deny_grants_nothing(bindings, deny, allow_if_no_acl, question):
    before = Authorizer(bindings, allow_if_no_acl=allow_if_no_acl)
    after = Authorizer([*bindings, deny], allow_if_no_acl=allow_if_no_acl)
    assert before.decide(*question).allowed or not after.decide(*question).allowed
    of_type = question[:-1]
    assert before.authorize_by_resource_type(*of_type).allowed or not after.authorize_by_resource_type(*of_type).allowed


@given(binding_lists, acl_bindings(Permission.ALLOW), questions)
def test_removing_an_allow_grants_nothing(bindings, allow, question):
    before, after = Authorizer([*bindings, allow]), Authorizer(bindings)
    assert before.decide(*question).allowed or not after.decide(*question).allowed
    of_type = question[:-1]
    assert before.authorize_by_resource_type(*of_type).allowed or not after.authorize_by_resource_type(*of_type).allowed


@given(binding_lists.flatmap(lambda bindings: st.tuples(st.just(bindings), st.permutations(bindings))), questions)
def test_the_order_of_bindings_does_not_matter(orders, question):
    one, other = (Authorizer(bindings) for bindings in orders)
    assert one.decide(*question).allowed == other.decide(*question).allowed
    of_type = question[:-1]
    assert one.authorize_by_resource_type(*of_type).allowed == other.authorize_by_resource_type(*of_type).allowed


@given(binding_lists, questions)
def test_a_super_user_may_do_everything(bindings, question):
    authorizer = Authorizer(bindings, super_users=[question[0]])
    assert authorizer.decide(*question).reason is Reason.SUPER_USER
    assert authorizer.authorize_by_resource_type(*question[:-1]).allowed


@given(binding_lists, questions, st.lists(names))
def test_many_questions_at_once_are_answered_like_one_by_one(bindings, question, asked):
    authorizer = Authorizer(bindings)
    principal, host, operation, resource_type, _ = question
    requests = [AccessRequest(operation, resource_type, name) for name in asked]
    one_by_one = [authorizer.decide(principal, host, operation, resource_type, name) for name in asked]
    assert authorizer.authorize(principal, host, requests) == one_by_one
