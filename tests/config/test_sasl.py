"""What a listener's `sasl:` may say, and what it may not."""

from pathlib import Path

import pytest

from proxy.authentication.tokens import DEFAULT_ALGORITHMS, TokenRules
from proxy.config import Config, InvalidDocument, parse_config, warnings
from proxy.config.ldap_model import BindByTemplate, LdapConfig, LdapServers, SearchThenBind
from proxy.config.sasl_model import KerberosConfig
from proxy.config.sasl_schema import OAUTHBEARER
from proxy.config.secret import Secret

pytestmark = pytest.mark.usefixtures("extras_installed")

TEXT = """\
cluster: {{bootstrap_servers: [kafka:9092]}}
listeners:
  - name: clients
    bind: {bind}
    advertise: kafka.example.com
    brokers: {{first_port: 9101, node_ids: 1-50}}
    security_protocol: SASL_PLAINTEXT
    sasl: {sasl}
policy: {{mode: "off"}}
"""
ISSUER = "https://issuer.example.com"
URL = f"jwks_endpoint_url: {ISSUER}/keys"


def config(sasl: str, bind: str = "127.0.0.1:9093") -> Config:
    return parse_config(TEXT.format(sasl=sasl, bind=bind), Path("/etc/d.yaml"), {})


def faults(sasl: str) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        config(sasl)
    return [str(fault).partition(": ")[2] for fault in caught.value.faults]


def oauthbearer(settings: str) -> str:
    return f"{{mechanisms: [OAUTHBEARER], oauthbearer: {{{settings}}}}}"


def test_tokens_of_an_issuer_need_no_users():
    found = config(oauthbearer(f"{URL}, expected_issuer: {ISSUER}")).listeners[0].sasl
    assert found.mechanisms == ("OAUTHBEARER",)
    assert found.oauthbearer is not None
    assert found.oauthbearer.jwks_endpoint_url == f"{ISSUER}/keys"
    assert found.oauthbearer.jwks_endpoint_refresh_ms == 3_600_000
    assert found.oauthbearer.rules == TokenRules(ISSUER)


def test_everything_can_be_said_about_tokens():
    text = oauthbearer(
        f"jwks_file: keys.json, expected_issuer: {ISSUER}, expected_audience: [kafka, k], clock_skew_seconds: 0, "
        "sub_claim_name: azp, scope_claim_name: scp, required_scope: [read], algorithms: [ES256, RS256]"
    )
    found = config(text).listeners[0].sasl.oauthbearer
    assert found is not None
    assert found.jwks_file == Path("/etc/keys.json")
    assert found.rules == TokenRules(ISSUER, ("kafka", "k"), 0, "azp", "scp", ("read",), ("ES256", "RS256"))


@pytest.mark.parametrize("text", ["", ", accept_legacy_scram_nonce: false", ", accept_legacy_scram_nonce: true"])
def test_a_wrong_scram_nonce_is_let_in_on_demand_only(text: str):
    text = TEXT.format(sasl=f"{{mechanisms: [SCRAM-SHA-256]{text}}}", bind="127.0.0.1:9093") + "users: users.yaml\n"
    found = parse_config(text, Path("/etc/d.yaml"), {}).listeners[0].sasl
    assert found.accept_legacy_scram_nonce == ("true" in text)


