"""The SASL exchange of a connection: SaslHandshake (KIP-43), then raw tokens (version 0) or SaslAuthenticate (KIP-152).

Kafka's ``SaslServerAuthenticator`` is the model: nothing but ApiVersions, SaslHandshake and the tokens is answered, and
a token is taken for what it is, never for a request.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey, api_label, known_versions, response_type
from protocol.codec import build
from protocol.errors import ProtocolError
from protocol.header import REQUEST_PREFIX, peek_api, read_request_head
from protocol.layout import Buffer
from protocol.splice import Message, encode_response
from proxy.authentication.gssapi import GSSAPI
from proxy.authentication.mechanisms import FIRST_FRAME_MAX_BYTES, FRAME_MAX_BYTES, Mechanisms
from proxy.authentication.outcome import Authenticated, Conversation, Failed, FailureReason, Identity, Outcome, Verify

_HANDSHAKE_BY_TOKENS: Final = 0
HEAD_SIZE: Final = REQUEST_PREFIX.size
"""Bytes that a frame begins with, enough to answer it."""
_NO_MECHANISM: Final = "no mechanism"
_FIRST_BYTE_OF_GSSAPI: Final = b"\x60"
"""The tag that RFC 2743 begins a first token with; no API key begins with it."""


class UnexpectedRequest(ProtocolError):
    """A request that has no place in a SASL exchange."""


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from one message: a frame for the client, and what the exchange came to (None: it goes on)."""

    frame: bytes | None = None
    outcome: Authenticated | Failed | Verify | None = None


