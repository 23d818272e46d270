"""Certificates, users and policy are taken as one: all of them valid, or the faults of all of them."""

import os
import shutil
from pathlib import Path

import pytest

from policies.model import Operation, Principal, ResourceType
from policies.strict_yaml import InvalidDocument
from proxy.config import Config, parse_config
from proxy.embedded.pki import CertificateAuthority
from proxy.policy_source import FileSource

pytestmark = pytest.mark.usefixtures("extras_installed")

TEXT = """
cluster: {bootstrap_servers: [kafka:9092]}
listeners:
  - name: clients
    bind: 127.0.0.1:9093
    advertise: localhost
    brokers: {first_port: 9101, node_ids: 1-3}
    security_protocol: SASL_SSL
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem, client_auth: requested}
    principal_mapping_rules: ["RULE:^CN=([^,]+).*$/$1/", DEFAULT]
    sasl: {mechanisms: [PLAIN]}
users: users.yaml
policy: {file: policy.yaml, mode: enforce}
"""
USERS = "users:\n  alice:\n    SCRAM-SHA-256: salt=MTIz,stored_key={key},server_key={key},iterations=8192\n".format(
    key="A" * 43 + "="
)
POLICY = """\
policies:
  - name: alice-reads
    principals: [User:alice]
    allow: [Read]
    topics: [orders]
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = CertificateAuthority.create()
    authority.write_pem(folder / "ca.pem")
    authority.server(["localhost"]).write_pem(folder / "server.pem", folder / "server.key")
    authority.server(["localhost"]).write_pem(folder / "other.pem", folder / "other.key")
    return folder


@pytest.fixture
def folder(tmp_path: Path, certificates: Path) -> Path:
    """Everything that the config names, valid."""
    shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)
    (tmp_path / "users.yaml").write_text(USERS)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def config_in(folder: Path, text: str = TEXT) -> Config:
    return parse_config(text, folder / "doorkeeper.yaml", {})


def faults_in(folder: Path) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        FileSource(config_in(folder)).load(1)
    return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]


def test_all_parts_are_loaded(folder: Path):
    snapshot = FileSource(config_in(folder)).load(7)
    assert snapshot.generation == 7
    assert snapshot.users is not None
    assert snapshot.users.credential("alice", "SCRAM-SHA-256") is not None
    assert snapshot.mappings["clients"].name("CN=bob,O=x") == "bob"
    assert list(snapshot.tls) == ["clients"]
    assert snapshot.authorizer is not None
    assert snapshot.authorizer.generation == 7
    alice = Principal("User", "alice")
    decision = snapshot.authorizer.decide(alice, "127.0.0.1", Operation.READ, ResourceType.TOPIC, "orders")
    assert decision.allowed


def test_faults_of_all_files_are_told_together(folder: Path):
    (folder / "policy.yaml").write_text(POLICY.replace("topics", "topcs"))
    (folder / "users.yaml").write_text("user: {}\n")
    (folder / "server.key").unlink()
    faults = faults_in(folder)
    assert any(fault.startswith("policy.yaml:5:5: unknown key 'topcs'") for fault in faults)
    assert any(fault.startswith("users.yaml:1:1: unknown key 'user'") for fault in faults)
    assert any(fault.startswith("server.key:1:1: cannot be read: No such file") for fault in faults)


def test_a_key_of_another_certificate_is_told(folder: Path):
    (folder / "other.key").replace(folder / "server.key")
    (fault,) = faults_in(folder)
    assert fault.startswith("server.key:1:1: the key does not belong to the certificate")


@pytest.mark.parametrize("name", ["policy.yaml", "users.yaml"])
def test_files_that_are_missing_or_no_text_are_told(folder: Path, name: str):
    (folder / name).write_bytes(b"\xff\xfe")
    assert faults_in(folder) == [f"{name}:1:1: is not UTF-8 text"]
    (folder / name).unlink()
    assert faults_in(folder) == [f"{name}:1:1: cannot be read: No such file or directory"]


def test_with_the_policy_off_a_broken_policy_is_no_obstacle(folder: Path):
    (folder / "policy.yaml").write_text("nonsense")
    snapshot = FileSource(config_in(folder, TEXT.replace("mode: enforce", "mode: off"))).load(1)
    assert (snapshot.authorizer, snapshot.policy, snapshot.digest) == (None, None, "")


def test_the_digest_is_that_of_the_content(folder: Path):
    source = FileSource(config_in(folder))
    first = source.load(1).digest
    assert source.load(2).digest == first
    (folder / "policy.yaml").write_text(POLICY.replace("orders", "bills"))
    assert source.load(3).digest != first


@pytest.mark.parametrize("name", ["policy.yaml", "users.yaml", "server.pem", "server.key", "ca.pem"])
def test_the_fingerprint_notices_a_change_of_every_file(folder: Path, name: str):
    source = FileSource(config_in(folder))
    before = source.fingerprint()
    assert source.fingerprint() == before
    path = folder / name
    fresh = folder / "fresh"
    fresh.write_bytes(path.read_bytes())
    stat = path.stat()
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fresh.replace(path)  # same content, same times: another file all the same
    assert source.fingerprint() != before
    after = source.fingerprint()
    path.unlink()
    assert source.fingerprint() != after


def test_a_file_of_keys_that_is_none_is_told(folder: Path):
    issuer = "oauthbearer: {jwks_file: keys.json, expected_issuer: i}"
    text = TEXT.replace("{mechanisms: [PLAIN]}", f"{{mechanisms: [PLAIN, OAUTHBEARER], {issuer}}}")

    def faults() -> list[str]:
        with pytest.raises(InvalidDocument) as caught:
            FileSource(config_in(folder, text)).load(1)
        return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]

    assert faults() == ["keys.json:1:1: cannot be read: No such file or directory"]
    (folder / "keys.json").write_text('{"keys": []}')
    assert faults() == ["keys.json:1:1: the key set has no key that checks signatures"]


def test_files_of_mechanisms_that_are_missing_are_told(folder: Path):
    ldap = 'ldap: {urls: ["ldaps://a"], ca: ldap.pem, user_dn_template: "uid={username}"}'
    kerberos = "kerberos: {keytab: k.keytab, realm: EXAMPLE.COM}"
    text = TEXT.replace("{mechanisms: [PLAIN]}", f"{{mechanisms: [PLAIN, GSSAPI], {ldap}, {kerberos}}}")
    with pytest.raises(InvalidDocument) as caught:
        FileSource(config_in(folder, text)).load(1)
    assert {str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults} == {
        "ldap.pem:1:1: cannot be read: No such file or directory",
        "k.keytab:1:1: cannot be read: No such file or directory",
    }


UPSTREAM = """
cluster:
  bootstrap_servers: [kafka:9092]
  security_protocol: SSL
  tls: {ca: ca.pem, certificate: other.pem, key: other.key}
