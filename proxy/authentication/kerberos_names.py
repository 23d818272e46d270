"""From a Kerberos principal to a principal's name: Kafka's `sasl.kerberos.principal.to.local.rules`.

`DEFAULT` takes the first part of a name of our own realm. `RULE:[n:format](match)s/from/to/g/L` is for names of n
parts: the format is filled with them (`$0` is the realm), has to match as a whole, and is then changed; `L` and `U`
change its case. The first rule that applies decides, and what it gives may hold neither `/` nor `@`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from policies.java_regex import InvalidPattern, compile_java

DEFAULT: Final = "DEFAULT"

_NAME: Final = re.compile(r"([^/@]+)(?:/([^/@]+))?@([^/@]+)")
_RULE: Final = re.compile(
    r"RULE:\[(?P<parts>[0-9]+):(?P<format>[^\]]*)\](?:\((?P<match>[^)]*)\))?"
    r"(?:s/(?P<pattern>[^/]*)/(?P<to>[^/]*)/(?P<all>g)?)?/?(?P<case>[LU])?",
    re.ASCII,
)
_PARAMETER: Final = re.compile(r"\$([0-9]*)", re.ASCII)
_REFERENCE: Final = re.compile(r"\\(.)|\$([0-9]?)", re.ASCII | re.DOTALL)


class InvalidKerberosRule(ValueError):
    """A rule that cannot be read."""


class NoKerberosName(LookupError):
    """A Kerberos principal that no rule makes a name of: its owner is not let in."""


class KerberosNames:
    """The rules of a listener, in order. `realm` is our own."""

    def __init__(self, realm: str, rules: "Sequence[_Rule | None]") -> None:
        self._realm = realm
        self._rules = tuple(rules)

    @classmethod
    def parse(cls, realm: str, rules: Sequence[str]) -> Self:
        """Read rules; none given: DEFAULT. Raises InvalidKerberosRule, naming the rule and what is wrong with it."""
        return cls(realm, [None if rule == DEFAULT else _Rule.parse(rule) for rule in rules or (DEFAULT,)])

    def name(self, principal: str) -> str:
        """Return the name that the first rule which applies gives. Raises NoKerberosName."""
        match = _NAME.fullmatch(principal)
        if match is None:
            raise NoKerberosName(f"{principal!r} is no Kerberos principal of one or two parts")
        parts = [part for part in (match[3], match[1], match[2]) if part is not None]
        for rule in self._rules:
            name = self._default(parts) if rule is None else rule.apply(parts)
            if name is None:
                continue
            if not name or "/" in name or "@" in name:
                raise NoKerberosName(f"the rules make {name!r} of {principal!r}, which is no simple name")
            return name
        raise NoKerberosName(f"no principal-to-local rule applies to {principal!r}")

    def _default(self, parts: Sequence[str]) -> str | None:
        return parts[1] if parts[0] == self._realm else None


@dataclass(frozen=True, slots=True)
class _Rule:
    parts: int
    format: str
    match: re.Pattern[str] | None
    pattern: re.Pattern[str] | None
    to: str
    every: bool
    case: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _RULE.fullmatch(text)
        if found is None:
            raise InvalidKerberosRule(f"not a rule: {text!r}; expected DEFAULT or RULE:[n:format](match)s/from/to/")
        parts = int(found["parts"])
        for number in _PARAMETER.findall(found["format"]):
            if not number or int(number) > parts:
                raise InvalidKerberosRule(f"in the rule {text!r}, '${number}' is none of $0 to ${parts}")
        try:
            match, pattern = (compile_java(found[part]) if found[part] else None for part in ("match", "pattern"))
        except InvalidPattern as error:
            raise InvalidKerberosRule(f"the rule {text!r} cannot be used: {error}") from error
        to = found["to"] or ""
        for _, number in _REFERENCE.findall(to):
            if number and pattern is not None and int(number) > pattern.groups:
                raise InvalidKerberosRule(f"in the rule {text!r}, there is no group {number}")
        return cls(parts, found["format"], match, pattern, to, found["all"] is not None, found["case"])

    def apply(self, parts: Sequence[str]) -> str | None:
        """Return the name, or None when the rule is not about it. `parts` begins with the realm."""
        if len(parts) - 1 != self.parts:
            return None
        base = _PARAMETER.sub(lambda found: parts[int(found[1])], self.format)
        if self.match is not None and self.match.fullmatch(base) is None:
            return None
        if self.pattern is not None:
            base = self.pattern.sub(self._replaced, base, count=0 if self.every else 1)
        return {"L": base.lower(), "U": base.upper()}.get(self.case or "", base)

    def _replaced(self, found: re.Match[str]) -> str:
        return _REFERENCE.sub(lambda part: part[1] or (found[int(part[2])] if part[2] else "$") or "", self.to)
