"""Kafka's ssl.principal.mapping.rules."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.principals import InvalidRule, NoMatchingRule, PrincipalMapping, Step

DUKE = "CN=Duke,OU=ServiceUsers,O=Org,C=US"


@pytest.mark.parametrize(
    ("rules", "distinguished_name", "name"),
    [
        ([], DUKE, DUKE),
        (["DEFAULT"], DUKE, DUKE),
        (["RULE:^CN=([^,]+),.*$/$1/"], DUKE, "Duke"),
        (["RULE:^CN=([^,]+),.*$/$1/L"], DUKE, "duke"),
        (["RULE:^CN=([^,]+),.*$/$1/U"], DUKE, "DUKE"),
        (["RULE:^CN=(.*?),OU=(.*?),O=(.*?),C=(.*?)$/$1@$2/"], DUKE, "Duke@ServiceUsers"),
        (["RULE:^cn=(.*?),.*$/$1/", "DEFAULT"], DUKE, DUKE),
        (["RULE:.*/anybody/"], DUKE, "anybodyanybody"),
        (["RULE:^.*$/anybody/"], DUKE, "anybody"),
    ],
)
def test_the_first_matching_rule_names_the_principal(rules, distinguished_name, name):
    assert PrincipalMapping.parse(rules).name(distinguished_name) == name


def test_two_rules_and_default_with_case_flags():
    """First match wins, its own flag applies (cp-ansible#1386)."""
    mapping = PrincipalMapping.parse(["RULE:^CN=(.*?),OU=Kafka.*$/$1/U", "RULE:^CN=(.*?),OU=.*$/$1/L", "DEFAULT"])
    assert mapping.name("CN=Duke,OU=Kafka,O=x") == "DUKE"
    assert mapping.name("CN=Duke,OU=Other,O=x") == "duke"
    assert mapping.name("O=Nobody") == "O=Nobody"


@pytest.mark.parametrize("listed", [False, True])
def test_a_rule_is_not_split_at_its_own_commas(listed):
    r"""A class that admits an escaped comma and spaces, then DEFAULT (KAFKA-8860)."""
    rules = [r"RULE:^CN=((\\, *|\w)+)(,.*|$)/$1/", "DEFAULT"]
    mapping = PrincipalMapping.parse(rules if listed else [", ".join(rules)])
    assert mapping.name(r"CN=Last\, First,OU=Sales,O=Org") == r"Last\, First"
    assert mapping.name("UID=x") == "UID=x"


@pytest.mark.parametrize("separator", [",", ", ", " , ", ",\n  "])
def test_several_rules_may_stand_in_one_text(separator):
    mapping = PrincipalMapping.parse(
        [separator.join(["RULE:^CN=(a{1,3}),.*$/$1/L", "RULE:^CN=(b),.*$/$1/U", "DEFAULT"])]
    )
    assert [mapping.name(f"CN={cn},O=x") for cn in ("aaa", "b", "c")] == ["aaa", "B", "CN=c,O=x"]


def test_the_whole_name_reaches_the_rules_with_its_colons():
    """A value with a colon is not cut (cp-ansible#2637)."""
    name = "CN=svc,OU=team:payments,O=Org"
    assert PrincipalMapping.parse(["RULE:^CN=.*OU=([^,]*),.*$/$1/", "DEFAULT"]).name(name) == "team:payments"
    assert PrincipalMapping.parse(["DEFAULT"]).name(name) == name


def test_a_pattern_must_match_the_whole_name():
    with pytest.raises(NoMatchingRule, match="no principal mapping rule matches 'CN=Duke,OU=ServiceUsers,O=Org,C=US'"):
        PrincipalMapping.parse(["RULE:CN=([^,]+)/$1/"]).name(DUKE)


def test_an_eaten_backslash_is_seen_in_the_steps():
    r"""`[\s]` that became `[s]` on its way through some shell takes the letter s out of a name."""
    eaten = PrincipalMapping.parse(["RULE:^CN=x$/y/", "RULE:[s]?(CN=.*)|[s]/$1/", "DEFAULT"])
    meant = PrincipalMapping.parse([r"RULE:^CN=([^\s]+)$/$1/", "DEFAULT"])
    wrong = PrincipalMapping.parse(["RULE:^CN=([^s]+)$/$1/", "DEFAULT"])
    assert meant.steps("CN=sr") == (Step(r"RULE:^CN=([^\s]+)$/$1/", "sr"),)
    assert wrong.steps("CN=sr") == (Step("RULE:^CN=([^s]+)$/$1/", None), Step("DEFAULT", "CN=sr"))
    assert [step.name for step in eaten.steps("sCN=sr")] == [None, "CN=sr"]


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("RULE:^CN=(.)(.)(.*?),.*$/$3$2$1/", "keuD"),
        ("RULE:^CN=(.*?),.*$/$0/", DUKE),
        ("RULE:^CN=(.*?),.*$/$10/", "Duke0"),
        ("RULE:^CN=(.*?),.*$/$1-$2/", "Duke-$2"),
        ("RULE:^C(.)(.)(.)(.)(.)(.)(.)(.)(.)(.).*$/$10$9$109/", "=U=9"),
        (r"RULE:^CN=(.*?),.*$/\$1/", "$1"),
        (r"RULE:^CN=(.*?),.*$/a\/b\\c/", r"a/b\c"),
        ("RULE:^CN=(?<who>.*?),.*$/${who}!/", "Duke!"),
        ("RULE:^CN=(x)?.*$/<$1>/", "<>"),
        ("RULE:^CN=(.*?),.*$//", ""),
    ],
)
def test_replacements_are_javas(rule, name):
    assert PrincipalMapping.parse([rule]).name(DUKE) == name


