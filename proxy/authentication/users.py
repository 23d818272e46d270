"""The users and their verifiers: the file `users.yaml`, and the look-up that hides who exists."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, Self

from policies.strict_yaml import Node, Reader, parse
from proxy.authentication.credentials import (
    DEFAULT_ITERATIONS,
    ScramCredential,
    ScramMechanism,
    decoy_credential,
)

Credentials = Mapping[str, ScramCredential]
"""One user's verifiers by mechanism name."""


class Users(Protocol):
    """Where verifiers are found."""

    def credential(self, username: str, mechanism: str) -> ScramCredential | None:
        """Return the user's verifier for a mechanism such as `SCRAM-SHA-256`, None when there is none."""
        ...

    def usual_iterations(self, mechanism: str) -> int | None:
        """Return the most common iteration count of that mechanism's verifiers, None when there are none."""
        ...


class FileUsers:
    """The users of one `users.yaml`, read once."""

    def __init__(self, users: Mapping[str, Credentials]) -> None:
        self.users: Mapping[str, Credentials] = MappingProxyType(dict(users))
        self._usual_iterations = {name.value: _usual_iterations(users, name.value) for name in ScramMechanism}

    @classmethod
    def load(cls, text: str, file: str) -> Self:
        """Read the file's text. Raises InvalidDocument with all faults; none repeats any part of a verifier."""
        reader = Reader(file)
        entries = reader.mapping(parse(text, file), known=("users",), required=("users",))
        users = _read_users(reader, entries["users"].value) if "users" in entries else {}
        reader.finish()
        return cls(users)

    def credential(self, username: str, mechanism: str) -> ScramCredential | None:
        """Return the user's verifier for that mechanism, None when there is none."""
        credentials = self.users.get(username)
        return credentials.get(mechanism) if credentials else None

    def usual_iterations(self, mechanism: str) -> int | None:
        """Return the most common iteration count of that mechanism's verifiers, None when there are none."""
        return self._usual_iterations.get(mechanism)


class Directory:
    """Finds for every name a verifier to work on: the user's own, or a decoy that looks and costs the same.

    The same as most users', that is: an iteration count or a choice of mechanisms that few users have sets these apart.
    """

    def __init__(self, users: Users, secret: bytes) -> None:
        self._users = users
        self._secret = secret

    def credential(self, username: str, mechanism: ScramMechanism) -> tuple[ScramCredential, bool]:
        """Return a verifier, and whether it is a user's."""
        # The decoy is made even when it is not needed: its time must not tell who exists.
        iterations = self._users.usual_iterations(mechanism.value) or DEFAULT_ITERATIONS
        decoy = decoy_credential(self._secret, mechanism, username, iterations)
        own = self._users.credential(username, mechanism.value)
        return (decoy, False) if own is None else (own, True)

    def any_credential(self, username: str) -> tuple[ScramCredential, bool]:
        """Return a verifier of whichever mechanism (for PLAIN), and whether it is a user's."""
        in_use = [mechanism for mechanism in ScramMechanism if self._users.usual_iterations(mechanism.value)]
        found = [self.credential(username, mechanism) for mechanism in in_use or ScramMechanism]
        return next((pair for pair in found if pair[1]), found[0])


def _usual_iterations(users: Mapping[str, Credentials], mechanism: str) -> int | None:
    counts = Counter(credentials[mechanism].iterations for credentials in users.values() if mechanism in credentials)
    return max(counts, key=lambda iterations: (counts[iterations], iterations), default=None)


def _read_users(reader: Reader, node: Node) -> dict[str, Credentials]:
    if node.kind == "null":
        return {}
    users: dict[str, Credentials] = {}
    for username, entry in reader.mapping(node).items():
        if not username or "\0" in username:
            reader.fault(entry.key, f"{username!r} cannot be a user's name")
        users[username] = _read_credentials(reader, username, entry.value)
    return users


def _read_credentials(reader: Reader, username: str, node: Node) -> Credentials:
    mechanisms = [mechanism.value for mechanism in ScramMechanism]
    if node.value in ({}, None):
        reader.fault(node, f"user {username!r} has no verifier", "add one with 'doorkeeper user add'")
        return {}
    if node.kind != "map":
        # Not left to the reader, which would repeat what it found: it may well be a password.
        reader.fault(node, f"user {username!r} is not a mapping of mechanisms to verifiers")
        return {}
    credentials: dict[str, ScramCredential] = {}
    for mechanism, entry in reader.mapping(node, known=mechanisms).items():
        try:
            credentials[mechanism] = ScramCredential.parse(ScramMechanism(mechanism), entry.value.text)
        except ValueError as error:
            reader.fault(entry.value, f"bad {mechanism} verifier of user {username!r}: {error}")
    return credentials
