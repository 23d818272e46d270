"""SCRAM verifiers: what is kept of a password (RFC 5802 section 3), in Kafka's text form.

Kafka feeds the password's plain UTF-8 bytes to PBKDF2 (ScramFormatter.normalize): no SASLprep. So do we, or verifiers
made by kafka-configs would stop matching.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

MIN_ITERATIONS = 4_096  # Kafka's ScramMechanism.minIterations; its clients refuse less
DEFAULT_ITERATIONS = 8_192
MAX_ITERATIONS = 1_000_000  # a PLAIN login pays for them on our CPU, and kafka-python refuses more

_RANDOM_BITS = 130  # Kafka's ScramFormatter.secureRandomString
_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_FIELDS = ("salt", "stored_key", "server_key", "iterations")


class ScramMechanism(Enum):
    """The SCRAM mechanisms Kafka knows (KIP-84). Earlier ones are preferred for checking PLAIN passwords."""

    SHA_256 = "SCRAM-SHA-256"
    SHA_512 = "SCRAM-SHA-512"

    @property
    def hash_name(self) -> str:
        """The hash function as hashlib names it."""
        return self.value.removeprefix("SCRAM-").replace("-", "").lower()

    @property
    def digest_size(self) -> int:
        """Length of its keys, signatures and proofs in bytes."""
        return hashlib.new(self.hash_name).digest_size

    def digest(self, data: bytes) -> bytes:
        """Return H(data)."""
        return hashlib.new(self.hash_name, data).digest()

    def hmac(self, key: bytes, data: bytes) -> bytes:
        """Return HMAC(key, data)."""
        return hmac.digest(key, data, self.hash_name)

    def salted_password(self, password: str, salt: bytes, iterations: int) -> bytes:
        """Return Hi(password, salt, iterations). Slow by design: milliseconds per 10,000 iterations."""
        return hashlib.pbkdf2_hmac(self.hash_name, password.encode("utf-8"), salt, iterations)


@dataclass(frozen=True, slots=True)
class ScramCredential:
    """A user's verifier for one mechanism. The keys are left out of repr: they let a thief play the server."""

    mechanism: ScramMechanism
    salt: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    iterations: int

    @classmethod
    def of_password(
        cls, mechanism: ScramMechanism, password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS
    ) -> Self:
        """Derive the verifier of a password. Slow (PBKDF2).

        Raises ValueError when the iterations are out of range, the salt is empty, or the password is empty or not
        encodable as UTF-8.
        """
        _check_iterations(iterations)
        if not salt or not password:
            raise ValueError("an empty salt or password makes no verifier")
        salted = mechanism.salted_password(password, salt, iterations)
        client_key = mechanism.hmac(salted, b"Client Key")
        return cls(mechanism, salt, mechanism.digest(client_key), mechanism.hmac(salted, b"Server Key"), iterations)

    @classmethod
    def parse(cls, mechanism: ScramMechanism, text: str) -> Self:
        """Read Kafka's text form, `salt=...,stored_key=...,server_key=...,iterations=N` (ScramCredentialUtils).

        Raises ValueError with a sentence that repeats none of the values.
        """
        fields = _split_fields(text)
        iterations = fields["iterations"]
        if not re.fullmatch(r"[1-9][0-9]{0,8}", iterations):
            raise ValueError("'iterations' is not a positive number")
        _check_iterations(int(iterations))
        salt = _decode("salt", fields["salt"])
        if not salt:
            raise ValueError("'salt' is empty")
        stored_key = _decode_key(mechanism, "stored_key", fields["stored_key"])
        server_key = _decode_key(mechanism, "server_key", fields["server_key"])
        return cls(mechanism, salt, stored_key, server_key, int(iterations))

    def format(self) -> str:
        """Return Kafka's text form, which `parse` reads."""
        salt, stored_key, server_key = (
            base64.b64encode(value).decode("ascii") for value in (self.salt, self.stored_key, self.server_key)
        )
        return f"salt={salt},stored_key={stored_key},server_key={server_key},iterations={self.iterations}"

    def matches(self, password: str) -> bool:
        """Tell whether this is the verifier of `password`, in time that does not depend on how wrong it is. Slow."""
        salted = self.mechanism.salted_password(password, self.salt, self.iterations)
        stored_key = self.mechanism.digest(self.mechanism.hmac(salted, b"Client Key"))
        return hmac.compare_digest(stored_key, self.stored_key)


def decoy_credential(secret: bytes, mechanism: ScramMechanism, username: str, iterations: int) -> ScramCredential:
    """Return the verifier shown for a user that does not exist: the same at every attempt, and no password's.

    Whoever knows `secret` can tell strangers from users, and a stranger's salt changes with it: keep it, and share it
    among all processes that answer on the same address.
    """
    label = f"{mechanism.value}\0{username}".encode()

    def derived(purpose: bytes) -> bytes:
        return mechanism.hmac(secret, purpose + b"\0" + label)

    salt = random_text(lambda bits: int.from_bytes(derived(b"salt"), "big") >> (8 * mechanism.digest_size - bits))
    return ScramCredential(mechanism, salt.encode("ascii"), derived(b"stored key"), derived(b"server key"), iterations)


def random_text(random_bits: Callable[[int], int]) -> str:
    """Return a nonce or salt as Kafka makes them: 130 bits in base 36. Pass `secrets.randbits`."""
    number = random_bits(_RANDOM_BITS)
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _BASE_36[digit] + text
    return text or "0"


def _split_fields(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    fields = {name: value for name, _, value in pairs}
    if len(pairs) != len(_FIELDS) or fields.keys() != set(_FIELDS):
        raise ValueError("expected salt=...,stored_key=...,server_key=...,iterations=N")
    return fields


def _decode(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError(f"'{name}' is not base64") from error


def _decode_key(mechanism: ScramMechanism, name: str, value: str) -> bytes:
    key = _decode(name, value)
    if len(key) != mechanism.digest_size:
        raise ValueError(f"'{name}' has {len(key)} bytes where {mechanism.value} has {mechanism.digest_size}")
    return key


def _check_iterations(iterations: int) -> None:
    if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise ValueError(f"{iterations} iterations: expected {MIN_ITERATIONS} to {MAX_ITERATIONS}")
