"""A doorkeeper with a single listener, for one way of authenticating."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from proxy.embedded.network import free_range
from tests.integration.door import NODE_IDS, Door


@dataclass
class WayIn(Door):
    """``sasl`` and ``tls`` are the listener's own, ``more`` its other lines; files are beside ``doorkeeper.yaml``.

    ``hop`` is how the cluster is spoken to.
    """

    sasl: str = field(default="", kw_only=True)
    tls: str = field(default="{certificate: server.pem, key: server.key}", kw_only=True)
    protocol: str = field(default="SASL_SSL", kw_only=True)
    more: str = field(default="", kw_only=True)
    hop: str = field(default="", kw_only=True)

    def _configure(self) -> None:
        port = free_range(NODE_IDS + 2)
        self.ports = {"way_in": port}
        self.admin_port = free_range(1)
        tls = f"    tls: {self.tls}\n" if self.protocol.endswith("SSL") else ""
        sasl = f"    sasl: {self.sasl}\n" if self.sasl else ""
        (self.directory / "doorkeeper.yaml").write_text(
            f"cluster: {{bootstrap_servers: [{', '.join(self.cluster.split(','))}]{self.hop}}}\n"
            "listeners:\n"
            "  - name: way_in\n"
            f"    bind: 127.0.0.1:{port}\n"
            "    advertise: localhost\n"
            f"    brokers: {{first_port: {port + 1}, node_ids: 1-{NODE_IDS}}}\n"
            f"    security_protocol: {self.protocol}\n"
            f"{tls}{sasl}{self.more}"
            "policy: {file: policy.yaml}\naudit: {file: audit.jsonl}\n"
            f'admin: {{bind: "127.0.0.1:{self.admin_port}"}}\n{self.limits}'
        )

    @property
    def servers(self) -> str:
        """Where clients connect: by name, as Kerberos and certificates want it."""
        return f"localhost:{self.ports['way_in']}"

    @property
    def ca(self) -> Path:
        """Whom clients trust."""
        return self.directory / "ca.pem"
