"""What a right `doorkeeper.yaml` means."""

import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from policies.model import Principal
from proxy.config import (
    AdminConfig,
    AuditConfig,
    ClientAuth,
    Config,
    HostPerBrokerConfig,
    Limits,
    PolicyMode,
    PortPerBrokerConfig,
    SecurityProtocol,
    load_config,
    parse_config,
    warnings,
)

FULL = """
cluster:
  bootstrap_servers: [10.0.0.11:9092, "[2001:db8::1]:9092"]
  security_protocol: PLAINTEXT
  version: 0.9.0
listeners:
  - name: clients
    bind: 0.0.0.0:9093
    advertise: kafka.example.com
    brokers: {first_port: 9101, node_ids: 1-50}
    security_protocol: SASL_SSL
    tls: {certificate: tls/server.pem, key: tls/server.key, client_ca: tls/clients.pem, client_auth: none}
    principal_mapping_rules: ["RULE:^CN=([^,]+),.*$/$1/L", DEFAULT]
    sasl: {mechanisms: [SCRAM-SHA-256, SCRAM-SHA-512, PLAIN]}
  - name: by-sni
    bind: 0.0.0.0:9443
    advertise: kafka.example.com
    brokers: {host: "b{node_id}.kafka.example.com"}
    security_protocol: SSL
    tls: {certificate: /etc/server.pem, key: /etc/server.key, client_ca: ca.pem, client_auth: required}
  - name: local
    bind: 127.0.0.1:9092
    advertise: localhost
    brokers: {first_port: 9201, node_ids: "1-3,7"}
    security_protocol: PLAINTEXT
    principal: User:app
users: users.yaml
policy: {file: policy.yaml, mode: observe}
admin: {bind: 127.0.0.1:9470}
audit: {file: audit.jsonl, grants: true}
workers: 2
limits: {max_in_flight: 10, failed_authentication_delay_ms: 0}
"""

MINIMAL = """
cluster: {{bootstrap_servers: [kafka:9092]}}
listeners:
  - name: plain
    bind: 127.0.0.1:9092
    advertise: localhost
    brokers: {{first_port: 9101, node_ids: {node_ids}}}
    security_protocol: PLAINTEXT
policy: {{mode: off}}
"""


def parse(text: str, **environment: str) -> Config:
    return parse_config(text, Path("/etc/doorkeeper/doorkeeper.yaml"), environment)


def node_ids(text: str) -> tuple[int, ...]:
    brokers = parse(MINIMAL.format(node_ids=text)).listeners[0].brokers
    assert isinstance(brokers, PortPerBrokerConfig)
    return brokers.node_ids


def test_cluster_is_read_as_addresses():
    cluster = parse(FULL).cluster
    assert cluster.bootstrap_servers == (("10.0.0.11", 9092), ("2001:db8::1", 9092))
    assert cluster.security_protocol is SecurityProtocol.PLAINTEXT
    assert cluster.version == "0.9.0"


def test_listener_with_a_port_per_broker():
    listener = parse(FULL).listeners[0]
    assert (listener.name, listener.bind, listener.advertise) == ("clients", ("0.0.0.0", 9093), "kafka.example.com")
    assert listener.brokers == PortPerBrokerConfig(9101, tuple(range(1, 51)))
    assert listener.security_protocol is SecurityProtocol.SASL_SSL
    assert listener.sasl.mechanisms == ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")
    assert listener.principal_mapping_rules == ("RULE:^CN=([^,]+),.*$/$1/L", "DEFAULT")
    assert listener.advertised_names() == ("kafka.example.com",)


def test_how_long_a_client_is_known():
    assert parse(FULL).listeners[0].sasl.max_reauth_ms == 0
    bounded = FULL.replace("SCRAM-SHA-512, PLAIN]}", "SCRAM-SHA-512, PLAIN], max_reauth_ms: 60000}")
    assert parse(bounded).listeners[0].sasl.max_reauth_ms == 60_000


def test_load_balancers_in_front():
    assert parse(FULL).listeners[0].balancers == ()
    text = FULL.replace(
        "SCRAM-SHA-512, PLAIN]}", "SCRAM-SHA-512, PLAIN]}\n    proxy_protocol: {from: [10.0.0.0/8, '::1']}"
    )
    assert parse(text).listeners[0].balancers == (ip_network("10.0.0.0/8"), ip_network("::1"))


def test_listener_with_a_host_per_broker():
    listener = parse(FULL).listeners[1]
    assert listener.brokers == HostPerBrokerConfig("b{node_id}.kafka.example.com")
    assert listener.advertised_names() == ("kafka.example.com", "b{node_id}.kafka.example.com")
    assert listener.tls is not None
    assert listener.tls.client_auth is ClientAuth.REQUIRED


def test_paths_start_at_the_folder_of_the_file_unless_they_are_absolute():
    config = parse(FULL)
    first, second = (listener.tls for listener in config.listeners[:2])
    assert first is not None
    assert second is not None
    assert first.certificate == Path("/etc/doorkeeper/tls/server.pem")
    assert second.certificate == Path("/etc/server.pem")
    assert config.users == Path("/etc/doorkeeper/users.yaml")
    assert config.policy.file == Path("/etc/doorkeeper/policy.yaml")
    assert config.audit == AuditConfig(Path("/etc/doorkeeper/audit.jsonl"), grants=True)


