"""Kafka's rules from Kerberos principals to names."""

import pytest

from proxy.authentication.kerberos_names import InvalidKerberosRule, KerberosNames, NoKerberosName

REALM = "EXAMPLE.COM"


@pytest.mark.parametrize(
    ("rules", "principal", "name"),
    [
        ([], "alice@EXAMPLE.COM", "alice"),
        (["DEFAULT"], "kafka/host.example.com@EXAMPLE.COM", "kafka"),
        (["RULE:[1:$1]"], "alice@OTHER", "alice"),
        (["RULE:[1:$1@$0](.*@OTHER)s/@.*//"], "alice@OTHER", "alice"),
        (["RULE:[1:$1@$0](.*@OTHER)s/@.*//", "DEFAULT"], "alice@EXAMPLE.COM", "alice"),
        (["RULE:[2:$1.$2](.*)s/\\.example\\.com//"], "app/h1.example.com@EXAMPLE.COM", "app.h1"),
        (["RULE:[1:$1](.*)s/a/x/"], "banana@EXAMPLE.COM", "bxnana"),
        (["RULE:[1:$1](.*)s/a/x/g"], "banana@EXAMPLE.COM", "bxnxnx"),
        (["RULE:[1:$1](.*)s/(b)(.*)/$2$1/"], "bob@EXAMPLE.COM", "obb"),
        (["RULE:[1:$1]/L"], "ALICE@EXAMPLE.COM", "alice"),
        (["RULE:[1:$1]/U"], "alice@EXAMPLE.COM", "ALICE"),
        (["RULE:[1:$1](.*)s/x/y/g/L"], "ALIXE@EXAMPLE.COM", "alixe"),
        (["RULE:[1:fixed]"], "alice@EXAMPLE.COM", "fixed"),
        (["RULE:[1:$1;$0](alice;EXAMPLE)s/x/y/", "RULE:[1:second]"], "alice@EXAMPLE.COM", "second"),
    ],
)
def test_the_first_rule_that_applies_decides(rules: list[str], principal: str, name: str) -> None:
    assert KerberosNames.parse(REALM, rules).name(principal) == name


@pytest.mark.parametrize(
    ("rules", "principal"),
    [
        (["DEFAULT"], "alice@OTHER"),
        (["DEFAULT"], "alice@example.com"),
        (["RULE:[2:$1]"], "alice@EXAMPLE.COM"),
        (["RULE:[1:$1@$0]"], "alice@EXAMPLE.COM"),
        (["RULE:[2:$1/$2]", "DEFAULT"], "a/b@EXAMPLE.COM"),
        (["RULE:[1:$1](.*)s/.*//"], "alice@EXAMPLE.COM"),
        (["DEFAULT"], "alice"),
        (["DEFAULT"], "a/b/c@EXAMPLE.COM"),
        (["DEFAULT"], "a@b@EXAMPLE.COM"),
        (["DEFAULT"], "@EXAMPLE.COM"),
    ],
)
def test_who_gets_no_simple_name_gets_none(rules: list[str], principal: str) -> None:
    with pytest.raises(NoKerberosName):
        KerberosNames.parse(REALM, rules).name(principal)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "default",
        "RULE:",
        "RULE:[1]",
        "RULE:[1:$2]",
        "RULE:[1:$x]",
        "RULE:[1:$1]x",
        "RULE:[1:$1](",
        "RULE:[1:$1](()s/a/b/",
        "RULE:[1:$1]s/(a)/$2/",
        "DEFAULT/L",
    ],
)
def test_what_is_no_rule_is_told(rule: str) -> None:
    with pytest.raises(InvalidKerberosRule, match="rule"):
        KerberosNames.parse(REALM, [rule])
