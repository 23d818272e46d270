"""SASL/PLAIN (RFC 4616), server side, judged as Kafka's PlainSaslServer does but never against a stored password.

Verifiers or a directory are asked instead, which is slow and handed out as `Verify`. Kafka reads malformed UTF-8 as
replacement characters, we refuse it: two different tokens must never be the same password.
"""

from functools import partial

from policies.model import Principal
from proxy.authentication.outcome import (
    Authenticated,
    Failed,
    FailureReason,
    Outcome,
    Verify,
    foreign_authorization_id,
    invalid_credentials,
)
from proxy.authentication.passwords import BackendUnavailable, Passwords

PLAIN = "PLAIN"


class PlainConversation:
    """One exchange: a token `[authzid] NUL authcid NUL passwd`, then the result of its check."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._used = False
        self._pending: tuple[str, str] | None = None  # authorization id, username

    def respond(self, token: bytes) -> Outcome:
        """Take the client's one token."""
        if self._used:
            return invalid_credentials(PLAIN, "a token after the last one")
        self._used = True
        try:
            fields = token.decode("utf-8").split("\0")
        except UnicodeDecodeError:
            return invalid_credentials(PLAIN, "the token is not UTF-8")
        if len(fields) != 3:
            return invalid_credentials(PLAIN, f"expected 3 fields in the token, found {len(fields)}")
        return self._check(*fields)

    def verified(self, result: object) -> Outcome:
        """Take the result of the password check."""
        if self._pending is None:
            raise RuntimeError(f"no password check is pending, yet one ended: {result}")
        authorization_id, username = self._pending
        self._pending = None
        if isinstance(result, BackendUnavailable):
            message = "Authentication failed: passwords cannot be checked at the moment"
            return Failed(message, str(result), username, FailureReason.UNAVAILABLE)
        if not isinstance(result, str):
            message = "Authentication failed: Invalid username or password"
            return Failed(message, "unknown user or wrong password", username)
        # After the password, as in Kafka: who knows none learns nothing from this sentence.
        if authorization_id not in ("", username):
            return foreign_authorization_id(username)
        return Authenticated(Principal("User", result))

    def _check(self, authorization_id: str, username: str, password: str) -> Outcome:
        if not username:
            return invalid_credentials(PLAIN, "the username is empty")
        if not password:
            return invalid_credentials(PLAIN, "the password is empty", username)
        self._pending = authorization_id, username
        return Verify(partial(_owner, self._passwords, username, password), waits_for=self._passwords.waits_for)


def _owner(passwords: Passwords, username: str, password: str) -> str | BackendUnavailable | None:
    try:
        return passwords.owner(username, password)
    except BackendUnavailable as unavailable:
        return unavailable
