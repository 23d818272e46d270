"""What `cluster:` may say of brokers that have security of their own, and who may use our login there."""

from pathlib import Path

import pytest

from proxy.config import Config, InvalidDocument, SecurityProtocol, parse_config, warnings
from proxy.config.cluster_model import (
    ClientCredentialsLogin,
    ClusterTls,
    KerberosLogin,
    PasswordLogin,
    TokenFileLogin,
)
from proxy.config.model import PortOnDemandConfig

TEXT = """\
cluster: {{bootstrap_servers: [{server}], {cluster}}}
listeners:
  - name: local
    bind: {bind}
    advertise: localhost
    brokers: {{first_port: 9101, node_ids: {node_ids}}}
    security_protocol: PLAINTEXT
    {more}
policy: {{mode: "off"}}
workers: {workers}
"""
FOLDER = Path("/etc/doorkeeper")
SCRAM = "sasl: {mechanism: SCRAM-SHA-256, username: door, password: secret}"
ISSUER = "token_endpoint: https://issuer/token, client_id: door"


def config(
    cluster: str,
    *,
    bind: str = "127.0.0.1:9092",
    node_ids: str = "auto",
    more: str = "",
    workers: int = 1,
    server: str = "kafka:9093",
    environment: dict[str, str] | None = None,
) -> Config:
    text = TEXT.format(cluster=cluster, bind=bind, node_ids=node_ids, more=more, workers=workers, server=server)
    return parse_config(text, FOLDER / "d.yaml", environment or {})


def faults(cluster: str, **more: object) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        config(cluster, **more)
    return [fault.message for fault in caught.value.faults]


def test_tls_alone():
    found = config("security_protocol: SSL").cluster
    assert (found.security_protocol, found.tls, found.login) == (SecurityProtocol.SSL, ClusterTls(), None)


def test_everything_of_tls():
    found = config(
        "security_protocol: SSL, tls: {ca: ca.pem, certificate: c.pem, key: k.pem, key_password: p, server_name: b}"
    ).cluster.tls
    assert found is not None
    assert (found.ca, found.certificate, found.key) == (FOLDER / "ca.pem", FOLDER / "c.pem", FOLDER / "k.pem")
    assert found.key_password is not None
    assert (found.key_password.reveal(), found.server_name, found.endpoint_identification) == ("p", "b", True)


def test_names_are_checked_unless_somebody_says_so_and_that_is_loud():
    lax = config("security_protocol: SSL, tls: {endpoint_identification: false}")
    assert lax.cluster.tls == ClusterTls(endpoint_identification=False)
    assert any("names are not checked" in warning.message for warning in warnings(lax))
    assert not any("names" in warning.message for warning in warnings(config("security_protocol: SSL")))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_from_the_environment(mechanism):
    sasl = f'sasl: {{mechanism: {mechanism}, username: door, password: "${{P}}"}}'
    found = config(f"security_protocol: SASL_SSL, {sasl}", environment={"P": "s3cret"}).cluster.login
    assert isinstance(found, PasswordLogin)
    assert (found.mechanism, found.username, found.password.reveal()) == (mechanism, "door", "s3cret")
    assert "s3cret" not in repr(found)


def test_a_token_file():
    found = config("security_protocol: SASL_SSL, sasl: {mechanism: OAUTHBEARER, token_file: t}").cluster.login
    assert found == TokenFileLogin(FOLDER / "t")


def test_client_credentials():
    more = "client_secret: s, scope: kafka, token_endpoint_ca: ca.pem"
    found = config(f"security_protocol: SASL_SSL, sasl: {{mechanism: OAUTHBEARER, {ISSUER}, {more}}}").cluster.login
    assert isinstance(found, ClientCredentialsLogin)
    assert (found.token_endpoint, found.client_id, found.scope) == ("https://issuer/token", "door", "kafka")
    assert (found.client_secret.reveal(), found.token_endpoint_ca) == ("s", FOLDER / "ca.pem")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", KerberosLogin()),
        (", kerberos: {}", KerberosLogin()),
        (
            ", kerberos: {service_name: broker, keytab: k, principal: door@X}",
            KerberosLogin("broker", FOLDER / "k", "door@X"),
        ),
    ],
)
@pytest.mark.usefixtures("extras_installed")
def test_kerberos(settings, expected):
    assert config(f"security_protocol: SASL_SSL, sasl: {{mechanism: GSSAPI{settings}}}").cluster.login == expected


