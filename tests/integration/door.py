"""A doorkeeper of its own process in front of a real Kafka, and the settings of its clients."""

from __future__ import annotations

import http.client
import secrets
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

from proxy.authentication.users_file import add_user
from proxy.embedded.network import LOOPBACK, free_port, free_range
from proxy.embedded.pki import CertificateAuthority
from proxy.embedded.process import ChildProcess
from tests.json_lines import records

ENOUGH_S = 30.0
STORE_PASSWORD = "store-password"
USERS = ("admin", "alice", "bob")
NODE_IDS = 5
PORT_PER_BROKER = {
    "sasl_ssl": "SASL_SSL",
    "ssl": "SSL",
    "ssl_requested": "SSL",
    "sasl_plaintext": "SASL_PLAINTEXT",
}

POLICY = """\
super_users: [User:admin]
policies:
  - name: alice-owns-a
    principals: [User:alice]
    allow: [Read, Write, Create, Delete, Describe, DescribeConfigs]
    topics: [a-*]
    consumer_groups: [a-*]
  - name: alice-transactions
    principals: [User:alice]
    allow: [Write, Describe]
    transactional_ids: [a-*]
  - name: bob-reads-a
    principals: [User:bob]
    allow: [Read]
    topics: [a-*]
    consumer_groups: [b-*]
  - name: all-of-c
    principals: [User:bob]
    allow: [All]
    topics: [c-*]
"""

_LISTENER = """\
  - name: {name}
    bind: 127.0.0.1:{port}
    advertise: {host}
    brokers: {brokers}
    security_protocol: {protocol}
"""


def eventually(what: Callable[[], Any], within_s: float = ENOUGH_S) -> Any:
    """Ask until the answer is true."""
    deadline = time.monotonic() + within_s
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return found


