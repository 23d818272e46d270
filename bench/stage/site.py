"""The files of a measurement: certificates, users, policies, and the doorkeepers' configurations."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load.jobs import TOPIC, Target
from proxy.authentication.credentials import ScramMechanism
from proxy.authentication.users_file import add_user
from proxy.embedded.network import free_port
from proxy.embedded.pki import CertificateAuthority

HOST: Final = "127.0.0.1"
BINDINGS: Final = 10_000
USER: Final = TOPIC.split("-", maxsplit=1)[0]
STORE_PASSWORD: Final = "bench-store"
_PASSWORD: Final = "bench-password"
_BINDINGS_OF_A_TEAM: Final = 10

_CONFIGURATION: Final = """\
cluster:
  bootstrap_servers: ["{host}:{broker}"]
listeners:
  - name: scram
    bind: {host}:{scram_bootstrap}
    advertise: localhost
    brokers: {{first_port: {scram}, node_ids: 1-1}}
    security_protocol: SASL_SSL
    tls: {{certificate: server.pem, key: server.key}}
    sasl: {{mechanisms: [SCRAM-SHA-256]}}
  - name: mtls
    bind: {host}:{mtls_bootstrap}
    advertise: localhost
    brokers: {{first_port: {mtls}, node_ids: 1-1}}
    security_protocol: SSL
    tls: {{certificate: server.pem, key: server.key, client_ca: ca.pem, client_auth: required}}
    principal_mapping_rules: ["RULE:^CN=([^,]+).*$/$1/", DEFAULT]
users: users.yaml
policy: {{file: {policy}, mode: {mode}}}
admin: {{bind: "{host}:{admin}"}}
audit: {{file: audit-{name}.jsonl}}
workers: {workers}
# All clients come from one address here: it may have as many newcomers as all together may.
limits: {{max_handshakes_per_address: 1000}}
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """A doorkeeper: the mode of its policy, how many bindings that has, and its worker processes."""

    mode: str = "enforce"
    bindings: int = BINDINGS
    workers: int = 1

    @property
    def name(self) -> str:
        """A name for its files."""
        return f"{self.mode}-{self.bindings}-{self.workers}"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one doorkeeper listens."""

    scram_bootstrap: int
    scram: int
    mtls_bootstrap: int
    mtls: int
    admin: int

    @classmethod
    def free(cls) -> Ports:
        """Take five that nobody uses."""
        return cls(*(free_port() for _ in range(5)))


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with all that a proxy and its clients need."""

    folder: Path

    def file(self, name: str) -> str:
        """The path of one of its files."""
        return str(self.folder / name)

    def write(self) -> None:
        """Make certificates, also in the forms that others want, and the users."""
        authority = CertificateAuthority.create("Bench CA")
        authority.write_pem(self.folder / "ca.pem")
        server = authority.server(["localhost", HOST])
        server.write_pem(self.folder / "server.pem", self.folder / "server.key")
        server.write_pem_together(self.folder / "server-bundle.pem")
        server.write_key_store(self.folder / "server.p12", STORE_PASSWORD)
        authority.client(USER).write_pem(self.folder / "client.pem", self.folder / "client.key")
        add_user(self.folder / "users.yaml", USER, _PASSWORD, secrets.randbits, mechanisms=[ScramMechanism.SHA_256])

    def write_configuration(self, variant: Variant, ports: Ports, broker_port: int) -> Path:
        """Write the configuration and the policy of a doorkeeper."""
        policy = self.folder / f"policy-{variant.bindings}.yaml"
        if not policy.exists():
            policy.write_text("policies:\n" + "".join(policies(variant.bindings)))
        path = self.folder / f"doorkeeper-{variant.name}.yaml"
        text = _CONFIGURATION.format(
            host=HOST,
            broker=broker_port,
            scram_bootstrap=ports.scram_bootstrap,
            scram=ports.scram,
            mtls_bootstrap=ports.mtls_bootstrap,
            mtls=ports.mtls,
            admin=ports.admin,
            policy=policy.name,
            mode=variant.mode,
            name=variant.name,
            workers=variant.workers,
        )
        path.write_text(text)
        return path

    def by_scram(self, port: int, *pids: int) -> Target:
        """Reach it over TLS with a user's password."""
        return Target(port, pids, self.file("ca.pem"), user=USER, password=_PASSWORD)

    def by_certificate(self, port: int, *pids: int) -> Target:
        """Reach it over TLS with a client certificate."""
        return Target(port, pids, self.file("ca.pem"), self.file("client.pem"), self.file("client.key"))

    def by_tls(self, port: int, *pids: int) -> Target:
        """Reach it over TLS and say no name."""
        return Target(port, pids, self.file("ca.pem"))


def policies(bindings: int) -> Iterator[str]:
    """Teams with two rights on five literal and prefixed patterns each; the last is the measured client.

    :param bindings: how many bindings that makes; a multiple of ten.
    """
    last = bindings // _BINDINGS_OF_A_TEAM - 1
    for team in range(last + 1):
        name = f"team-{team}"
        topics = f"{name}-a, {name}-b, {name}-c, {name}.*, {name}-shared.*"
        principal = name
        if team == last:
            topics, principal = f"{USER}-*, {name}-b, {name}-c, {name}.*, {name}-shared.*", USER
        yield (
            f"  - name: {name}\n    principals: [User:{principal}]\n    allow: [Read, Write]\n    topics: [{topics}]\n"
        )
