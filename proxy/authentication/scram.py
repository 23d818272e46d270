"""SASL/SCRAM-SHA-256 and -512 (RFC 5802, RFC 7677), server side, as Kafka's ScramSaslServer speaks it.

As in Kafka: no channel binding; unknown extensions are ignored; a failure is told by the SaslAuthenticate answer, never
by an `e=` message; all failures but one look alike to the client. Stricter or wider than Kafka, on purpose:

- an unknown user gets a plausible challenge and fails at the proof, where Kafka fails at once and so tells who exists;
- `c=` must repeat the client's own GS2 header (RFC 5802 section 7), which Kafka never compares;
- the GS2 flag `y` and names beyond ASCII are taken, as the RFC has them and Kafka's patterns do not;
- `tokenauth=true` (KIP-48) is refused: there are no delegation tokens here.

librdkafka before 2.6.1 answers with its own nonce in front of the whole one (confluentinc/librdkafka#4895). That still
ends with our part and is signed as it is sent, so letting it in opens no replay; it is done on demand only.
"""

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from policies.model import Principal
from proxy.authentication.credentials import ScramCredential, ScramMechanism
from proxy.authentication.outcome import (
    Authenticated,
    Challenge,
    Failed,
    Outcome,
    foreign_authorization_id,
    invalid_credentials,
)
from proxy.authentication.users import Directory

_NAME = r"(?:[^\0=,]|=2C|=3D)+"
_NONCE = r"[\x21-\x2B\x2D-\x7E]+"
_EXTENSIONS = r"(?:,[A-Za-z]+=[^\0,]+)*"
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?"
_CLIENT_FIRST = re.compile(
    rf"(?P<gs2>[ny],(?:a=(?P<authzid>{_NAME}))?,)"
    rf"(?P<bare>n=(?P<name>{_NAME}),r=(?P<nonce>{_NONCE})(?P<ext>{_EXTENSIONS}))"
)
_CLIENT_FINAL = re.compile(
    rf"(?P<unproven>c=(?P<binding>{_BASE64}),r=(?P<nonce>{_NONCE}){_EXTENSIONS}),p=(?P<proof>{_BASE64})"
)

_LEGACY_NONCE: Final = (
    "the client repeats its own nonce in front of ours, as librdkafka before 2.6.1 does: "
    "update it, or set sasl.accept_legacy_scram_nonce"
)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What the first message and our answer to it leave for the second."""

    username: str
    credential: ScramCredential
    known: bool
    binding: str  # the c= to come
    client_nonce: str
    nonce: str  # the r= to come: the client's part and ours
    transcript: str  # client-first-message-bare, server-first-message


class ScramConversation:
    """One exchange: client-first, our challenge, client-final, our signature. Both answers are quick to compute."""

    def __init__(
        self, mechanism: ScramMechanism, directory: Directory, nonce: Callable[[], str], *, legacy_nonce: bool = False
    ) -> None:
        """`legacy_nonce` lets in librdkafka before 2.6.1 as well."""
        self._mechanism = mechanism
        self._directory = directory
        self._nonce = nonce
        self._legacy_nonce = legacy_nonce
        self._exchange: _Exchange | None = None
        self._over = False

    def respond(self, token: bytes) -> Outcome:
        """Take the client's next token."""
        if self._over:
            return self._invalid("a token after the last one")
        outcome = self._step(token)
        self._over = not isinstance(outcome, Challenge)
        return outcome

    def verified(self, result: object) -> Outcome:
        """Raise RuntimeError: SCRAM never asks for slow work."""
        raise RuntimeError(f"no password check is pending, yet one ended: {result}")

    def _step(self, token: bytes) -> Outcome:
        try:
            message = token.decode("utf-8")
        except UnicodeDecodeError:
            return self._invalid("the token is not UTF-8")
        return self._first(message) if self._exchange is None else self._final(message, self._exchange)

    def _first(self, message: str) -> Outcome:
        if message.startswith("p="):
            return self._invalid("the client asks for channel binding, which is not supported")
        match = _CLIENT_FIRST.fullmatch(message)
        if match is None:
            return self._invalid("the first message is malformed")
        username = _unescape(match["name"])
        if _asks_for_delegation_token(match["ext"]):
            return self._invalid("the client asks for a delegation token login, which is not supported", username)
        # Before the user is looked up, or the sentence would tell who exists.
        if match["authzid"] is not None and _unescape(match["authzid"]) != username:
            return foreign_authorization_id(username)
        return self._challenge(match, username)

    def _challenge(self, first: re.Match[str], username: str) -> Challenge:
        credential, known = self._directory.credential(username, self._mechanism)
        nonce = first["nonce"] + self._nonce()
        challenge = f"r={nonce},s={_encode(credential.salt)},i={credential.iterations}"
        self._exchange = _Exchange(
            username=username,
            credential=credential,
            known=known,
            binding=_encode(first["gs2"].encode("utf-8")),
            client_nonce=first["nonce"],
            nonce=nonce,
            transcript=f"{first['bare']},{challenge}",
        )
        return Challenge(challenge.encode("ascii"))

    def _final(self, message: str, exchange: _Exchange) -> Outcome:
        match = _CLIENT_FINAL.fullmatch(message)
        if match is None:
            return self._invalid("the final message is malformed", exchange.username)
        if match["binding"] != exchange.binding:
            return self._invalid("the channel binding (c=) is not the one announced", exchange.username)
        # Compared whole: a client that may choose the server's part can replay (CVE-2024-56128).
        legacy = hmac.compare_digest(match["nonce"], exchange.client_nonce + exchange.nonce)
        if legacy and not self._legacy_nonce:
            return self._invalid(_LEGACY_NONCE, exchange.username)
        if not legacy and not hmac.compare_digest(match["nonce"], exchange.nonce):
            return self._invalid("the nonce (r=) is not the one of this exchange", exchange.username)
        signed = f"{exchange.transcript},{match['unproven']}".encode()
        if not self._proves(base64.b64decode(match["proof"]), signed, exchange.credential) or not exchange.known:
            return self._invalid("unknown user or wrong password", exchange.username)
        signature = self._mechanism.hmac(exchange.credential.server_key, signed)
        final = f"v={_encode(signature)}".encode("ascii")
        return Authenticated(Principal("User", exchange.username), final, legacy_scram_nonce=legacy)

    def _proves(self, proof: bytes, signed: bytes, credential: ScramCredential) -> bool:
        if len(proof) != self._mechanism.digest_size:
            return False
        signature = self._mechanism.hmac(credential.stored_key, signed)
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        return hmac.compare_digest(self._mechanism.digest(client_key), credential.stored_key)

    def _invalid(self, detail: str, username: str | None = None) -> Failed:
        return invalid_credentials(self._mechanism.value, detail, username)


def _unescape(name: str) -> str:
    return name.replace("=2C", ",").replace("=3D", "=")


def _asks_for_delegation_token(extensions: str) -> bool:
    pairs = (extension.partition("=") for extension in extensions.split(","))
    return any(name == "tokenauth" and value.lower() == "true" for name, _, value in pairs)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