@pytest.mark.parametrize(
    ("sasl", "fault"),
    [
        (
            oauthbearer(f"{URL}, expected_issuer: {ISSUER}").replace("{", "{accept_legacy_scram_nonce: true, ", 1),
            "accept_legacy_scram_nonce has no effect without a SCRAM mechanism",
        ),
        ("{mechanisms: [OAUTHBEARER]}", "OAUTHBEARER needs the key 'oauthbearer' (the issuer whose tokens are taken)"),
        (oauthbearer(URL), "the key 'expected_issuer' is missing"),
        (
            oauthbearer(f"expected_issuer: {ISSUER}"),
            "expected one of jwks_endpoint_url and jwks_file (where the issuer's keys are)",
        ),
        (
            oauthbearer(f"{URL}, jwks_file: x, expected_issuer: {ISSUER}"),
            "expected one of jwks_endpoint_url and jwks_file (where the issuer's keys are)",
        ),
        (
            oauthbearer(f"jwks_endpoint_url: 'http://issuer/keys', expected_issuer: {ISSUER}"),
            (
                "expected an https address, found 'http://issuer/keys' "
                "(whoever can change the keys on their way can be anybody)"
            ),
        ),
        (
            oauthbearer(f"jwks_file: keys.json, jwks_endpoint_ca: ca.pem, expected_issuer: {ISSUER}"),
            "jwks_endpoint_ca has no effect without jwks_endpoint_url",
        ),
        (
            oauthbearer(f"{URL}, expected_issuer: {ISSUER}, algorithms: [HS256]"),
            f"expected one of {', '.join(DEFAULT_ALGORITHMS)}, found 'HS256' (did you mean 'RS256'?)",
        ),
        (
            oauthbearer(f"{URL}, expected_issuer: {ISSUER}, expected_audiences: [x]"),
            "unknown key 'expected_audiences' (did you mean 'expected_audience'?)",
        ),
        (
            oauthbearer(f"{URL}, expected_issuer: {ISSUER}, clock_skew_seconds: 601"),
            "expected at least 0 and at most 600, found 601",
        ),
    ],
)
def test_a_fault_is_told(sasl: str, fault: str):
    assert faults(sasl) == [fault]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "https://", "https://a b/", "https://u:p@issuer/", "https://[::1"]
)
def test_cve_2025_27817_keys_come_from_an_https_address_only(url: str):
    (fault,) = faults(oauthbearer(f"jwks_endpoint_url: '{url}', expected_issuer: i"))
    assert fault.startswith("expected an https address")


def test_a_section_without_its_mechanism_has_no_effect_and_is_a_fault():
    found = faults(f"{{mechanisms: [SCRAM-SHA-256], oauthbearer: {{{URL}, expected_issuer: i}}}}")
    assert "oauthbearer has no effect without the mechanism OAUTHBEARER" in found


def test_risks_are_warned_of():
    told = [str(each) for each in warnings(config(oauthbearer(f"{URL}, expected_issuer: {ISSUER}"), "0.0.0.0:9093"))]
    assert any("OAUTHBEARER sends tokens in clear text over SASL_PLAINTEXT" in each for each in told)
    assert any("every token of the issuer is taken, also those made for other services" in each for each in told)


def test_the_defaults_of_the_schema_are_those_of_the_config():
    rules = TokenRules("i")
    for name in ("clock_skew_seconds", "sub_claim_name", "scope_claim_name"):
        assert OAUTHBEARER["properties"][name]["default"] == getattr(rules, name)


def ldap(settings: str) -> str:
    return f"{{mechanisms: [PLAIN], ldap: {{{settings}}}}}"


TEMPLATE = 'user_dn_template: "uid={username},ou=people"'
SEARCH = 'bind_dn: cn=k, bind_password: secret, search_base: dc=x, search_filter: "(uid={username})"'


def test_plain_against_a_directory_needs_no_users():
    found = config(ldap(f'urls: ["ldaps://a", "ldaps://b:1636"], ca: ca.pem, {TEMPLATE}')).listeners[0].sasl.ldap
    assert found == LdapConfig(
        LdapServers(("ldaps://a", "ldaps://b:1636"), ca=Path("/etc/ca.pem")), BindByTemplate("uid={username},ou=people")
    )


def test_users_may_be_looked_for():
    text = ldap(f'urls: ["ldap://a"], start_tls: true, connections: 8, timeout_s: 2, cache_s: 0, {SEARCH}')
    found = config(text).listeners[0].sasl.ldap
    way = SearchThenBind("cn=k", Secret("secret"), "dc=x", "(uid={username})", "uid")
    assert found == LdapConfig(LdapServers(("ldap://a",), True, None, 8, 2), way, 0)
    assert "secret" not in repr(found)