listeners:
  - name: local
    bind: 127.0.0.1:9093
    advertise: localhost
    brokers: {first_port: 9101, node_ids: auto}
    security_protocol: PLAINTEXT
policy: {mode: "off"}
"""


def test_what_brokers_are_trusted_by_is_loaded_and_watched_too(folder: Path) -> None:
    source = FileSource(config_in(folder, UPSTREAM))
    before = source.load(1)
    assert before.upstream is not None
    seen = source.fingerprint()
    for name in ("ca.pem", "other.pem", "other.key"):
        os.utime(folder / name, (1, 1))
        assert source.fingerprint() != seen
        seen = source.fingerprint()
    assert source.load(2).upstream is not before.upstream
    assert FileSource(config_in(folder)).load(1).upstream is None


def test_a_fault_in_what_brokers_are_trusted_by_is_told_with_the_others(folder: Path) -> None:
    (folder / "ca.pem").write_text("nothing")
    with pytest.raises(InvalidDocument) as caught:
        FileSource(config_in(folder, UPSTREAM)).load(1)
    assert [fault.message for fault in caught.value.faults] == ["holds no certificates in PEM form"]


def test_an_authority_of_the_token_issuer_that_is_not_there_is_a_fault(folder: Path) -> None:
    sasl = (
        "security_protocol: SASL_PLAINTEXT\n  sasl: {mechanism: OAUTHBEARER, token_endpoint: https://i, client_id: c, "
        "client_secret: s, token_endpoint_ca: missing.pem}"
    )
    text = UPSTREAM.replace("security_protocol: SSL\n  tls: {ca: ca.pem, certificate: other.pem, key: other.key}", sasl)
    with pytest.raises(InvalidDocument) as caught:
        FileSource(config_in(folder, text)).load(1)
    assert str(caught.value.faults[0]).startswith(str(folder / "missing.pem"))
