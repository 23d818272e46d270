"""`doorkeeper sidecar`: what its options become, and what it refuses."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import proxy.supervisor
from proxy.cli import main
from proxy.config import Config, PolicyMode, SecurityProtocol, warnings
from proxy.config.cluster_model import ClientCredentialsLogin, ClusterTls, KerberosLogin, PasswordLogin, TokenFileLogin
from proxy.config.model import PortOnDemandConfig


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Config]:
    """What would be served; nothing is."""
    configs: list[Config] = []
    monkeypatch.setattr(proxy.supervisor, "run", lambda config, _level: configs.append(config) or 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("pa${HOME}ss\n")
    return configs


def sidecar(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sidecar", "--bootstrap", "kafka-1:9093,kafka-2:9093", *arguments])


def config_of(served: list[Config], *arguments: str) -> Config:
    result = sidecar(*arguments)
    assert result.exit_code == 0, result.output
    return served.pop()


def test_scram_over_tls(served: list[Config], tmp_path: Path) -> None:
    login = ("--sasl", "SCRAM-SHA-256", "--username", "a,${b", "--password-file", "secret", "--ca", "ca.pem")
    config = config_of(served, *login)
    cluster = config.cluster
    assert cluster.bootstrap_servers == (("kafka-1", 9093), ("kafka-2", 9093))
    assert cluster.security_protocol is SecurityProtocol.SASL_SSL
    assert cluster.tls == ClusterTls(ca=tmp_path / "ca.pem")
    assert isinstance(cluster.login, PasswordLogin)
    assert (cluster.login.username, cluster.login.password.reveal()) == ("a,${b", "pa${HOME}ss")
    (listener,) = config.listeners
    assert (listener.bind, listener.advertise) == (("127.0.0.1", 9092), "127.0.0.1")
    assert listener.brokers == PortOnDemandConfig(9093)
    assert listener.security_protocol is SecurityProtocol.PLAINTEXT
    assert config.policy.mode is PolicyMode.OFF
    assert (config.users, config.admin, config.workers) == (None, None, 1)


@pytest.mark.parametrize(
    ("arguments", "protocol"),
    [
        ((), SecurityProtocol.SSL),
        (("--no-tls",), SecurityProtocol.PLAINTEXT),
        (("--no-tls", *("--sasl", "OAUTHBEARER", "--token-file", "t")), SecurityProtocol.SASL_PLAINTEXT),
    ],
)
def test_tls_is_spoken_unless_told_otherwise(served: list[Config], arguments: tuple[str, ...], protocol) -> None:
    assert config_of(served, *arguments).cluster.security_protocol is protocol


def test_tokens(served: list[Config], tmp_path: Path) -> None:
    assert config_of(served, "--sasl", "OAUTHBEARER", "--token-file", "t").cluster.login == TokenFileLogin(
        tmp_path / "t"
    )
    issuer = ("--token-endpoint", "https://issuer/t", "--client-id", "c", "--client-secret-file", "secret")
    found = config_of(served, "--sasl", "OAUTHBEARER", *issuer, "--scope", "s").cluster.login
    assert isinstance(found, ClientCredentialsLogin)
    assert (found.token_endpoint, found.client_id, found.scope) == ("https://issuer/t", "c", "s")


@pytest.mark.usefixtures("extras_installed")
def test_kerberos(served: list[Config], tmp_path: Path) -> None:
    assert config_of(served, "--sasl", "GSSAPI").cluster.login == KerberosLogin()
    ours = ("--keytab", "k", "--principal", "app@X", "--service-name", "broker")
    assert config_of(served, "--sasl", "GSSAPI", *ours).cluster.login == KerberosLogin(
        "broker", tmp_path / "k", "app@X"
    )


def test_everything_else(served: list[Config], tmp_path: Path) -> None:
    (tmp_path / "c.pem").touch()
    config = config_of(
        *(served, "--certificate", "c.pem", "--key", "k.pem", "--server-name", "kafka.example.com"),
        *("--bind", "0.0.0.0:19092", "--advertise", "sidecar", "--first-port", "20000", "--allow-unauthenticated"),
        *("--admin", "127.0.0.1:9470"),
    )
    tls = ClusterTls(None, tmp_path / "c.pem", tmp_path / "k.pem", None, "kafka.example.com")
    assert config.cluster.tls == tls
    (listener,) = config.listeners
    assert (listener.advertise, listener.brokers) == ("sidecar", PortOnDemandConfig(20000))
    assert config.admin is not None
    assert any("speaks to the brokers in our name" in warning.message for warning in warnings(config))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--sasl", "PLAIN", "--username", "u"), "PLAIN needs the key 'password'"),
        (("--username", "u"), "sasl has no effect with SSL"),
        (("--sasl", "GSSAPI", "--keytab", "k"), "keytab has no effect without principal"),
        (("--no-tls", "--ca", "ca.pem"), "tls has no effect with PLAINTEXT"),
        (("--bind", "0.0.0.0:9092", "--advertise", "h"), "would speak to the brokers in our name"),
        (("--bind", "0.0.0.0:9092", "--advertise", "h"), "--allow-unauthenticated"),
        (("--bind", "9092"), "expected host:port"),
        (("--sasl", "PLAIN", "--username", "u", "--password-file", "missing"), "No such file"),
        (("--sasl", "NTLM"), "SCRAM-SHA-256"),
    ],
)
@pytest.mark.usefixtures("extras_installed")
def test_what_it_refuses(served: list[Config], arguments: tuple[str, ...], told: str) -> None:
    result = sidecar(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert served == []
