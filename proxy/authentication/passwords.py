"""Where the passwords of SASL/PLAIN are checked.

Another kind of directory is another implementation of `Passwords`, in a file of its own among `proxy.providers`.
"""

from typing import Protocol

from proxy.authentication.outcome import WaitsFor
from proxy.authentication.users import Directory


class BackendUnavailable(Exception):
    """Whoever could tell does not answer. Nobody is let in; the message is for our log and names no secret."""


class Passwords(Protocol):
    """Says whose password it is. Called in threads of their own, by several at one time."""

    waits_for: WaitsFor
    """What checking waits for."""

    def owner(self, username: str, password: str) -> str | None:
        """Return the principal's name if this is the user's password, else None; neither of the two is ever empty.

        The name is one for each user, however the user wrote it.

        :raises BackendUnavailable: that cannot be told now.
        """
        ...

    def knows(self, name: str) -> bool:
        """Whether there still is a principal of that name, as far as can be told without asking anybody."""
        ...


class VerifierPasswords:
    """Checks against the verifiers of the file of users. An unknown user costs the same work as a known one."""

    waits_for = WaitsFor.NOTHING

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def owner(self, username: str, password: str) -> str | None:
        """Return the username if this is the user's password, else None."""
        credential, known = self._directory.any_credential(username)
        return username if credential.matches(password) and known else None

    def knows(self, name: str) -> bool:
        """Whether the user has a verifier."""
        return self._directory.any_credential(name)[1]