class SaslExchange:
    """One client that proves who it is; with ``again`` one that was known before.

    ``longest_ms`` bounds how long that proof holds, 0 does not.
    """

    def __init__(self, mechanisms: Mechanisms, *, longest_ms: int = 0, again: Identity | None = None) -> None:
        self._mechanisms = mechanisms
        self._longest_ms = longest_ms
        self._again = again
        self._conversation: Conversation | None = None
        self._raw_tokens = False
        self._version = 0
        self._correlation_id = 0
        self.mechanism = _NO_MECHANISM

    @property
    def takes_requests(self) -> bool:
        """Whether the next frame is a request that may also be ApiVersions, not a token."""
        return self._conversation is None

    @property
    def frame_max_bytes(self) -> int:
        """The largest length that the client's next frame may announce."""
        return FRAME_MAX_BYTES.get(self.mechanism, FIRST_FRAME_MAX_BYTES)

    def handshake(self, frame: Buffer) -> Step:
        """Take the SaslHandshake.

        :raises UnexpectedRequest: if it is another request: a client that does not know it has to authenticate.
        """
        if GSSAPI in self._mechanisms.names and frame[4:5] == _FIRST_BYTE_OF_GSSAPI:
            return self._without_handshake(frame)
        api_key, version, _ = _peek(frame)
        if api_key != ApiKey.SASL_HANDSHAKE or version not in known_versions(api_key):
            raise UnexpectedRequest(
                f"Unexpected Kafka request of type {_shouted(api_key)} during SASL handshake. "
                "Is the client's security.protocol set to SASL_SSL or SASL_PLAINTEXT?"
            )
        head = read_request_head(frame)
        wanted: str = Message.request(head, frame).entity.mechanism
        answer_type = response_type(ApiKey.SASL_HANDSHAKE, version)
        enabled = self._mechanisms.names
        if wanted not in enabled:
            answer = build(answer_type, error_code=ErrorCode.unsupported_sasl_mechanism, mechanisms=enabled)
            told = f"the client asked for the mechanism {wanted!r}, enabled are {', '.join(enabled)}"
            failed = Failed("", told, reason=FailureReason.MECHANISM)
            return Step(encode_response(api_key, version, head.correlation_id, answer), failed)
        if self._again is not None and wanted != self._again.mechanism:
            before = self._again.mechanism
            told = f"SASL mechanism '{wanted}' requested by client is not supported for re-authentication of '{before}'"
            return Step(None, Failed("", told, reason=FailureReason.OTHER_IDENTITY))
        self.mechanism = wanted
        self._conversation = self._mechanisms.start(wanted)
        self._raw_tokens = version == _HANDSHAKE_BY_TOKENS
        return Step(encode_response(api_key, version, head.correlation_id, build(answer_type, mechanisms=enabled)))

    def _without_handshake(self, frame: Buffer) -> Step:
        """Take the first token of a client of Kafka 0.9, which knows GSSAPI alone and no handshake (KIP-43)."""
        if self._again is not None:
            raise UnexpectedRequest("a token came before the SaslHandshake")
        self.mechanism = GSSAPI
        self._conversation = self._mechanisms.start(GSSAPI)
        self._raw_tokens = True
        return self.token(frame)

    def token(self, frame: Buffer) -> Step:
        """Take the client's next token, raw or in a SaslAuthenticate.

        :raises UnexpectedRequest: if it is another request.
        """
        if self._conversation is None:
            raise UnexpectedRequest("a token came before the SaslHandshake")
        if self._raw_tokens:
            return self._step(self._conversation.respond(bytes(frame[4:])))
        api_key, version, _ = _peek(frame)
        if api_key != ApiKey.SASL_AUTHENTICATE or version not in known_versions(api_key):
            raise UnexpectedRequest(f"Unexpected Kafka request of type {_shouted(api_key)} during SASL authentication.")
        head = read_request_head(frame)
        self._version, self._correlation_id = version, head.correlation_id
        return self._step(self._conversation.respond(Message.request(head, frame).entity.auth_bytes))

    def too_large(self, head: bytes, detail: str) -> Failed:
        """The failure of a client whose next frame is longer than it may be.

        It is told if ``head``, what is there of the first ``HEAD_SIZE`` bytes, says how: the rest need not be read.
        """
        message = f"Authentication failed: {detail}"
        if self._conversation is None or self._raw_tokens or len(head) < HEAD_SIZE:
            return Failed("", detail, None)
        api_key, self._version, self._correlation_id = peek_api(head)
        told = api_key == ApiKey.SASL_AUTHENTICATE and self._version in known_versions(api_key)
        return Failed(message if told else "", detail, None)

    def verified(self, result: object) -> Step:
        """The slow work that a step asked for is done."""
        if self._conversation is None:
            raise UnexpectedRequest("nothing was to be verified")
        return self._step(self._conversation.verified(result))

    def failure(self, failed: Failed) -> bytes | None:
        """The frame that tells the client of its failure; raw tokens have no way to tell."""
        if self._raw_tokens or self._conversation is None:
            return None
        return self._authenticate_answer(error_code=ErrorCode.sasl_authentication_failed, error_message=failed.message)

    def _step(self, outcome: Outcome) -> Step:
        if isinstance(outcome, Failed | Verify):
            return Step(None, outcome)
        finished = self._bounded(outcome) if isinstance(outcome, Authenticated) else None
        if finished is not None and self._again is not None and finished.principal != self._again.principal:
            return Step(None, _another_principal(self._again.principal, finished.principal))
        data = outcome.data
        if self._raw_tokens:
            return Step(None if data is None else len(data).to_bytes(4, "big") + data, finished)
        lifetime = timedelta(milliseconds=finished.session_lifetime_ms if finished else 0)
        return Step(self._authenticate_answer(auth_bytes=data or b"", session_lifetime=lifetime), finished)

    def _bounded(self, outcome: Authenticated) -> Authenticated:
        bounds = [bound for bound in (outcome.session_lifetime_ms, self._longest_ms) if bound > 0]
        return replace(outcome, session_lifetime_ms=min(bounds, default=0))

    def _authenticate_answer(self, **values: object) -> bytes:
        answer = build(response_type(ApiKey.SASL_AUTHENTICATE, self._version), **values)
        return encode_response(ApiKey.SASL_AUTHENTICATE, self._version, self._correlation_id, answer)


def _another_principal(before: Principal, after: Principal) -> Failed:
    names = f"{before.type}.{before.name}: {after.type}.{after.name}"
    message = f"Cannot change principals during re-authentication from {names}"
    return Failed(message, message, after.name, FailureReason.OTHER_IDENTITY)


def _peek(frame: Buffer) -> tuple[int, int, int]:
    try:
        return peek_api(frame)
    except ProtocolError as fault:
        raise UnexpectedRequest("bytes that are no Kafka request came during SASL handshake") from fault


def _shouted(api_key: int) -> str:
    try:
        return ApiKey(api_key).name
    except ValueError:
        return api_label(api_key)