@dataclass
class Door:
    """One doorkeeper with listeners for SASL_SSL, SSL that requires or requests client certificates, SASL_PLAINTEXT,
    and SASL_SSL by SNI.
    """

    directory: Path
    cluster: str
    limits: str = ""
    authority: CertificateAuthority = field(init=False)
    ports: dict[str, int] = field(init=False)
    admin_port: int = field(init=False)
    process: ChildProcess = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.authority = CertificateAuthority.create()
        self.authority.write_pem(self.directory / "ca.pem")
        self.authority.write_trust_store(self.directory / "trust.p12", STORE_PASSWORD)
        names = [LOOPBACK, "localhost", *(f"b{n}.localhost" for n in range(NODE_IDS + 1))]
        self.authority.server(names).write_pem(self.directory / "server.pem", self.directory / "server.key")
        for user in USERS:
            add_user(self.directory / "users.yaml", user, f"{user}-password", secrets.randbits)
            identity = self.authority.client(user)
            identity.write_pem(self.directory / f"{user}.pem", self.directory / f"{user}.key")
            identity.write_key_store(self.directory / f"{user}.p12", STORE_PASSWORD)
        self.write_policy(POLICY)
        self._configure()
        command = [sys.executable, "-m", "proxy.cli", "run", "-c", str(self.directory / "doorkeeper.yaml")]
        self.process = ChildProcess("doorkeeper", command, self.directory / "doorkeeper.log")

    def _configure(self) -> None:
        self.ports = {}
        text = f"cluster: {{bootstrap_servers: [{', '.join(self.cluster.split(','))}]}}\nlisteners:\n"
        tls = "    tls: {certificate: server.pem, key: server.key"
        for name, protocol in PORT_PER_BROKER.items():
            port = self.ports[name] = free_range(NODE_IDS + 2)
            brokers = f"{{first_port: {port + 1}, node_ids: 1-{NODE_IDS}}}"
            text += _LISTENER.format(name=name, port=port, host=LOOPBACK, brokers=brokers, protocol=protocol)
            if protocol == "SSL":
                text += f"{tls}, client_ca: ca.pem, client_auth: {'required' if name == 'ssl' else 'requested'}}}\n"
                text += '    principal_mapping_rules: ["RULE:^CN=([^,]+).*$/$1/", DEFAULT]\n'
                continue
            if protocol == "SASL_SSL":
                text += f"{tls}}}\n"
            text += "    sasl: {mechanisms: [SCRAM-SHA-256, SCRAM-SHA-512, PLAIN]}\n"
        port = self.ports["sni"] = free_port()
        brokers = '{host: "b{node_id}.localhost"}'
        text += _LISTENER.format(name="sni", port=port, host="localhost", brokers=brokers, protocol="SASL_SSL")
        text += f"{tls}}}\n    sasl: {{mechanisms: [SCRAM-SHA-256]}}\n"
        self.admin_port = free_port()
        text += "users: users.yaml\npolicy: {file: policy.yaml}\naudit: {file: audit.jsonl}\n"
        text += f'admin: {{bind: "{LOOPBACK}:{self.admin_port}"}}\n{self.limits}'
        (self.directory / "doorkeeper.yaml").write_text(text)

    def write_policy(self, text: str) -> None:
        """Put another policy in the place of the file, whole at once."""
        new = self.directory / "policy.yaml.new"
        new.write_text(text)
        new.replace(self.directory / "policy.yaml")

    def start(self) -> Self:
        """Start it and wait until it is ready."""
        self.process.start()
        self.process.wait_until(self.is_ready, ENOUGH_S)
        return self

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def get(self, path: str) -> tuple[int, str]:
        """Ask the admin port."""
        connection = http.client.HTTPConnection(LOOPBACK, self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def counter(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def is_ready(self) -> bool:
        """Whether it says that it can serve."""
        try:
            return self.get("/readyz")[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def audited(self, event: str, **wanted: str | None) -> list[dict[str, Any]]:
        """The lines of the audit trail with these values."""
        told = records(self.directory / "audit.jsonl")
        return [r for r in told if r["event"] == event and all(r[key] == value for key, value in wanted.items())]

    def denials(self, **wanted: str | None) -> list[dict[str, Any]]:
        """The denials of the audit trail with these values."""
        return self.audited("authorization.denied", **wanted)

    def expect_denial(self, **wanted: str | None) -> dict[str, Any]:
        """Wait for a denial in the audit trail."""
        found: list[dict[str, Any]] = eventually(lambda: self.denials(**wanted))
        return found[-1]

    def expect_failed_login(self, **wanted: str | None) -> dict[str, Any]:
        """Wait for a failed authentication in the audit trail."""
        found: list[dict[str, Any]] = eventually(lambda: self.audited("authentication.failed", **wanted))
        return found[-1]

    def log(self) -> str:
        """What it logged."""
        return (self.directory / "doorkeeper.log").read_text()

    def bootstrap(self, listener: str) -> str:
        """Where clients connect."""
        return f"{'localhost' if listener == 'sni' else LOOPBACK}:{self.ports[listener]}"

    def librdkafka(
        self, user: str, listener: str = "sasl_ssl", mechanism: str = "SCRAM-SHA-256", **more: Any
    ) -> dict[str, Any]:
        """Settings for confluent-kafka."""
        settings: dict[str, Any] = {"bootstrap.servers": self.bootstrap(listener), "log_level": 0}
        if listener == "ssl":
            settings |= {
                "security.protocol": "SSL",
                "ssl.certificate.location": str(self.directory / f"{user}.pem"),
                "ssl.key.location": str(self.directory / f"{user}.key"),
            }
        else:
            settings |= {
                "security.protocol": "SASL_PLAINTEXT" if listener == "sasl_plaintext" else "SASL_SSL",
                "sasl.mechanism": mechanism,
                "sasl.username": user,
                "sasl.password": f"{user}-password",
            }
        if listener != "sasl_plaintext":
            settings["ssl.ca.location"] = str(self.directory / "ca.pem")
        return settings | more

    def python(self, user: str, listener: str = "sasl_ssl", mechanism: str = "SCRAM-SHA-256") -> dict[str, Any]:
        """Settings for kafka-python and aiokafka."""
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        settings: dict[str, Any] = {"bootstrap_servers": self.bootstrap(listener), "ssl_context": context}
        if listener == "ssl":
            context.load_cert_chain(self.directory / f"{user}.pem", self.directory / f"{user}.key")
            return settings | {"security_protocol": "SSL"}
        if listener == "sasl_plaintext":
            del settings["ssl_context"]
        return settings | {
            "security_protocol": "SASL_PLAINTEXT" if listener == "sasl_plaintext" else "SASL_SSL",
            "sasl_mechanism": mechanism,
            "sasl_plain_username": user,
            "sasl_plain_password": f"{user}-password",
        }

    def java(self, user: str, listener: str = "sasl_ssl", mechanism: str = "SCRAM-SHA-256") -> str:
        """A properties file for Kafka's own tools."""
        settings = {
            "ssl.truststore.location": str(self.directory / "trust.p12"),
            "ssl.truststore.type": "PKCS12",
            "ssl.truststore.password": STORE_PASSWORD,
            "security.protocol": {"ssl": "SSL", "sasl_plaintext": "SASL_PLAINTEXT"}.get(listener, "SASL_SSL"),
        }
        if listener == "ssl":
            settings |= {
                "ssl.keystore.location": str(self.directory / f"{user}.p12"),
                "ssl.keystore.type": "PKCS12",
                "ssl.keystore.password": STORE_PASSWORD,
                "ssl.key.password": STORE_PASSWORD,
            }
        else:
            module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
            settings |= {
                "sasl.mechanism": mechanism,
                "sasl.jaas.config": (
                    f'org.apache.kafka.common.security.{module} required username="{user}" password="{user}-password";'
                ),
            }
        path = self.directory / f"{user}-{listener}-{mechanism}.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return str(path)
