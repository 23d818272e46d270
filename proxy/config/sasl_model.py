"""What a listener's `sasl:` says, as plain values."""

from dataclasses import dataclass
from pathlib import Path

from proxy.authentication.tokens import TokenRules
from proxy.config.ldap_model import LdapConfig


@dataclass(frozen=True, slots=True)
class OauthbearerConfig:
    """An issuer of tokens: what these must say, and where its keys are, at an address or in a file."""

    rules: TokenRules
    jwks_endpoint_url: str | None = None
    jwks_endpoint_ca: Path | None = None
    jwks_endpoint_refresh_ms: int = 3_600_000
    jwks_file: Path | None = None


@dataclass(frozen=True, slots=True)
class KerberosConfig:
    """Our keys, and what names Kerberos principals have here."""

    keytab: Path
    realm: str
    service_name: str = "kafka"
    principal_to_local_rules: tuple[str, ...] = ("DEFAULT",)


@dataclass(frozen=True, slots=True)
class SaslConfig:
    """How clients of a listener authenticate. `mechanisms` is empty on a listener without SASL.

    `needs_users` says that one of them checks against the file of users. `accept_legacy_scram_nonce` lets librdkafka
    before 2.6.1 use SCRAM.
    """

    mechanisms: tuple[str, ...] = ()
    max_reauth_ms: int = 0
    oauthbearer: OauthbearerConfig | None = None
    ldap: LdapConfig | None = None
    kerberos: KerberosConfig | None = None
    needs_users: bool = False
    accept_legacy_scram_nonce: bool = False

    def files(self) -> tuple[Path, ...]:
        """Files that have to be there, and whose content is somebody else's business."""
        named = (
            None if self.oauthbearer is None else self.oauthbearer.jwks_endpoint_ca,
            None if self.ldap is None else self.ldap.servers.ca,
            None if self.kerberos is None else self.kerberos.keytab,
        )
        return tuple(path for path in named if path is not None)
