"""What it takes to ask an LDAP directory for a user."""

from dataclasses import dataclass
from pathlib import Path

from proxy.config.secret import Secret


@dataclass(frozen=True, slots=True)
class LdapServers:
    """Where the directory is. `urls` are tried in their order; times in seconds."""

    urls: tuple[str, ...]
    start_tls: bool = False
    ca: Path | None = None
    connections: int = 4
    timeout_s: int = 5


@dataclass(frozen=True, slots=True)
class BindByTemplate:
    """A user's entry has a name that follows from the user's, such as `uid={username},ou=people,dc=example`."""

    template: str


@dataclass(frozen=True, slots=True)
class SearchThenBind:
    """A user's entry is looked for, by an account of ours that may do so."""

    bind_dn: str
    bind_password: Secret
    base: str
    filter: str
    name_attribute: str = "uid"


@dataclass(frozen=True, slots=True)
class LdapConfig:
    """A directory, how users are found in it, and for how many seconds its yes is remembered."""

    servers: LdapServers
    way: BindByTemplate | SearchThenBind
    cache_s: int = 30
