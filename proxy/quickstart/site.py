"""The files of the quickstart's doorkeeper: certificates, users, policy, configuration, and what its clients need."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from proxy.authentication.users_file import add_user
from proxy.embedded.jvm import write_properties
from proxy.embedded.network import LOOPBACK, free_port, is_free
from proxy.embedded.pki import CertificateAuthority

TOPIC = "orders"
GROUP = "quickstart"
USERS = ("alice", "bob")
MECHANISM = "SCRAM-SHA-256"

_WANTED_PORTS = {"bootstrap": 19092, "broker": 19101, "admin": 19470}
_STORE_PASSWORD = "quickstart"  # noqa: S105 - it guards a certificate that everybody may read

_POLICY = f"""\
# Who may do what, in the words of Kafka's ACLs. Change it while the doorkeeper runs: it is read again at once.
policies:
  - name: alice-writes-orders
    principals: [User:alice]
    allow: [Write]
    topics: [{TOPIC}]

  - name: alice-and-bob-read-orders
    principals: [User:alice, User:bob]
    allow: [Read]
    topics: [{TOPIC}]
    consumer_groups: [{GROUP}*]              # a trailing * makes it a prefix
"""

_CONFIGURATION = """\
cluster:
  bootstrap_servers: [{bootstrap_servers}]
listeners:
  - name: clients
    bind: {host}:{bootstrap}
    advertise: {host}
    brokers: {{first_port: {broker}, node_ids: 1-1}}
    security_protocol: SASL_SSL
    tls: {{certificate: tls/server.pem, key: tls/server.key}}
    sasl: {{mechanisms: [SCRAM-SHA-256, SCRAM-SHA-512, PLAIN]}}
users: users.yaml
policy: {{file: policy.yaml}}
admin: {{bind: "{host}:{admin}"}}
audit: {{file: audit.jsonl}}
"""


@dataclass(frozen=True)
class Site:
    """A directory with everything that a doorkeeper and its clients need."""

    directory: Path

    @cached_property
    def ports(self) -> Mapping[str, int]:
        """The ports of the bootstrap address, of the broker's address, and of the admin pages."""
        return {name: port if is_free(port) else free_port() for name, port in _WANTED_PORTS.items()}

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect to the doorkeeper."""
        return f"{LOOPBACK}:{self.ports['bootstrap']}"

    @property
    def admin_port(self) -> int:
        """The port of the admin pages."""
        return self.ports["admin"]

    @property
    def configuration(self) -> Path:
        """The doorkeeper's configuration."""
        return self.directory / "doorkeeper.yaml"

    @property
    def policy(self) -> Path:
        """The policy."""
        return self.directory / "policy.yaml"

    @property
    def users(self) -> Path:
        """The users' verifiers."""
        return self.directory / "users.yaml"

    @property
    def audit(self) -> Path:
        """The audit trail."""
        return self.directory / "audit.jsonl"

    @property
    def authority(self) -> Path:
        """The certificate that clients trust."""
        return self.directory / "tls" / "ca.pem"

    def java_properties(self, user: str) -> Path:
        """Give the settings of a user for Kafka's own tools."""
        return self.directory / "clients" / f"{user}.properties"

    def librdkafka_properties(self, user: str) -> Path:
        """Give the settings of a user for kcat and all that stands on librdkafka."""
        return self.directory / "clients" / f"{user}.librdkafka"

    def librdkafka_settings(self, user: str) -> dict[str, str]:
        """Read what `librdkafka_properties` holds."""
        lines = self.librdkafka_properties(user).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def write(self, cluster_bootstrap_servers: str) -> bool:
        """Write all files anew, but keep a policy that is there already.

        :param cluster_bootstrap_servers: the brokers behind.
        :return: whether the policy is the quickstart's own.
        """
        for folder in ("tls", "clients"):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        authority = CertificateAuthority.create()
        authority.write_pem(self.authority)
        authority.write_trust_store(self._trust_store, _STORE_PASSWORD)
        tls = self.directory / "tls"
        authority.server(["localhost", LOOPBACK]).write_pem(tls / "server.pem", tls / "server.key")
        self.users.unlink(missing_ok=True)
        for user in USERS:
            self._write_user(user, secrets.token_urlsafe(12))
        self.configuration.write_text(
            _CONFIGURATION.format(bootstrap_servers=cluster_bootstrap_servers, host=LOOPBACK, **self.ports)
        )
        if not self.policy.exists():
            self.policy.write_text(_POLICY)
        return self.policy.read_text() == _POLICY

    @property
    def _trust_store(self) -> Path:
        return self.directory / "tls" / "truststore.p12"

    def _write_user(self, user: str, password: str) -> None:
        add_user(self.users, user, password, secrets.randbits)
        common = {"security.protocol": "SASL_SSL"}
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        write_properties(
            self.java_properties(user),
            {
                **common,
                "sasl.mechanism": MECHANISM,
                "sasl.jaas.config": f'{login} required username="{user}" password="{password}";',
                "ssl.truststore.location": str(self._trust_store.absolute()),
                "ssl.truststore.type": "PKCS12",
                "ssl.truststore.password": _STORE_PASSWORD,
            },
        )
        write_properties(
            self.librdkafka_properties(user),
            {
                **common,
                "bootstrap.servers": self.bootstrap_servers,
                "sasl.mechanism": MECHANISM,
                "sasl.username": user,
                "sasl.password": password,
                "ssl.ca.location": str(self.authority.absolute()),
            },
        )
