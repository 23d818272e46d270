"""`trusted_forwarders:`, who may speak for others: only whoever proves by a certificate who it is."""

from pathlib import Path

import pytest

from policies.model import Principal
from proxy.config import Config, InvalidDocument, parse_config
from proxy.config.model import Limits

TEXT = """\
cluster: {{bootstrap_servers: [kafka:9092]}}
listeners:
  - name: doors
    bind: 0.0.0.0:9093
    advertise: kafka.example.com
    brokers: {{first_port: 9101, node_ids: 1-9}}
    security_protocol: {protocol}
    {more}
    trusted_forwarders: {trusted}
users: users.yaml
policy: {{file: policy.yaml}}
limits: {{{limits}}}
"""
FILES = "certificate: c.pem, key: k.pem"
MTLS = f"tls: {{{FILES}, client_ca: ca.pem, client_auth: required}}"
SASL = "\n    sasl: {mechanisms: [PLAIN]}"


def config(
    trusted: str = "[User:CN=front]", protocol: str = "SSL", more: str = MTLS, limits: str = "max_in_flight: 5"
) -> Config:
    text = TEXT.format(protocol=protocol, more=more, trusted=trusted, limits=limits)
    return parse_config(text, Path("/etc/d.yaml"), {})


def faults(*arguments: str, **more: str) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        config(*arguments, **more)
    return [f"{fault.message} ({fault.hint})" for fault in caught.value.faults]


def test_those_whose_certificate_has_to_prove_them():
    found = config('[User:CN=front, "User:CN=far,O=Example"]').listeners[0].trusted_forwarders
    assert found == {Principal("User", "CN=front"), Principal("User", "CN=far,O=Example")}


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("PLAINTEXT", ""),
        ("SASL_PLAINTEXT", SASL.strip()),
        ("SASL_SSL", MTLS + SASL),
        ("SSL", f"tls: {{{FILES}}}"),
        ("SSL", f"tls: {{{FILES}, client_ca: ca.pem, client_auth: requested}}"),
        ("SSL", f"tls: {{{FILES}, client_ca: ca.pem, client_auth: none}}"),
    ],
)
def test_nobody_is_trusted_who_need_not_prove_it(protocol: str, more: str):
    (fault,) = faults(protocol=protocol, more=more)
    assert fault.startswith("trusted_forwarders needs certificates that prove who they are (security_protocol: SSL and")


@pytest.mark.parametrize("name", ["User:*", "User:ANONYMOUS", "Group:doors"])
def test_nor_everybody_or_nobody_in_particular(name: str):
    (fault,) = faults(f'["{name}"]')
    assert fault.startswith(f"{name} is nobody in particular")


def test_a_list_of_none_is_a_fault():
    assert faults("[]")
    (fault,) = faults("[front]")
    assert fault.endswith("found 'front' (did you mean 'User:front'?)")


@pytest.mark.parametrize("name", ["socket_request_max_bytes", "unauthenticated_request_max_bytes"])
def test_no_request_may_be_so_long_that_it_looks_like_a_header(name: str):
    most = int.from_bytes(b"\r\n\r\n", "big") - 1
    assert config(limits=f"{name}: {most}").limits == Limits(**{name: most})
    (fault,) = faults(limits=f"{name}: {most + 1}")
    assert str(most) in fault