def test_the_other_sections():
    config = parse(FULL)
    assert config.policy.mode is PolicyMode.OBSERVE
    assert config.admin == AdminConfig(("127.0.0.1", 9470))
    assert config.workers == 2
    assert config.limits == Limits(max_in_flight=10, failed_authentication_delay_ms=0)
    assert config.listeners[2].principal == Principal("User", "app")


def test_what_is_left_out_has_kafkas_defaults():
    config = parse(MINIMAL.format(node_ids="1-3"))
    assert config.cluster.version == "auto"
    assert config.listeners[0].principal == Principal("User", "ANONYMOUS")
    assert config.listeners[0].principal_mapping_rules == ("DEFAULT",)
    assert config.users is None
    assert config.admin is None
    assert config.audit.target == "-"
    assert config.limits.socket_request_max_bytes == 104_857_600
    assert config.limits.connections_max_idle_s == 600


def test_the_mode_left_out_is_enforce():
    assert parse(MINIMAL.format(node_ids=1).replace("mode: off", "file: p.yaml")).policy.mode is PolicyMode.ENFORCE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-3", (1, 2, 3)),
        ("0", (0,)),
        ('"1-3,7"', (1, 2, 3, 7)),
        ('"7, 1 - 3"', (1, 2, 3, 7)),
        ("[1-3, 7]", (1, 2, 3, 7)),
        ("[1001]", (1001,)),
    ],
)
def test_node_ids_may_be_a_range_a_list_or_one_number(text: str, expected: tuple[int, ...]):
    assert node_ids(text) == expected


@pytest.mark.parametrize("version", ["auto", "0.8.2", "0.8.2.2", "0.9", "1.1.1", "4.0"])
def test_versions_need_no_quotes(version: str):
    text = MINIMAL.format(node_ids=1).replace("[kafka:9092]", f"[kafka:9092], version: {version}")
    assert parse(text).cluster.version == version


def test_environment_variables_stand_for_any_value():
    text = FULL.replace("kafka.example.com", "${HOST}").replace("workers: 2", "workers: ${WORKERS}")
    text = text.replace("grants: true", 'grants: "${GRANTS}"').replace("0.0.0.0:9093", "0.0.0.0:${PORT}")
    config = parse(text, HOST="proxy.example.org", WORKERS="4", GRANTS="false", PORT="9999")
    assert config.listeners[0].advertise == "proxy.example.org"
    assert config.listeners[0].bind == ("0.0.0.0", 9999)
    assert config.listeners[1].brokers == HostPerBrokerConfig("b{node_id}.proxy.example.org")
    assert config.workers == 4
    assert config.audit.grants is False


def test_a_doubled_dollar_is_no_reference_and_a_mapping_rule_keeps_its_own():
    text = FULL.replace('"RULE:^CN=([^,]+),.*$/$1/L"', '"RULE:^CN=(a$${x}|[^,]+),.*$/$1/L"')
    with pytest.raises(Exception, match=r"\$\{x\}"):
        parse(text)
    assert parse(FULL).listeners[0].principal_mapping_rules[0] == "RULE:^CN=([^,]+),.*$/$1/L"


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n"])
def test_a_secret_may_come_from_a_file_of_its_own(tmp_path: Path, content: str):
    (tmp_path / "password").write_bytes(content.encode())
    text = FULL.replace("key: tls/server.key", "key: tls/server.key, key_password: {file: password}")
    (tmp_path / "doorkeeper.yaml").write_text(text)
    config = load_config(tmp_path / "doorkeeper.yaml", {})
    tls = config.listeners[0].tls
    assert tls is not None
    assert tls.key_password is not None
    assert tls.key_password.reveal() == "hunter2"
    assert "hunter2" not in repr(config)


def test_a_secret_may_come_from_the_environment_even_if_it_looks_like_a_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(os.environ, "KEY_PASSWORD", "0123")
    text = FULL.replace("key: tls/server.key", "key: tls/server.key, key_password: '${KEY_PASSWORD}'")
    (tmp_path / "doorkeeper.yaml").write_text(text)
    tls = load_config(tmp_path / "doorkeeper.yaml").listeners[0].tls
    assert tls is not None
    assert tls.key_password is not None
    assert tls.key_password.reveal() == "0123"


def test_the_config_remembers_where_a_setting_stands():
    fault = parse(FULL).fault("listeners.clients.tls.certificate", "the certificate is expired", "renew it")
    assert str(fault) == "/etc/doorkeeper/doorkeeper.yaml:12:24: the certificate is expired (renew it)"


def test_risky_settings_are_told_but_allowed():
    text = FULL.replace("127.0.0.1:9092", "0.0.0.0:9092").replace("127.0.0.1:9470", "0.0.0.0:9470")
    text = text.replace("    tls: {certificate: tls/server.pem", "    #").replace("SASL_SSL", "SASL_PLAINTEXT")
    assert [str(warning) for warning in warnings(parse(text))] == [
        "/etc/doorkeeper/doorkeeper.yaml:28:35: the policy is only observed: what it denies is told, but let through",
        (
            "/etc/doorkeeper/doorkeeper.yaml:29:15: the admin port has no authentication and can be reached from other "
            "machines (127.0.0.1, or a network of its own)"
        ),
        "/etc/doorkeeper/doorkeeper.yaml:14:11: PLAIN sends passwords in clear text over SASL_PLAINTEXT (SASL_SSL)",
        "/etc/doorkeeper/doorkeeper.yaml:26:16: whoever reaches listener 'local' is User:app (bind it to 127.0.0.1)",
    ]
    assert "the policy is off" in str(warnings(parse(MINIMAL.format(node_ids=1)))[0])
