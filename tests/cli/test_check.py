"""`doorkeeper check` says before the start what clients would stumble over, all of it at once."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.cli import main

DAY = dt.timedelta(days=1)
CONFIG = """\
cluster: {bootstrap_servers: [kafka:9092]}
listeners:
  - name: clients
    bind: 127.0.0.1:9093
    advertise: kafka.example.com
    brokers: {first_port: 9101, node_ids: 1-3}
    security_protocol: SSL
    tls: {certificate: server.pem, key: server.key}
policy: {file: policy.yaml}
"""
BY_NAME = CONFIG.replace("{first_port: 9101, node_ids: 1-3}", '{host: "b{node_id}.kafka.example.com"}')
POLICY = 'policies: [{name: all, principals: ["*"], allow: [All], topics: ["*"]}]\n'
_KEY = ec.generate_private_key(ec.SECP256R1())


def write_certificate(
    folder: Path,
    names: Sequence[str] = ("kafka.example.com",),
    *,
    begins: dt.timedelta = -DAY,
    ends: dt.timedelta = 365 * DAY,
    usage: x509.ObjectIdentifier | None = None,
    password: str | None = None,
) -> None:
    """A self-signed certificate and its key; `names` with only digits and dots are addresses."""
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka.example.com")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    certificate = builder.sign(_KEY, hashes.SHA256())
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    (folder / "server.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "server.key").write_bytes(_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    write_certificate(tmp_path)
    return tmp_path


def check(folder: Path, config: str = CONFIG) -> Result:
    (folder / "doorkeeper.yaml").write_text(config)
    return CliRunner().invoke(main, ["check", "-c", str(folder / "doorkeeper.yaml")])


def told(result: Result, folder: Path) -> list[str]:
    return [line.replace(f"{folder}/", "") for line in result.stderr.splitlines()]


def test_a_right_configuration_is_fine_without_a_word_more(folder: Path):
    result = check(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{folder / 'doorkeeper.yaml'}: fine\n"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), "none"),
        (("other.example.com",), "other.example.com"),
        (("example.com", "*.com"), "example.com, *.com"),
        (("*.kafka.example.com",), "*.kafka.example.com"),
    ],
)
def test_a_name_that_the_certificate_does_not_cover_is_told(folder: Path, names: tuple[str, ...], found: str):
    write_certificate(folder, names)
    result = check(folder)
    assert result.exit_code == 2
    assert told(result, folder) == [
        (
            "error: doorkeeper.yaml:8:24: the certificate does not cover the advertised name 'kafka.example.com'; "
            f"its alternative names are: {found} (issue it with that name among its subject alternative names)"
        )
    ]


@pytest.mark.parametrize("name", ["KAFKA.example.com", "*.example.com"])
def test_names_are_compared_as_clients_do(folder: Path, name: str):
    write_certificate(folder, [name])
    assert check(folder).exit_code == 0


def test_an_advertised_address_must_be_there_as_an_address(folder: Path):
    config = CONFIG.replace("kafka.example.com", "10.0.0.5")
    write_certificate(folder, ["10.0.0.6", "*.0.0.5"])
    assert check(folder, config).exit_code == 2
    write_certificate(folder, ["10.0.0.5"])
    assert check(folder, config).exit_code == 0


def test_names_of_brokers_are_covered_by_a_wildcard(folder: Path):
    write_certificate(folder, ["kafka.example.com", "*.kafka.example.com"])
    result = check(folder, BY_NAME)
    assert (result.exit_code, result.stderr) == (0, "")


def test_names_of_brokers_that_nothing_covers_are_told(folder: Path):
    result = check(folder, BY_NAME)
    assert result.exit_code == 2
    assert "does not cover the advertised name 'b{node_id}.kafka.example.com'" in result.stderr


def test_names_of_brokers_one_by_one_are_right_but_deserve_a_second_look(folder: Path):
    write_certificate(folder, ["kafka.example.com", *(f"b{n}.kafka.example.com" for n in (10, 2, 1))])
    result = check(folder, BY_NAME)
    assert result.exit_code == 0
    assert told(result, folder) == [
        (
            "warning: doorkeeper.yaml:8:24: of the names 'b{node_id}.kafka.example.com' "
            "the certificate covers only brokers 1, 2, 10"
        )
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "message"),
    [(-2 * DAY, -DAY, "the certificate expired at"), (DAY, 2 * DAY, "the certificate is not valid before")],
)
def test_a_certificate_out_of_its_time_is_told(folder: Path, begins: dt.timedelta, ends: dt.timedelta, message: str):
    write_certificate(folder, begins=begins, ends=ends)
    result = check(folder)
    assert result.exit_code == 2
    assert f"doorkeeper.yaml:8:24: {message}" in result.stderr


def test_a_certificate_that_expires_soon_is_a_warning(folder: Path):
    write_certificate(folder, ends=20 * DAY)
    result = check(folder)
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "the certificate expires at" in result.stderr


@pytest.mark.parametrize(("usage", "code"), [("CLIENT_AUTH", 2), ("SERVER_AUTH", 0), ("ANY_EXTENDED_KEY_USAGE", 0)])
def test_a_certificate_must_be_one_of_a_server(folder: Path, usage: str, code: int):
    write_certificate(folder, usage=getattr(ExtendedKeyUsageOID, usage))
    result = check(folder)
    assert result.exit_code == code
    assert ("is not one of a server" in result.stderr) == bool(code)


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
def test_files_that_are_missing_or_nonsense_are_told_and_nothing_crashes(folder: Path, name: str):
    (folder / name).write_text("nonsense")
    result = check(folder)
    assert result.exit_code == 2
    assert f"{name}:1:1: is not a" in result.stderr
    (folder / name).unlink()
    assert f"{name}:1:1: cannot be read: No such file or directory" in check(folder).stderr


def test_a_key_behind_a_password(folder: Path):
    write_certificate(folder, password="hunter2")
    assert check(folder).exit_code == 2
    with_password = CONFIG.replace("key: server.key", "key: server.key, key_password: {file: password}")
    (folder / "password").write_text("hunter2\n")
    assert check(folder, with_password).exit_code == 0
    (folder / "password").write_text("wrong\n")
    result = check(folder, with_password)
    assert result.exit_code == 2
    assert "server.key:1:1: " in result.stderr
    assert "wrong" not in result.stderr


def test_everything_is_told_at_once(folder: Path):
    write_certificate(folder, ["other"], begins=-2 * DAY, ends=-DAY)
    (folder / "policy.yaml").write_text(POLICY.replace("topics", "topcs"))
    second = CONFIG[CONFIG.index("  - name") : CONFIG.index("policy:")]
    second = (
        second.replace("clients", "others").replace("9093", "9193").replace("9101", "9201").replace("server.", "no.")
    )
    result = check(folder, CONFIG.replace("policy:", second + "policy:"))
    assert result.exit_code == 2
    for fault in ("expired at", "does not cover", "unknown key 'topcs'", "no.pem:1:1: cannot be read"):
        assert fault in result.stderr


def test_risky_settings_are_warnings(folder: Path):
    result = check(folder, CONFIG.replace("{file: policy.yaml}", "{mode: off}"))
    assert result.exit_code == 0
    assert told(result, folder) == ["warning: doorkeeper.yaml:9:9: the policy is off: every client may do everything"]
