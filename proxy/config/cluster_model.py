"""How the brokers are spoken to when they have security of their own, as plain values."""

from dataclasses import dataclass
from pathlib import Path

from proxy.config.secret import Secret


@dataclass(frozen=True, slots=True)
class ClusterTls:
    """Whom we trust, and who we are: `certificate` and `key` for brokers that ask for one.

    `server_name` is the name that every broker's certificate must hold, instead of the one it is connected by.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None
    server_name: str | None = None
    endpoint_identification: bool = True


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """PLAIN or SCRAM."""

    mechanism: str
    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class KerberosLogin:
    """GSSAPI. `principal` has its key in `keytab`; without the two the tickets are those of the process."""

    service_name: str = "kafka"
    keytab: Path | None = None
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class TokenFileLogin:
    """OAUTHBEARER with a token that somebody else keeps fresh."""

    token_file: Path


@dataclass(frozen=True, slots=True)
class ClientCredentialsLogin:
    """OAUTHBEARER with tokens that we fetch."""

    token_endpoint: str
    client_id: str
    client_secret: Secret
    scope: str | None = None
    token_endpoint_ca: Path | None = None


ClusterLogin = PasswordLogin | KerberosLogin | TokenFileLogin | ClientCredentialsLogin