def test_kerberos_without_its_package_is_told(monkeypatch):
    monkeypatch.setattr("proxy.config.extras.find_spec", lambda _name: None)
    (message,) = faults("security_protocol: SASL_SSL, sasl: {mechanism: GSSAPI}")
    assert message == "the package gssapi is not installed"


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        (SCRAM, "sasl has no effect with PLAINTEXT towards the brokers"),
        (f"security_protocol: SSL, {SCRAM}", "sasl has no effect with SSL towards the brokers"),
        ("tls: {ca: ca.pem}", "tls has no effect with PLAINTEXT towards the brokers"),
        (f"security_protocol: SASL_PLAINTEXT, tls: {{}}, {SCRAM}", "tls has no effect with SASL_PLAINTEXT towards"),
        ("security_protocol: SASL_SSL", "SASL_SSL towards the brokers needs the key 'sasl'"),
        ("security_protocol: SASL_SSL, sasl: {mechanism: PLAIN, username: u}", "PLAIN needs the key 'password'"),
        ("security_protocol: SASL_SSL, sasl: {mechanism: OAUTHBEARER}", "expected one of token_file and token_end"),
        (
            f"security_protocol: SASL_SSL, sasl: {{mechanism: OAUTHBEARER, {ISSUER}}}",
            "OAUTHBEARER needs the key 'client_secret'",
        ),
        (
            "security_protocol: SASL_SSL, sasl: {mechanism: OAUTHBEARER, token_file: t, scope: s}",
            "scope and token_file exclude each other",
        ),
        (
            "security_protocol: SASL_SSL, sasl: {mechanism: PLAIN, username: u, password: p, token_file: t}",
            "token_file has no effect with PLAIN",
        ),
        (
            f"security_protocol: SASL_SSL, sasl: {{mechanism: OAUTHBEARER, client_secret: s, {ISSUER}}}".replace(
                "https", "http"
            ),
            "expected an https address, found 'http://issuer/token'",
        ),
        (
            "security_protocol: SASL_SSL, sasl: {mechanism: PLAIN, username: u, password: p, kerberos: {}}",
            "kerberos has no effect with PLAIN",
        ),
        ("security_protocol: SASL_SSL, sasl: {mechanism: GSSAPI, username: u}", "username has no effect with GSSAPI"),
        (
            "security_protocol: SASL_SSL, sasl: {mechanism: GSSAPI, kerberos: {keytab: k}}",
            "keytab has no effect without principal",
        ),
        (
            "security_protocol: SASL_SSL, sasl: {mechanism: GSSAPI, kerberos: {principal: p@X}}",
            "principal has no effect without keytab",
        ),
        ("security_protocol: SSL, tls: {certificate: c.pem}", "certificate has no effect without key"),
        ("security_protocol: SSL, tls: {key: c.pem}", "key has no effect without certificate"),
        (
            "security_protocol: SSL, tls: {server_name: b, endpoint_identification: false}",
            "server_name has no effect without endpoint_identification",
        ),
    ],
)
@pytest.mark.usefixtures("extras_installed")
def test_what_contradicts_itself_is_a_fault(cluster, expected):
    with pytest.raises(InvalidDocument) as caught:
        config(cluster)
    (fault,) = caught.value.faults
    assert fault.message.startswith(expected)


def test_a_mechanism_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(InvalidDocument) as caught:
        config("security_protocol: SASL_SSL, sasl: {mechanism: SCRAM-SHA-1}")
    assert "SCRAM-SHA-256" in str(caught.value.faults[0])


def test_our_login_is_for_this_machine_alone():
    secured = f"security_protocol: SASL_SSL, {SCRAM}"
    for bind in ("127.0.0.1:9092", '"[::1]:9092"', "localhost:9092"):
        assert config(secured, bind=bind)
    (message,) = faults(secured, bind="0.0.0.0:9092")
    assert message == "whoever reaches the listener 'local' would speak to the brokers in our name"
    assert config("", bind="0.0.0.0:9092").listeners[0].anonymous


def test_unless_somebody_says_so_and_that_is_loud():
    opened = config(f"security_protocol: SASL_SSL, {SCRAM}", bind="0.0.0.0:9092", more="allow_unauthenticated: true")
    assert any("speaks to the brokers in our name" in warning.message for warning in warnings(opened))


@pytest.mark.parametrize(
    ("server", "sasl", "told"),
    [
        ("kafka:9092", "{mechanism: PLAIN, username: u, password: p}", "our password or token goes"),
        ("kafka:9092", "{mechanism: SCRAM-SHA-256, username: u, password: p}", "everything but our password goes"),
        ("kafka:9092", "{mechanism: GSSAPI}", "everything but our password goes"),
        ("127.0.0.1:9092", "{mechanism: PLAIN, username: u, password: p}", None),
    ],
)
@pytest.mark.usefixtures("extras_installed")
def test_what_goes_in_clear_text_is_told(server, sasl, told):
    found = warnings(config(f"security_protocol: SASL_PLAINTEXT, sasl: {sasl}", server=server))
    in_clear = [warning.message for warning in found if "clear text" in warning.message]
    assert [message.partition(" to the brokers")[0] for message in in_clear] == ([told] if told else [])


MTLS = "security_protocol: SSL, tls: {certificate: c.pem, key: k.pem}"


def test_the_next_doorkeeper_is_told_of_clients_only_if_it_knows_us():
    assert config(f"{MTLS}, forward_principal: true").cluster.forward_principal
    assert not config(MTLS).cluster.forward_principal
    assert not config("forward_principal: false").cluster.forward_principal


@pytest.mark.parametrize(
    "cluster",
    [
        "forward_principal: true",
        "security_protocol: SSL, forward_principal: true",
        "security_protocol: SSL, tls: {ca: ca.pem}, forward_principal: true",
        f"security_protocol: SASL_SSL, tls: {{certificate: c.pem, key: k.pem}}, {SCRAM}, forward_principal: true",
        f"security_protocol: SASL_PLAINTEXT, {SCRAM}, forward_principal: true",
    ],
)
def test_no_name_is_told_to_who_cannot_know_us(cluster):
    assert faults(cluster) == ["forward_principal needs a certificate that proves us"]


def test_who_passes_names_on_lends_its_own_to_nobody():
    opened = config(f"{MTLS}, forward_principal: true", bind="0.0.0.0:9092")
    assert not any("in our name" in warning.message for warning in warnings(opened))


def test_ports_on_demand():
    assert config("").listeners[0].brokers == PortOnDemandConfig(9101)
    (message,) = faults("", workers=2)
    assert message == "node_ids: auto needs one worker, found 2"
    assert faults("", bind="127.0.0.1:9101")[0].startswith("port 9101 of the brokers of listener 'local' is already")
