"""SASL/OAUTHBEARER (RFC 7628, KIP-255), server side, as Kafka's OAuthBearerSaslServer speaks it.

A token that is refused is answered with a status in JSON; the client has to say that it has seen it (a byte of 1), and
is then told of its failure. The extensions that a client may send have no meaning here and are checked for form only.
"""

import json
import re
from functools import partial
from typing import Final

from policies.model import Principal
from proxy.authentication.outcome import (
    Authenticated,
    Challenge,
    Failed,
    FailureReason,
    Outcome,
    Verify,
    WaitsFor,
    invalid_credentials,
)
from proxy.authentication.tokens import KeyUnknown, TokenAccepted, TokenChecker, TokenRejected

OAUTHBEARER = "OAUTHBEARER"

_SEEN: Final = b"\x01"
_CLIENT_FIRST: Final = re.compile(
    r"n,(?:a=(?P<authzid>(?:[^\0=,]|=2C|=3D)+))?,\x01(?P<pairs>(?:[A-Za-z]+=[\x21-\x7E \t\r\n]+\x01)*)\x01"
)
_BEARER: Final = re.compile(r"(?i:bearer) +(?P<token>[-._~+/A-Za-z0-9]+=*)", re.ASCII)


class OauthbearerConversation:
    """One exchange: a token, the result of its check, and after a refusal the client's word that it has seen it."""

    def __init__(self, checker: TokenChecker) -> None:
        self._checker = checker
        self._begun = False
        self._token: str | None = None  # while it is being checked
        self._authorization_id = ""
        self._refusal: Failed | None = None

    def respond(self, token: bytes) -> Outcome:
        """Take the client's next token."""
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            if token == _SEEN:
                return refusal
            return invalid_credentials(OAUTHBEARER, f"{refusal.detail}; then came another token", refusal.username)
        if self._begun:
            return invalid_credentials(OAUTHBEARER, "a token after the last one")
        self._begun = True
        return self._first(token)

    def verified(self, result: object) -> Outcome:
        """Take the result of the token's check."""
        token, self._token = self._token, None
        if token is None:
            raise RuntimeError("no check of a token is pending, yet one ended")
        if isinstance(result, TokenAccepted):
            return self._accept(result)
        if isinstance(result, KeyUnknown):
            self._token = token
            return Verify(partial(self._checker.check_again, token, result.seen), waits_for=WaitsFor.ISSUER)
        assert isinstance(result, TokenRejected)
        return self._refuse(result)

    def _first(self, token: bytes) -> Outcome:
        try:
            message = _CLIENT_FIRST.fullmatch(token.decode("utf-8"))
        except UnicodeDecodeError:
            return invalid_credentials(OAUTHBEARER, "the first message is not UTF-8")
        if message is None:
            return invalid_credentials(OAUTHBEARER, "the first message is malformed")
        pairs = [pair.partition("=") for pair in message["pairs"].split("\x01")[:-1]]
        given = [value for name, _, value in pairs if name == "auth"]
        bearer = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if bearer is None:
            return invalid_credentials(OAUTHBEARER, "the first message has no 'auth=Bearer TOKEN', or several")
        self._authorization_id = (message["authzid"] or "").replace("=2C", ",").replace("=3D", "=")
        self._token = bearer["token"]
        return Verify(partial(self._checker.check, self._token))

    def _accept(self, accepted: TokenAccepted) -> Outcome:
        # After the token was found good, as in Kafka: who has none learns nothing from this sentence.
        if self._authorization_id not in ("", accepted.username):
            message = (
                f"Authentication failed: Client requested an authorization id ({self._authorization_id}) "
                f"that is different from the token's principal name ({accepted.username})"
            )
            detail = "the authorization id is not the token's principal name"
            return Failed(message, detail, accepted.username, FailureReason.OTHER_IDENTITY)
        return Authenticated(Principal("User", accepted.username), session_lifetime_ms=accepted.lifetime_ms)

    def _refuse(self, rejected: TokenRejected) -> Outcome:
        status = {"status": "invalid_token"}
        if rejected.scope is not None:
            status = {"status": "insufficient_scope", "scope": rejected.scope}
        told = json.dumps(status, separators=(",", ":"))
        reason = FailureReason.CREDENTIALS if rejected.judged else FailureReason.UNAVAILABLE
        self._refusal = Failed(told, rejected.detail, rejected.username, reason)
        return Challenge(told.encode("ascii"))
