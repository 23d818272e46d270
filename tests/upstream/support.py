"""A broker that asks for TLS and SASL, on loopback, and remembers every byte and every request."""

import asyncio
import secrets
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, response_type
from protocol.codec import build, item_type
from protocol.header import read_request_head
from protocol.splice import Message, encode_response
from proxy.authentication.credentials import ScramCredential, ScramMechanism, random_text
from proxy.authentication.outcome import Authenticated, Challenge
from proxy.authentication.scram import ScramConversation
from proxy.upstream.mechanisms import ClientMechanism, PlainClient
from proxy.upstream.scram import ScramClient, ScramSecret

USER, PASSWORD = "door", "sesame, open=1"
RANGES = {ApiKey.API_VERSIONS: range(5), ApiKey.SASL_HANDSHAKE: range(2), ApiKey.SASL_AUTHENTICATE: range(3)}
BEFORE_1_0 = {ApiKey.API_VERSIONS: range(1), ApiKey.SASL_HANDSHAKE: range(1)}


def nonce() -> str:
    return random_text(secrets.randbits)


def scram_client(password: str = PASSWORD, mechanism: ScramMechanism = ScramMechanism.SHA_256) -> ClientMechanism:
    return ScramClient(ScramSecret(mechanism, USER, password), nonce)


def plain_client(password: str = PASSWORD) -> ClientMechanism:
    return PlainClient(USER, password)


class OneUser:
    """The users of a broker that knows us and nobody else."""

    def credential(self, username: str, mechanism: ScramMechanism) -> tuple[ScramCredential, bool]:
        return ScramCredential.of_password(mechanism, PASSWORD, b"salt of the sea", 4096), username == USER


@dataclass(frozen=True)
class Refused:
    message: str


class Desk:
    """What a broker says to the requests of one login, without I/O."""

    def __init__(
        self, ranges: dict[int, range] = RANGES, mechanisms: tuple[str, ...] = ("PLAIN", "SCRAM-SHA-256"), life_s=0.0
    ) -> None:
        self.ranges = ranges
        self.mechanisms = mechanisms
        self.life_s = life_s
        self.asked: list[tuple[str, int]] = []
        self.logged_in = False
        self.logins = 0
        self._chosen = ""
        self._scram: ScramConversation | None = None
        self._bare = False

    def answer(self, frame: bytes) -> bytes | None:
        """The answer, or None: close the connection."""
        if self._bare and not self.logged_in:
            return self._bare_answer(frame)
        head = read_request_head(frame)
        key, version = ApiKey(head.api_key), head.api_version
        self.asked.append((key.label, version))
        if version not in self.ranges.get(key, ()):
            return None
        request = Message.request(head, frame).entity
        values = {
            ApiKey.API_VERSIONS: self._api_versions,
            ApiKey.SASL_HANDSHAKE: self._handshake,
            ApiKey.SASL_AUTHENTICATE: self._authenticate,
        }[key](version, request)
        return encode_response(key, version, head.correlation_id, build(response_type(key, version), **values))

    def _api_versions(self, version: int, _request: Any) -> dict[str, Any]:
        entry = item_type(response_type(ApiKey.API_VERSIONS, version), "api_keys")
        keys = [build(entry, api_key=k, min_version=v[0], max_version=v[-1]) for k, v in self.ranges.items()]
        return {"api_keys": tuple(keys)}

    def _handshake(self, version: int, request: Any) -> dict[str, Any]:
        self._chosen, self._scram = request.mechanism, None
        known = request.mechanism in self.mechanisms
        self._bare = known and version == 0
        if known and self._chosen.startswith("SCRAM"):
            self._scram = ScramConversation(ScramMechanism(self._chosen), OneUser(), nonce)
        error = ErrorCode.none if known else ErrorCode.unsupported_sasl_mechanism
        return {"error_code": error, "mechanisms": self.mechanisms}

    def _authenticate(self, _version: int, request: Any) -> dict[str, Any]:
        outcome = self._judge(bytes(request.auth_bytes))
        if isinstance(outcome, Refused):
            return {"error_code": ErrorCode.sasl_authentication_failed, "error_message": outcome.message}
        return {"auth_bytes": outcome, "session_lifetime": timedelta(seconds=self.life_s)}

    def _bare_answer(self, frame: bytes) -> bytes | None:
        outcome = self._judge(frame[4:])
        return None if isinstance(outcome, Refused) else len(outcome).to_bytes(4, "big") + outcome

    def _judge(self, token: bytes) -> bytes | Refused:
        if self._scram is not None:
            outcome = self._scram.respond(token)
            if isinstance(outcome, Authenticated):
                self._let_in()
            elif not isinstance(outcome, Challenge):
                return Refused(outcome.message)
            return outcome.data
        if self._chosen == "PLAIN" and token != f"\0{USER}\0{PASSWORD}".encode():
            return Refused("Authentication failed: Invalid username or password")
        self._let_in()
        return b""

    def _let_in(self) -> None:
        self.logged_in = True
        self.logins += 1


@dataclass
class SecuredBroker:
    """Serves logins by a desk of its own for each connection; what comes after a login is echoed, frame by frame."""

    tls: ssl.SSLContext | None = None
    ranges: dict[int, range] = field(default_factory=lambda: dict(RANGES))
    mechanisms: tuple[str, ...] = ("PLAIN", "SCRAM-SHA-256")
    life_s: float = 0.0
    silent: bool = False
    desk: type[Desk] = Desk
    desks: list[Desk] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def start(self) -> "SecuredBroker":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        desk = self.desk(self.ranges, self.mechanisms, self.life_s)
        self.desks.append(desk)
        try:
            while True:
                head = await reader.readexactly(4)
                frame = head + await reader.readexactly(int.from_bytes(head, "big"))
                self.received.append(frame)
                if self.silent:
                    continue
                answer = frame if self._is_for_echo(desk, frame) else desk.answer(frame)
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    @staticmethod
    def _is_for_echo(desk: Desk, frame: bytes) -> bool:
        return desk.logged_in and frame[4:6] not in (b"\0\x11", b"\0\x24")


def request(correlation_id: int, body: bytes = b"") -> bytes:
    """A frame that a broker echoes: an answer begins with the correlation id."""
    content = correlation_id.to_bytes(4, "big") + body
    return len(content).to_bytes(4, "big") + content
