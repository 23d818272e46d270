"""What `doorkeeper.yaml` says, as plain values. Its relative paths are already joined to the folder of the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, NamedTuple

from policies.model import ANONYMOUS, Principal
from policies.strict_yaml import Fault
from proxy.config.cluster_model import ClusterLogin, ClusterTls
from proxy.config.sasl_model import SaslConfig
from proxy.config.secret import Secret

STANDARD_OUTPUT: Final = "-"

Address = tuple[str, int]


class Place(NamedTuple):
    """Where in the file something stands; both count from 1."""

    line: int
    column: int


class SecurityProtocol(Enum):
    """Kafka's security protocols."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    @property
    def sasl(self) -> bool:
        """Whether clients authenticate with SASL."""
        return self in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)


class PrincipalSource(Enum):
    """The part of a client's certificate that says who the client is."""

    SUBJECT = "subject"
    SAN_DNS = "san_dns"
    SAN_URI = "san_uri"
    SPIFFE = "spiffe"


class ClientAuth(Enum):
    """Kafka's `ssl.client.auth`."""

    NONE = "none"
    REQUESTED = "requested"
    REQUIRED = "required"


class PolicyMode(Enum):
    """What happens to what the policy denies."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """The brokers behind. `version` is "auto" or the version of brokers that cannot tell theirs.

    `tls` is there with a protocol that has TLS, `login` with one that has SASL. `forward_principal` says that they are
    doorkeepers, which are told whose requests come.
    """

    bootstrap_servers: tuple[Address, ...]
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    tls: ClusterTls | None = None
    login: ClusterLogin | None = None
    forward_principal: bool = False
    version: str = "auto"


@dataclass(frozen=True, slots=True)
class PortPerBrokerConfig:
    """Broker n at `first_port + (n - first id)`."""

    first_port: int
    node_ids: tuple[int, ...]

    @property
    def ports(self) -> range:
        """From the port of the first broker to that of the last."""
        return range(self.first_port, self.first_port + self.node_ids[-1] - self.node_ids[0] + 1)


@dataclass(frozen=True, slots=True)
class HostPerBrokerConfig:
    """Broker n at the host name that has n in the place of `{node_id}`, told apart by SNI."""

    host: str


@dataclass(frozen=True, slots=True)
class PortOnDemandConfig:
    """Each broker that the cluster has gets the next free port from `first_port` on, when it is first seen."""

    first_port: int


BrokersConfig = PortPerBrokerConfig | PortOnDemandConfig | HostPerBrokerConfig


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """The files of a TLS listener. With a `keystore_password`, `certificate` and `key` are one store; with a
    `truststore_password`, `client_ca` is one.
    """

    certificate: Path
    key: Path
    key_password: Secret | None = None
    keystore_password: Secret | None = None
    client_ca: Path | None = None
    truststore_password: Secret | None = None
    client_crl: Path | None = None
    client_auth: ClientAuth = ClientAuth.NONE


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One way in. `principal` is who a client is that does not authenticate.

    `principal_by_network` says so for some networks, as `canonical_network` writes them.
    `trusted_forwarders` are those whose certificates may speak for clients of their own.
    `allow_unauthenticated` lets others than this machine in without authentication though the brokers ask for one.
    """

    name: str
    bind: Address
    advertise: str
    brokers: BrokersConfig
    security_protocol: SecurityProtocol
    tls: TlsConfig | None = None
    principal_mapping_rules: tuple[str, ...] = ("DEFAULT",)
    principal_source: PrincipalSource = PrincipalSource.SUBJECT
    sasl: SaslConfig = field(default_factory=SaslConfig)
    balancers: tuple[IPv4Network | IPv6Network, ...] = ()
    principal: Principal = ANONYMOUS
    principal_by_network: Mapping[str, Principal] = field(default_factory=dict)
    trusted_forwarders: frozenset[Principal] = frozenset()
    allow_unauthenticated: bool = False

    @property
    def anonymous(self) -> bool:
        """Whether clients may come in without showing who they are."""
        has_certificate = self.tls is not None and self.tls.client_auth is ClientAuth.REQUIRED
        return not self.security_protocol.sasl and not has_certificate

    def advertised_names(self) -> tuple[str, ...]:
        """Every host name that clients are told; a broker's as a template with `{node_id}`."""
        if isinstance(self.brokers, HostPerBrokerConfig):
            return self.advertise, self.brokers.host
        return (self.advertise,)


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """The policy file and what to do with its decisions."""

    file: Path | None
    mode: PolicyMode


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """Where health, metrics and the status page are served."""

    bind: Address


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """Where audit lines go (`STANDARD_OUTPUT` or a file), and whether grants are told as well as denials."""

    file: Path | None = None
    grants: bool = False

    @property
    def target(self) -> str:
        """The path, or "-" for standard output."""
        return STANDARD_OUTPUT if self.file is None else str(self.file)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what a client may take; bytes, seconds (_s) and milliseconds (_ms).

    The defaults are Kafka's where it has one.
    """

    socket_request_max_bytes: int = 104_857_600
    unauthenticated_request_max_bytes: int = 524_288
    max_in_flight: int = 128
    handshake_timeout_s: int = 10
    authentication_timeout_s: int = 30
    connect_timeout_s: int = 10
    connections_max_idle_s: int = 600
    failed_authentication_delay_ms: int = 100
    revoked_session_grace_s: int = 0
    drain_timeout_s: int = 30
    max_connections: int = 10_000
    max_handshakes: int = 1_000
    max_handshakes_per_address: int = 500
    failed_logins_per_address: int = 100
    failed_logins_window_s: int = 10
    failed_logins_pause_s: int = 2


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file. `places` knows where each setting stands, for faults that show only later."""

    path: Path
    cluster: ClusterConfig
    listeners: tuple[ListenerConfig, ...]
    policy: PolicyConfig
    users: Path | None = None
    admin: AdminConfig | None = None
    audit: AuditConfig = AuditConfig()
    workers: int = 1
    limits: Limits = Limits()
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)

    def fault(self, setting: str, message: str, hint: str | None = None) -> Fault:
        """A fault at a setting such as "users" or "listeners.clients.tls.certificate"."""
        line, column = self.places.get(setting, Place(1, 1))
        return Fault(str(self.path), line, column, message, hint)