@pytest.mark.parametrize(
    ("pattern", "text", "name"),
    [("a*", "b", None), ("a*|b", "b", "-b-"), (".*?", "ab", "-a-b-"), ("a|b", "b", "-"), ("|(.*)", "s$", "-s-$-")],
)
def test_a_rule_replaces_wherever_it_is_found_as_in_java(pattern, text, name):
    """Seen with Kafka's own class; Python's sub finds more."""
    assert PrincipalMapping.parse([f"RULE:{pattern}/-/"]).steps(text)[-1].name == name


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["CN=([^,]+)"], r"not a rule: 'CN=\(\[\^,\]\+\)'; expected DEFAULT or RULE:pattern/replacement/"),
        (["RULE:^CN=(.*)$/$1"], "not a rule"),
        (["RULE:^CN=(.*)$/$1/X"], "not a rule"),
        (["RULE:^CN=(.*)$/$1/LU"], "not a rule"),
        (["DEFAULT", "DEFAULTS"], "not a rule: 'DEFAULTS'"),
        (["default"], "not a rule"),
        ([""], "there is no rule"),
        (["RULE:^CN=(.*$/$1/"], r"the rule 'RULE:\^CN=\(\.\*\$/\$1/' cannot be used"),
        (["RULE:^CN=.*$/$1/"], "there is no group 1 in the pattern"),
        (["RULE:^CN=(.*)$/${who}/"], "there is no group 'who' in the pattern"),
        (["RULE:^CN=(.*)$/$x/"], "'\\$x' is no group; a dollar sign is written"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rules, message):
    with pytest.raises(InvalidRule, match=message):
        PrincipalMapping.parse(rules)


@given(st.text(max_size=30))
def test_any_text_is_rules_or_refused(text):
    with suppress(InvalidRule):
        assert isinstance(PrincipalMapping.parse([text]), PrincipalMapping)


@given(st.text(min_size=1), st.text(alphabet="abAB é$\\/,", max_size=10))
def test_default_after_any_rule_keeps_what_it_does_not_match(name, prefix):
    mapping = PrincipalMapping.parse(["RULE:^never-(.*)$/$1/", "DEFAULT"])
    assert mapping.name(f"{prefix}{name}x") == f"{prefix}{name}x"
