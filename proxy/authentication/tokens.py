"""Bearer tokens: signed JWTs (RFC 7519, RFC 7515), checked as Kafka's BrokerJwtValidator does and RFC 8725 advises.

Only the listed algorithms are ever tried, only keys of the issuer's own set, and nothing in the token's header chooses
another key (`jwk`, `jku`, `x5u`, `x5c` are not looked at). A header that demands something (`crit`) is refused whole.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from proxy.authentication.jwks import KEY_TYPES, KeySet
from proxy.authentication.strict_json import InvalidJson, parse_object

DEFAULT_ALGORITHMS: Final = tuple(KEY_TYPES)

_END_OF_TIME: Final = 1e12
_SEGMENTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say, in the words of Kafka's `sasl.oauthbearer.*` properties."""

    expected_issuer: str
    expected_audience: tuple[str, ...] = ()
    clock_skew_seconds: int = 30
    sub_claim_name: str = "sub"
    scope_claim_name: str = "scope"
    required_scope: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS


@dataclass(frozen=True, slots=True)
class TokenAccepted:
    """The token is good: whose it is, and for how long it will be."""

    username: str
    lifetime_ms: int


@dataclass(frozen=True, slots=True)
class TokenRejected:
    """The token is not taken. `detail` is for our log; `scope` is what the token lacks, if it is only that.

    `judged` is False if there was nothing to judge it by: the issuer's keys were never had.
    """

    detail: str
    username: str | None = None
    scope: str | None = None
    judged: bool = True


@dataclass(frozen=True, slots=True)
class KeyUnknown:
    """The key that signed the token is not in the set; there may be a newer set. `seen` is the one looked at."""

    detail: str
    seen: KeySet | None


TokenResult = TokenAccepted | TokenRejected | KeyUnknown


class KeySource(Protocol):
    """Where the issuer's keys are kept."""

    @property
    def keys(self) -> KeySet | None:
        """The keys as they were told last; None as long as none were."""
        ...

    def renewed(self, seen: KeySet | None) -> KeySet | None:
        """Ask for newer keys than `seen`, and wait for them; the same come back when there are none."""
        ...


class TokenChecker:
    """Checks tokens of one issuer. `now` is the wall clock in seconds."""

    def __init__(self, rules: TokenRules, source: KeySource, now: Callable[[], float]) -> None:
        self._rules = rules
        self._source = source
        self._now = now

    def check(self, token: str) -> TokenResult:
        """Judge a token by the keys at hand. Costs a signature check."""
        return self._check(token, self._source.keys)

    def check_again(self, token: str, seen: KeySet | None) -> TokenAccepted | TokenRejected:
        """Judge a token by newer keys than `seen`. Waits for the issuer, for a bounded time."""
        result = self._check(token, self._source.renewed(seen))
        if isinstance(result, KeyUnknown):
            return TokenRejected(result.detail, judged=result.seen is not None)
        return result

    def _check(self, token: str, keys: KeySet | None) -> TokenResult:
        try:
            signed = _Signed.parse(token)
        except InvalidJson as error:
            return TokenRejected(f"the header of the token {error}")
        except ValueError as error:
            return TokenRejected(str(error))
        fault = self._header_fault(signed.header)
        if fault is not None:
            return TokenRejected(fault)
        unproven = _signature_fault(signed, keys)
        if unproven is not None:
            return unproven
        try:
            return self._judge(parse_object(signed.payload))
        except InvalidJson as error:
            return TokenRejected(f"the payload of the token {error}")

    def _header_fault(self, header: Mapping[str, Any]) -> str | None:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            return f"the token is signed with {_shown(algorithm)}, expected one of {', '.join(self._rules.algorithms)}"
        if "crit" in header:
            return "the token's header demands extensions (crit), and there are none here"
        if not isinstance(header.get("kid", ""), str):
            return "the token's kid is not a text"
        return None

    def _judge(self, claims: Mapping[str, Any]) -> TokenAccepted | TokenRejected:
        rules = self._rules
        username = claims.get(rules.sub_claim_name)
        if not isinstance(username, str) or not username.strip():
            return TokenRejected(f"the token's claim {rules.sub_claim_name!r} is not a name")
        fault = self._time_fault(claims) or self._origin_fault(claims)
        if fault is not None:
            return TokenRejected(fault, username)
        missing = [scope for scope in rules.required_scope if scope not in _scopes(claims.get(rules.scope_claim_name))]
        if missing:
            return TokenRejected(f"the token lacks the scope {' '.join(missing)}", username, " ".join(missing))
        left = claims["exp"] + rules.clock_skew_seconds - self._now()
        return TokenAccepted(username, max(1, int(left * 1000)))

    def _time_fault(self, claims: Mapping[str, Any]) -> str | None:
        now, skew = self._now(), self._rules.clock_skew_seconds
        for name in ("exp", "iat", "nbf"):
            value = claims.get(name)
            if value is None and name != "nbf":
                return f"the token has no claim {name!r}"
            if value is not None and not _is_time(value):
                return f"the token's claim {name!r} is not a time"
        if claims["exp"] <= now - skew:
            return f"the token expired {now - claims['exp']:.0f} seconds ago"
        not_before = claims.get("nbf")
        if not_before is not None and not_before > now + skew:
            return f"the token is valid only in {not_before - now:.0f} seconds: compare the clocks"
        return None

    def _origin_fault(self, claims: Mapping[str, Any]) -> str | None:
        rules = self._rules
        if claims.get("iss") != rules.expected_issuer:
            return f"the token's issuer is {_shown(claims.get('iss'))}, expected {rules.expected_issuer!r}"
        audience = claims.get("aud")
        given = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        if rules.expected_audience and not any(each in rules.expected_audience for each in given):
            return f"the token's audience is {_shown(audience)}, expected {' or '.join(rules.expected_audience)}"
        return None


@dataclass(frozen=True, slots=True)
class _Signed:
    """The parts of a token."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, token: str) -> Self:
        """Raises ValueError with a sentence, InvalidJson for the header."""
        segments = _SEGMENTS.fullmatch(token)
        if segments is None:
            raise ValueError("the token is not a signed JWT")
        header, payload, signature = (_decode(segment) for segment in segments.groups())
        return cls(parse_object(header), payload, f"{segments[1]}.{segments[2]}".encode(), signature)


def _signature_fault(token: _Signed, keys: KeySet | None) -> TokenRejected | KeyUnknown | None:
    from proxy.authentication.jose import has_signed

    if keys is None:
        return KeyUnknown("the keys of the token issuer are not known yet", keys)
    name, kid = token.header["alg"], token.header.get("kid")
    candidates = tuple(keys.candidates(name, kid))
    if any(has_signed(key, name, token.signed, token.signature) for key in candidates):
        return None
    if candidates and kid is not None:
        return TokenRejected("the token's signature is wrong")
    return KeyUnknown(f"no key of the issuer fits the token's kid {_shown(kid)}", keys)


def _decode(segment: str) -> bytes:
    if len(segment) % 4 == 1:
        raise ValueError("the token is not base64url")
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _scopes(value: Any) -> list[Any]:
    """Return the scopes of a claim: a list, or one text with blanks between them (RFC 8693 section 4.2)."""
    return value if isinstance(value, list) else value.split() if isinstance(value, str) else []


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _END_OF_TIME


def _shown(value: Any) -> str:
    """Return a stranger's value as a log may hold it."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
