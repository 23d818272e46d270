"""Certificates, users and policy, loaded from their files as one: all of them valid, or none of them taken."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

from policies.authorizer import Authorizer
from policies.document import PolicyDocument, load_policy
from policies.principals import InvalidRule, PrincipalMapping
from policies.strict_yaml import Fault, InvalidDocument
from proxy.authentication.jwks import InvalidKeySet, KeySet
from proxy.authentication.users import FileUsers
from proxy.config.cluster_model import ClusterLogin, KerberosLogin
from proxy.config.model import Config, PolicyMode
from proxy.transport.tls import ListenerTls, listener_tls
from proxy.upstream.credentials import MakeMechanism, mechanisms_for
from proxy.upstream.tls import certificate_expiry, upstream_tls

Fingerprint = tuple[tuple[str, int, int, int], ...]
Source = TypeVar("Source")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is in force together.

    ``authorizer`` is None in mode ``off``, ``users`` is None without a users file; ``tls`` and ``mappings`` are by
    listener. ``digest`` names the content of the policy file for people who compare replicas. ``upstream`` is for new
    connections to brokers that speak TLS, and ``upstream_not_after`` when our certificate for them expires (UTC).
    """

    generation: int
    policy: PolicyDocument | None
    authorizer: Authorizer | None
    users: FileUsers | None
    tls: Mapping[str, ListenerTls]
    mappings: Mapping[str, PrincipalMapping]
    digest: str
    upstream: ssl.SSLContext | None = None
    upstream_not_after: datetime | None = None


class PolicySource(Protocol):
    """Where policy, users and certificates come from. A file today; replicas will share a topic one day."""

    def load(self, generation: int) -> Snapshot:
        """Everything as it is now, valid as a whole.

        :raises InvalidDocument: with every fault of every part.
        """
        ...

    def fingerprint(self) -> Fingerprint:
        """Differs when :meth:`load` may give something else."""
        ...


class FileSource:
    """Reads the files that a configuration names. What a file of the configuration itself says is read only once."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def load(self, generation: int) -> Snapshot:
        """Read all files.

        :raises InvalidDocument: with every fault of every file.
        """
        config = self._config
        faults: list[Fault] = []
        policy, digest = None, ""
        if config.policy.file is not None and config.policy.mode is not PolicyMode.OFF:
            policy, digest = _collect(faults, _read_policy, config.policy.file) or (None, "")
        users = None if config.users is None else _collect(faults, _read_users, config.users)
        tls: dict[str, ListenerTls] = {}
        mappings: dict[str, PrincipalMapping] = {}
        for listener in config.listeners:
            if listener.tls is not None and (found := _collect(faults, listener_tls, listener.tls)) is not None:
                tls[listener.name] = found
            try:
                mappings[listener.name] = PrincipalMapping.parse(listener.principal_mapping_rules)
            except InvalidRule as error:
                setting = f"listeners.{listener.name}.principal_mapping_rules"
                faults.append(config.fault(setting, str(error)))
            if listener.sasl.oauthbearer is not None and listener.sasl.oauthbearer.jwks_file is not None:
                _collect(faults, _read_key_set, listener.sasl.oauthbearer.jwks_file)
            for path in listener.sasl.files():
                _collect(faults, _check_readable, path)
        cluster = config.cluster
        upstream = None if cluster.tls is None else _collect(faults, upstream_tls, cluster.tls)
        if cluster.login is not None:
            _collect(faults, _check_login, cluster.login)
        if faults:
            raise InvalidDocument(faults)
        authorizer = None if policy is None else policy.authorizer(generation)
        expiry = None if cluster.tls is None else certificate_expiry(cluster.tls)
        return Snapshot(generation, policy, authorizer, users, tls, mappings, digest, upstream, expiry)

    def fingerprint(self) -> Fingerprint:
        """Path, time of change, size and inode of every file; a file that is gone counts as changed."""
        return tuple(_stamp(path) for path in self._files())

    def _files(self) -> list[Path]:
        config = self._config
        files = [path for path in (config.policy.file, config.users) if path is not None]
        if config.cluster.tls is not None:
            tls = config.cluster.tls
            files += [path for path in (tls.ca, tls.certificate, tls.key) if path is not None]
        for listener in config.listeners:
            if listener.tls is not None:
                own = listener.tls
                named = (own.certificate, own.key, own.client_ca, own.client_crl)
                files += [path for path in named if path is not None]
        return list(dict.fromkeys(files))


def _collect(faults: list[Fault], read: Callable[[Source], Loaded], source: Source) -> Loaded | None:
    try:
        return read(source)
    except InvalidDocument as invalid:
        faults.extend(invalid.faults)
        return None


def _read_policy(path: Path) -> tuple[PolicyDocument, str]:
    text = _text(path)
    return load_policy(text, str(path)), sha256(text.encode()).hexdigest()[:16]


def _read_users(path: Path) -> FileUsers:
    return FileUsers.load(_text(path), str(path))


def _read_key_set(path: Path) -> KeySet:
    try:
        return KeySet.parse(path.read_bytes())
    except InvalidKeySet as error:
        raise InvalidDocument([Fault(str(path), 1, 1, str(error))]) from error
    except OSError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from error


def _check_login(login: ClusterLogin) -> MakeMechanism:
    if isinstance(login, KerberosLogin) and login.keytab is not None:
        _check_readable(login.keytab)
    try:
        return mechanisms_for(login)
    except OSError as error:
        path = getattr(login, "token_endpoint_ca", None)
        raise InvalidDocument([Fault(str(path), 1, 1, f"cannot be used: {error.strerror or error}")]) from error


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, "is not UTF-8 text")]) from error
    except OSError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from error


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino
