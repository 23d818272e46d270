"""An issuer of tokens, made by the tests: honest ones, and such as an attacker would make."""

import base64
import json
import time
from typing import Any

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

NAME = "https://issuer.example.com"
AUDIENCE = "kafka"
_RSA = RSAKey.generate_key(2048)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs with its newest key; publishes all those it still has."""

    def __init__(self, kid: str = "one") -> None:
        self.keys: dict[str, RSAKey | ECKey] = {}
        self.rotate(kid, _RSA)

    def rotate(self, kid: str, key: RSAKey | ECKey | None = None) -> None:
        """Sign with another key from now on."""
        self.kid = kid
        self.keys[kid] = key or ECKey.generate_key("P-256")

    @property
    def algorithm(self) -> str:
        return "RS256" if isinstance(self.keys[self.kid], RSAKey) else "ES256"

    def jwks(self, **more: Any) -> bytes:
        """The public keys."""
        keys = [key.as_dict(private=False) | {"kid": kid, "use": "sig"} | more for kid, key in self.keys.items()]
        return json.dumps({"keys": keys}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token says; None takes a claim away."""
        now = int(time.time())
        good = {"iss": NAME, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300}
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, payload: bytes | None = None, **changes: Any) -> str:
        """A token that is good but for the changes."""
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"} | (header or {})
        raw = json.dumps({name: value for name, value in head.items() if value is not None}).encode()
        return self.sign(raw, json.dumps(self.claims(**changes)).encode() if payload is None else payload)

    def sign(self, header: bytes, payload: bytes) -> str:
        """Sign any bytes at all, by the algorithm that fits the newest key."""
        signed = f"{encoded(header)}.{encoded(payload)}"
        algorithm = JWSRegistry.algorithms[self.algorithm]
        return f"{signed}.{encoded(algorithm.sign(signed.encode(), self.keys[self.kid]))}"
