"""The public keys of a token issuer: a JSON Web Key Set (RFC 7517)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from proxy.authentication.strict_json import InvalidJson, parse_object

if TYPE_CHECKING:
    from proxy.authentication.jose import PublicKey

MAX_KEYS: Final = 100
"""More keys than that are no issuer's: each may be tried on a token that names none."""

MIN_RSA_BITS: Final = 2_048
"""RFC 7518 section 3.3."""

KEY_TYPES: Final = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "Ed25519": "OKP",
}
"""Every algorithm that can be allowed, and the type of key that it needs. None of them has a shared secret."""


class InvalidKeySet(ValueError):
    """Bytes that are no key set, or one without a key to check a token with."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys that signatures are checked with."""

    keys: "tuple[PublicKey, ...]"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a key set. Keys that cannot check a signature are left out, as RFC 7517 section 5 asks.

        Raises InvalidKeySet.
        """
        try:
            members = parse_object(data).get("keys")
        except InvalidJson as error:
            raise InvalidKeySet(f"the key set {error}") from error
        if not isinstance(members, list):
            raise InvalidKeySet("the key set has no list 'keys'")
        if len(members) > MAX_KEYS:
            raise InvalidKeySet(f"the key set has {len(members)} keys, expected at most {MAX_KEYS}")
        found = tuple(key for member in members if (key := _usable(member)) is not None)
        if not found:
            raise InvalidKeySet("the key set has no key that checks signatures")
        return cls(found)

    def candidates(self, algorithm: str, kid: str | None) -> "Iterable[PublicKey]":
        """Return the keys that may have signed a token of that header."""
        return (
            key
            for key in self.keys
            if (kid is None or key.kid == kid)
            and key.key_type == KEY_TYPES[algorithm]
            # A key for one algorithm is for no other, or its owner's choice would be the token's.
            and key.alg in (None, algorithm)
        )


def _usable(member: Any) -> "PublicKey | None":
    """Return the key, or None when it is none to check signatures with: secrets above all."""
    from proxy.authentication.jose import public_key

    if not isinstance(member, dict) or not _is_for_signatures(member):
        return None
    return public_key(member)


def _is_for_signatures(member: Mapping[str, Any]) -> bool:
    is_weak = member.get("kty") == "RSA" and len(str(member.get("n"))) * 6 < MIN_RSA_BITS
    return (
        member.get("kty") in KEY_TYPES.values()
        and not is_weak
        and isinstance(member.get("kid", ""), str)
        and member.get("use", "sig") == "sig"
        and "verify" in member.get("key_ops", ["verify"])
    )
