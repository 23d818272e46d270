"""The files of a measurement: certificates, a policy of 10,000 bindings, and two doorkeepers' configurations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.frames import TOPIC
from policies.document import load_policy
from proxy.embedded.pki import CertificateAuthority

HOST: Final = "127.0.0.1"
BINDINGS: Final = 10_000
_TEAMS: Final = 1_000
_PREFIX: Final = TOPIC.split("-", maxsplit=1)[0]

_CONFIGURATION: Final = """\
cluster:
  bootstrap_servers: ["{host}:{broker}"]
listeners:
  - name: bench
    bind: {host}:{bootstrap}
    advertise: localhost
    brokers: {{first_port: {port}, node_ids: 1-1}}
    security_protocol: SSL
    tls: {{certificate: server.pem, key: server.key, client_ca: ca.pem, client_auth: required}}
    principal_mapping_rules: ["RULE:^CN=([^,]+).*$/$1/", DEFAULT]
policy: {{file: policy.yaml, mode: {mode}}}
admin: {{bind: "{host}:{admin}"}}
audit: {{file: audit-{mode}.jsonl}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one doorkeeper listens."""

    bootstrap: int
    broker: int
    admin: int


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with all that a proxy and its clients need."""

    folder: Path

    def file(self, name: str) -> str:
        """The path of one of its files."""
        return str(self.folder / name)

    def write(self) -> None:
        """Make certificates and policy."""
        authority = CertificateAuthority.create("Bench CA")
        authority.write_pem(self.folder / "ca.pem")
        authority.server(["localhost", HOST]).write_pem(self.folder / "server.pem", self.folder / "server.key")
        authority.client("bench").write_pem(self.folder / "client.pem", self.folder / "client.key")
        text = "policies:\n" + "".join(_policies())
        assert len(load_policy(text, "policy.yaml").bindings) == BINDINGS
        (self.folder / "policy.yaml").write_text(text)

    def write_configuration(self, mode: str, ports: Ports, broker_port: int) -> Path:
        """Write the configuration of a doorkeeper whose policy is in a mode (`enforce` or `off`)."""
        path = self.folder / f"doorkeeper-{mode}.yaml"
        text = _CONFIGURATION.format(
            host=HOST, broker=broker_port, bootstrap=ports.bootstrap, port=ports.broker, admin=ports.admin, mode=mode
        )
        path.write_text(text)
        return path


def _policies() -> Iterator[str]:
    """A thousand teams with two rights on five literal and prefixed patterns; the last is the measured client."""
    for team in range(_TEAMS):
        name = f"team-{team}"
        topics = f"{name}-a, {name}-b, {name}-c, {name}.*, {name}-shared.*"
        principal = name
        if team == _TEAMS - 1:
            topics, principal = f"{_PREFIX}-*, {name}-b, {name}-c, {name}.*, {name}-shared.*", _PREFIX
        yield (
            f"  - name: {name}\n    principals: [User:{principal}]\n    allow: [Read, Write]\n    topics: [{topics}]\n"
        )