def test_scram_beside_it_still_needs_users():
    text = f'{{mechanisms: [PLAIN, SCRAM-SHA-256], ldap: {{urls: ["ldaps://a"], {TEMPLATE}}}}}'
    assert faults(text)[0].startswith("the listener 'clients' needs users")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (TEMPLATE, "the key 'urls' is missing"),
        (
            'urls: ["ldaps://a"]',
            (
                "expected user_dn_template, or bind_dn, bind_password, search_base, search_filter "
                "(how a user's entry is found)"
            ),
        ),
        ('urls: ["ldaps://a"], bind_dn: cn=k', "a search needs the keys bind_password, search_base, search_filter too"),
        (
            f'urls: ["ldaps://a"], name_attribute: cn, {TEMPLATE}',
            "name_attribute and user_dn_template exclude each other",
        ),
        (
            'urls: ["ldaps://a"], user_dn_template: "uid=alice"',
            "expected {username} in it once, found 'uid=alice' (such as uid={username},ou=people,dc=example,dc=com)",
        ),
        (
            'urls: ["ldaps://a"], ' + SEARCH.replace("(uid={username})", "uid={username}"),
            "expected {username} in it once, found 'uid={username}' (such as (uid={username}))",
        ),
        (
            f'urls: ["ldap://a"], {TEMPLATE}',
            "passwords would go to 'ldap://a' in clear text (ldaps://, or start_tls: true)",
        ),
        (
            f'urls: ["ldaps://a"], start_tls: true, {TEMPLATE}',
            "start_tls and ldaps:// exclude each other (ldap:// with start_tls, or ldaps:// without)",
        ),
        (f'urls: ["http://a"], {TEMPLATE}', "expected ldaps://host or ldap://host, found 'http://a'"),
        (f'urls: ["ldaps://u:p@a"], {TEMPLATE}', "expected ldaps://host or ldap://host, found 'ldaps://u:p@a'"),
        (
            f'urls: ["ldap://localhost"], ca: ca.pem, {TEMPLATE}',
            "ca has no effect without TLS (ldaps:// or start_tls: true)",
        ),
    ],
)
def test_a_fault_of_a_directory_is_told(settings: str, fault: str):
    assert faults(ldap(settings)) == [fault]


def test_a_directory_without_its_package_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("proxy.config.extras.find_spec", lambda _name: None)
    (fault,) = faults(ldap(f'urls: ["ldaps://a"], {TEMPLATE}'))
    assert fault == "the package python-ldap is not installed (pip install 'kafka-doorkeeper[ldap]')"


def kerberos(settings: str) -> str:
    return f"{{mechanisms: [GSSAPI], kerberos: {{{settings}}}}}"


def test_kerberos_takes_kafkas_words():
    found = config(kerberos("keytab: k.keytab, realm: EXAMPLE.COM")).listeners[0].sasl.kerberos
    assert found == KerberosConfig(Path("/etc/k.keytab"), "EXAMPLE.COM", "kafka", ("DEFAULT",))
    rules = '["RULE:[2:$1](kafka)s/k/K/L", DEFAULT]'
    text = f"keytab: k.keytab, realm: X, service_name: broker, principal_to_local_rules: {rules}"
    found = config(kerberos(text)).listeners[0].sasl.kerberos
    assert found is not None
    assert (found.service_name, found.principal_to_local_rules) == ("broker", ("RULE:[2:$1](kafka)s/k/K/L", "DEFAULT"))


@pytest.mark.parametrize(
    ("sasl", "fault"),
    [
        ("{mechanisms: [GSSAPI]}", "GSSAPI needs the key 'kerberos' (our keytab and realm)"),
        (kerberos("realm: X"), "the key 'keytab' is missing"),
        (kerberos("keytab: k"), "the key 'realm' is missing"),
        (
            kerberos('keytab: k, realm: X, principal_to_local_rules: ["RULE:[1:$3]"]'),
            "in the rule 'RULE:[1:$3]', '$3' is none of $0 to $1",
        ),
    ],
)
def test_a_fault_of_kerberos_is_told(sasl: str, fault: str):
    assert faults(sasl) == [fault]


def test_kerberos_without_its_package_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("proxy.config.extras.find_spec", lambda _name: None)
    (fault,) = faults(kerberos("keytab: k, realm: X"))
    assert fault == "the package gssapi is not installed (pip install 'kafka-doorkeeper[kerberos]')"
