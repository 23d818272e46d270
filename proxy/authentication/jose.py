"""What joserfc does for us: keys from their JSON form, and signatures checked.

Apart from the rest, so that only who uses tokens loads the library: it takes 2 MB.
"""

from collections.abc import Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from proxy.authentication.jwks import KEY_TYPES, MIN_RSA_BITS

PublicKey = RSAKey | ECKey | OKPKey

_ALGORITHMS: Final = JWSRegistry(algorithms=tuple(KEY_TYPES))


def public_key(member: Mapping[str, Any]) -> PublicKey | None:
    """Return the key, or None when it is none or too weak."""
    try:
        key = import_key({name: value for name, value in member.items() if name not in ("use", "key_ops")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, PublicKey) or (isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS):
        return None
    return key


def has_signed(key: PublicKey, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Whether the owner of the key signed these bytes by this algorithm."""
    try:
        return bool(_ALGORITHMS.get_alg(algorithm).verify(signed, signature, key))
    except (JoseError, ValueError):  # e.g. a curve that does not belong to the algorithm
        return False
