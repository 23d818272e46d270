"""Logging in to a broker, without I/O: bytes to send, bytes that came, and in the end it is done or has failed.

ApiVersions tells what the broker can do; then SaslHandshake, and the tokens in SaslAuthenticate (KIP-152). Brokers
before 1.0 do not have the latter: their handshake is of version 0, and bare tokens follow it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type
from protocol.codec import build
from protocol.errors import ProtocolError
from protocol.framing import FrameSplitter
from protocol.splice import decode_response, encode_request
from protocol.versions import broker_ranges
from proxy.upstream.mechanisms import ClientMechanism, MechanismFailed

_CLIENT_ID: Final = "doorkeeper"
_MAX_FRAME: Final = 1024 * 1024


class Step(Enum):
    """What a login is about at the moment."""

    VERSIONS = "api_versions"
    HANDSHAKE = "sasl_handshake"
    AUTHENTICATE = "sasl_authenticate"


class LoginFailed(Exception):
    """The broker does not let us in; ``remedy`` says what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class Login:
    """One login. With the ``versions`` of an earlier one on the same connection it authenticates again (KIP-368).

    Requests are numbered from ``first_id`` on.
    """

    def __init__(
        self, mechanism: ClientMechanism, *, versions: dict[int, range] | None = None, first_id: int = 0
    ) -> None:
        self.mechanism = mechanism
        self._splitter = FrameSplitter(_MAX_FRAME)
        self._correlation_id = first_id
        self._asked_version = 0
        self.versions = versions
        self.step = Step.VERSIONS
        self.done = False
        self.lifetime_s = 0.0
        """How long the broker takes us for who we are; 0: for ever."""

    def begin(self) -> bytes:
        """The first bytes to send."""
        return self._ask(ApiKey.API_VERSIONS, 0) if self.versions is None else self._shake_hands()

    def take(self, data: bytes) -> bytes:
        """Take what came; what to send is given back, perhaps nothing, and also when the login is done by it.

        :raises LoginFailed: if we are not let in.
        """
        self._splitter.feed(data)
        answer = b""
        try:
            while (frame := self._splitter.next()) is not None:
                if self.done:
                    raise LoginFailed("the broker sent more than it was asked for", _NO_BROKER)
                answer += self._take_frame(frame)
        except ProtocolError as fault:
            raise LoginFailed(f"the answer cannot be read: {fault}", _NO_BROKER) from fault
        except MechanismFailed as fault:
            raise LoginFailed(f"{self.mechanism.name}: {fault}", _CREDENTIALS) from fault
        if self.done and self._splitter.buffered:
            raise LoginFailed("the broker sent more than it was asked for", _NO_BROKER)
        return answer

    @property
    def awaited(self) -> int:
        """The correlation id of the answer that has to come next."""
        return self._correlation_id

    def closed(self) -> LoginFailed:
        """Why we failed if the broker has closed the connection now."""
        if self.step is Step.AUTHENTICATE:
            return LoginFailed("the broker closed the connection instead of an answer", _CREDENTIALS)
        return LoginFailed("the broker closed the connection", _NOT_SASL)

    def _take_frame(self, frame: memoryview) -> bytes:
        if self.step is Step.VERSIONS:
            return self._take_versions(self._answer(ApiKey.API_VERSIONS, frame))
        if self.step is Step.HANDSHAKE:
            return self._take_handshake(self._answer(ApiKey.SASL_HANDSHAKE, frame))
        if self._bare:
            return self._take_token(bytes(frame[4:]))
        return self._take_authenticate(self._answer(ApiKey.SASL_AUTHENTICATE, frame))

    def _take_versions(self, answer: Any) -> bytes:
        if answer.error_code is not ErrorCode.none:
            raise LoginFailed(f"the broker does not tell its API versions: {answer.error_code.name}", _NO_BROKER)
        self.versions = broker_ranges(answer)
        if ApiKey.SASL_HANDSHAKE not in self.versions:
            raise LoginFailed("the broker knows no SASL", _NOT_SASL)
        return self._shake_hands()

    def _shake_hands(self) -> bytes:
        self.step = Step.HANDSHAKE
        return self._ask(ApiKey.SASL_HANDSHAKE, 0 if self._bare else 1, mechanism=self.mechanism.name)

    @property
    def _bare(self) -> bool:
        versions = self.versions or {}
        return 1 not in versions.get(ApiKey.SASL_HANDSHAKE, ()) or ApiKey.SASL_AUTHENTICATE not in versions

    def _take_handshake(self, answer: Any) -> bytes:
        name = self.mechanism.name
        if answer.error_code is ErrorCode.unsupported_sasl_mechanism:
            offered = ", ".join(answer.mechanisms) or "none"
            raise LoginFailed(f"the broker does not take {name}, but {offered}", "set cluster.sasl.mechanism to one")
        if answer.error_code is not ErrorCode.none:
            raise LoginFailed(f"the broker refuses {name}: {answer.error_code.name}", _NOT_SASL)
        self.step = Step.AUTHENTICATE
        return self._token(self.mechanism.first())

    def _take_authenticate(self, answer: Any) -> bytes:
        if answer.error_code is not ErrorCode.none:
            said = answer.error_message or answer.error_code.name
            raise LoginFailed(f"the broker refuses us: {said}", _CREDENTIALS)
        token = self._take_token(bytes(answer.auth_bytes))
        lifetime = getattr(answer, "session_lifetime", None)
        self.lifetime_s = lifetime.total_seconds() if lifetime is not None else 0.0
        return token

    def _take_token(self, challenge: bytes) -> bytes:
        token = self.mechanism.respond(challenge)
        if token is None:
            self.done = True
            return b""
        self.done = self._bare and self.mechanism.complete
        return self._token(token)

    def _token(self, token: bytes) -> bytes:
        if self._bare:
            return len(token).to_bytes(4, "big") + token
        theirs, ours = (self.versions or {})[ApiKey.SASL_AUTHENTICATE], known_versions(ApiKey.SASL_AUTHENTICATE)
        return self._ask(ApiKey.SASL_AUTHENTICATE, min(theirs[-1], ours[-1]), auth_bytes=token)

    def _ask(self, api_key: ApiKey, version: int, **values: Any) -> bytes:
        self._correlation_id += 1
        self._asked_version = version
        return encode_request(
            api_key, version, self._correlation_id, _CLIENT_ID, build(request_type(api_key, version), **values)
        )

    def _answer(self, api_key: ApiKey, frame: memoryview) -> Any:
        correlation_id, answer = decode_response(api_key, self._asked_version, frame)
        if correlation_id != self._correlation_id:
            raise LoginFailed(f"expected the answer {self._correlation_id}, found {correlation_id}", _NO_BROKER)
        return answer


_CREDENTIALS: Final = "look at the user and the secret in cluster.sasl"
_NO_BROKER: Final = "is this a Kafka broker's port, and is cluster.security_protocol that of its listener?"
_NOT_SASL: Final = "is cluster.security_protocol that of the broker's listener? It seems not to ask for SASL"
