"""SASL/SCRAM (RFC 5802, RFC 7677), client side: the broker has to prove that it knows the password as well."""

import base64
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from proxy.authentication.credentials import MAX_ITERATIONS, MIN_ITERATIONS, ScramMechanism
from proxy.upstream.mechanisms import MechanismFailed

_NO_BINDING: Final = "n,,"
_BASE64: Final = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?"
_SERVER_FIRST: Final = re.compile(
    rf"r=(?P<nonce>[\x21-\x2B\x2D-\x7E]+),s=(?P<salt>{_BASE64}),i=(?P<iterations>[1-9][0-9]{{0,8}})(?:,.*)?", re.ASCII
)
_SERVER_FINAL: Final = re.compile(rf"(?:v=(?P<signature>{_BASE64})|e=(?P<error>[^,]*))(?:,.*)?", re.ASCII)
_MAX_REMEMBERED: Final = 16
_MAX_MESSAGE: Final = 4_096


class ScramSecret:
    """A user and password. What is slow to compute of it is remembered: a broker keeps its salt."""

    def __init__(self, mechanism: ScramMechanism, username: str, password: str) -> None:
        self.mechanism = mechanism
        self.username = username
        self._password = password
        self._salted: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()

    def salted(self, salt: bytes, iterations: int) -> bytes:
        """The salted password. May be called by several threads: at worst each computes the same."""
        key = (salt, iterations)
        found = self._salted.get(key)
        if found is None:
            found = self.mechanism.salted_password(self._password, salt, iterations)
            self._salted[key] = found
            while len(self._salted) > _MAX_REMEMBERED:
                self._salted.popitem(last=False)
        return found


class ScramClient:
    """One exchange. ``nonce`` gives fresh printable text without commas."""

    def __init__(self, secret: ScramSecret, nonce: Callable[[], str]) -> None:
        self.name = secret.mechanism.value
        self.complete = False
        self._secret = secret
        self._nonce = nonce()
        name = secret.username.replace("=", "=3D").replace(",", "=2C")
        self._first_bare = f"n={name},r={self._nonce}"
        self._expected_signature: bytes | None = None
        self._over = False

    def first(self) -> bytes:
        """Who we are."""
        return f"{_NO_BINDING}{self._first_bare}".encode()

    def respond(self, challenge: bytes) -> bytes | None:
        """The proof for the broker's challenge, then None if the broker has proven itself."""
        if self._over or len(challenge) > _MAX_MESSAGE:
            raise MechanismFailed("a message that no SCRAM exchange has")
        try:
            message = challenge.decode()
        except UnicodeDecodeError as error:
            raise MechanismFailed("the broker's message is not UTF-8") from error
        if self._expected_signature is None:
            return self._prove(message)
        self._over = True
        self._check_broker(message, self._expected_signature)
        return None

    def _prove(self, message: str) -> bytes:
        match = _SERVER_FIRST.fullmatch(message)
        if match is None:
            raise MechanismFailed("the broker's first message is malformed")
        nonce, iterations = match["nonce"], int(match["iterations"])
        # Its own part must be there, or an old exchange could be played to us again.
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise MechanismFailed("the broker's nonce does not continue ours")
        # Few would let whoever plays the broker guess the password fast, many would keep us busy.
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise MechanismFailed(f"expected {MIN_ITERATIONS} to {MAX_ITERATIONS} iterations, found {iterations}")
        salt = base64.b64decode(match["salt"])
        if not salt:
            raise MechanismFailed("the broker's salt is empty")
        mechanism = self._secret.mechanism
        salted = self._secret.salted(salt, iterations)
        unproven = f"c={_encode(_NO_BINDING.encode())},r={nonce}"
        signed = f"{self._first_bare},{message},{unproven}".encode()
        client_key = mechanism.hmac(salted, b"Client Key")
        signature = mechanism.hmac(mechanism.digest(client_key), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected_signature = mechanism.hmac(mechanism.hmac(salted, b"Server Key"), signed)
        return f"{unproven},p={_encode(proof)}".encode()

    @staticmethod
    def _check_broker(message: str, expected: bytes) -> None:
        match = _SERVER_FINAL.fullmatch(message)
        if match is None:
            raise MechanismFailed("the broker's last message is malformed")
        if match["error"] is not None:
            raise MechanismFailed(f"the broker says {match['error']}")
        if not hmac.compare_digest(base64.b64decode(match["signature"]), expected):
            raise MechanismFailed("the broker's signature is wrong: it does not know the password, so it is no broker")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
