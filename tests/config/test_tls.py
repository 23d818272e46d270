"""What a listener's `tls:` may say, and what it may not."""

from pathlib import Path

import pytest

from proxy.config import ClientAuth, Config, InvalidDocument, TlsConfig, parse_config
from proxy.config.model import PrincipalSource
from proxy.config.secret import Secret

TEXT = """\
cluster: {{bootstrap_servers: [kafka:9092]}}
listeners:
  - name: clients
    bind: 127.0.0.1:9093
    advertise: kafka.example.com
    brokers: {{first_port: 9101, node_ids: 1-50}}
    security_protocol: {protocol}
    tls: {{{tls}}}
    {more}
policy: {{mode: "off"}}
"""
PEM = "certificate: a.pem, key: a.key"
STORE = "keystore: a.p12, keystore_password: secret"


def config(tls: str, more: str = "", protocol: str = "SSL") -> Config:
    return parse_config(TEXT.format(tls=tls, more=more, protocol=protocol), Path("/etc/d.yaml"), {})


def faults(tls: str, more: str = "", protocol: str = "SSL") -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        config(tls, more, protocol)
    return [str(fault).partition(": ")[2] for fault in caught.value.faults]


def test_stores_may_stand_for_files():
    text = (
        f"{STORE}, key_password: k, truststore: t.jks, truststore_password: t, client_crl: c.pem, client_auth: required"
    )
    store = Path("/etc/a.p12")
    assert config(text).listeners[0].tls == TlsConfig(
        certificate=store,
        key=store,
        key_password=Secret("k"),
        keystore_password=Secret("secret"),
        client_ca=Path("/etc/t.jks"),
        truststore_password=Secret("t"),
        client_crl=Path("/etc/c.pem"),
        client_auth=ClientAuth.REQUIRED,
    )


@pytest.mark.parametrize("source", list(PrincipalSource))
def test_a_client_may_be_known_by_other_names_than_its_subject(source: PrincipalSource):
    assert config(PEM).listeners[0].principal_source is PrincipalSource.SUBJECT
    listener = config(PEM, f"principal_source: {source.value}").listeners[0]
    assert listener.principal_source is source


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ("key: a.key", ["the key 'certificate' is missing"]),
        ("certificate: a.pem", ["the key 'key' is missing"]),
        ("keystore: a.p12", ["keystore needs keystore_password"]),
        (f"{PEM}, keystore_password: x", ["keystore_password has no effect without keystore"]),
        (f"{STORE}, key: a.key", ["key and keystore exclude each other"]),
        (f"{PEM}, truststore: t.p12", ["truststore needs truststore_password"]),
        (
            f"{PEM}, client_ca: c.pem, truststore: t.p12, truststore_password: x",
            ["client_ca and truststore exclude each other"],
        ),
        (f"{PEM}, client_crl: c.pem", ["client_crl has no effect without client_ca"]),
        (
            f"{PEM}, client_auth: required",
            ["client_auth required needs client_ca (the authorities that sign your clients' certificates)"],
        ),
    ],
)
def test_a_fault_is_told(tls: str, told: list[str]):
    assert faults(tls) == told


def test_a_source_that_nobody_asks_is_a_fault():
    told = faults(PEM, "principal_source: spiffe", protocol="SASL_SSL")
    assert "principal_source has no effect with SASL_SSL (only with SSL)" in told
