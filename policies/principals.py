"""From the distinguished name of a certificate to a principal's name: Kafka's `ssl.principal.mapping.rules`.

A rule is `DEFAULT`, the name as it is, or `RULE:pattern/replacement/`, with an `L` or `U` after it to change the case.
The first rule whose pattern matches the whole name decides. (KIP-371, class SslPrincipalMapper.)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from policies.java_regex import InvalidPattern, compile_java

DEFAULT = "DEFAULT"

_PART = r"(?:\\.|[^\\/])*"
_ONE_RULE = re.compile(
    rf"\s*(?P<text>{DEFAULT}|RULE:(?P<pattern>{_PART})/(?P<replacement>{_PART})/(?P<case>[LU]?)|)\s*(?:,|\Z)",
    re.ASCII | re.DOTALL,
)
_REPLACEMENT = re.compile(
    r"\\(?P<escaped>.)|\$(?P<number>[0-9]+)|\$\{(?P<name>[A-Za-z][A-Za-z0-9]*)\}|(?P<text>[^\\$]+)", re.DOTALL
)


class InvalidRule(ValueError):
    """A mapping rule that cannot be read."""


class NoMatchingRule(LookupError):
    """A distinguished name that no rule is about: its owner is not let in."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule made of a name: another name, or None because its pattern does not match."""

    rule: str
    name: str | None


class PrincipalMapping:
    """The rules of a listener, in order."""

    def __init__(self, rules: "Sequence[_Rule]") -> None:
        self._rules = tuple(rules)

    @classmethod
    def parse(cls, rules: Sequence[str]) -> "PrincipalMapping":
        """Read rules; one text may also hold several, separated by commas as in Kafka's property. None given: DEFAULT.

        Raises:
            InvalidRule: naming the rule and what is wrong with it.
        """
        parsed = [rule for text in (rules or (DEFAULT,)) for rule in _split(text)]
        if not parsed:
            raise InvalidRule("there is no rule in the rules; leave them out for DEFAULT")
        return cls(parsed)

    def name(self, distinguished_name: str) -> str:
        """The principal's name that the first matching rule gives.

        Raises:
            NoMatchingRule: if none matches.
        """
        for rule in self._rules:
            name = rule.apply(distinguished_name)
            if name is not None:
                return name
        raise NoMatchingRule(f"no principal mapping rule matches {distinguished_name!r}")

    def steps(self, distinguished_name: str) -> tuple[Step, ...]:
        """Every rule as it was understood, up to the deciding one, and what it made of the name."""
        steps: list[Step] = []
        for rule in self._rules:
            steps.append(Step(rule.text, rule.apply(distinguished_name)))
            if steps[-1].name is not None:
                break
        return tuple(steps)


def _split(text: str) -> "Iterable[_Rule]":
    place = 0
    while place < len(text):
        found = _ONE_RULE.match(text, place)
        if found is None:
            expected = "expected DEFAULT or RULE:pattern/replacement/, with L or U after it for the case"
            raise InvalidRule(f"not a rule: {text[place:].strip()!r}; {expected}")
        place = found.end()
        if found["text"]:
            yield _Rule.of(found)


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    pattern: re.Pattern[str] | None
    replacement: "tuple[str | _Group, ...]" = ()
    case: str = ""

    @classmethod
    def of(cls, found: re.Match[str]) -> "_Rule":
        if found["text"] == DEFAULT:
            return cls(DEFAULT, None)
        try:
            pattern = compile_java(found["pattern"])
            replacement = tuple(_replacement(found["replacement"], pattern))
        except InvalidPattern as error:
            raise InvalidRule(f"the rule {found['text']!r} cannot be used: {error}") from error
        return cls(found["text"], pattern, replacement, found["case"])

    def apply(self, distinguished_name: str) -> str | None:
        if self.pattern is None:
            return distinguished_name
        if self.pattern.fullmatch(distinguished_name) is None:
            return None
        # As Kafka does it: having matched the whole name, the rule is applied wherever it can be found in it.
        name = "".join(self._replaced(self.pattern, distinguished_name))
        return {"L": name.lower(), "U": name.upper()}.get(self.case, name)

    def _replaced(self, pattern: re.Pattern[str], text: str) -> Iterator[str]:
        """Java's replaceAll: unlike Python's sub, it never looks twice where it has found nothing at all."""
        copied = start = 0
        while start <= len(text) and (match := pattern.search(text, start)):
            yield text[copied : match.start()]
            yield self._expanded(match)
            copied = match.end()
            start = copied + (copied == match.start())
        yield text[copied:]

    def _expanded(self, match: re.Match[str]) -> str:
        parts = (part if isinstance(part, str) else match[part.key] for part in self.replacement)
        return "".join(part or "" for part in parts)


@dataclass(frozen=True, slots=True)
class _Group:
    """A reference in a replacement to what a group of the pattern has matched."""

    key: int | str


def _replacement(text: str, pattern: re.Pattern[str]) -> "Iterable[str | _Group]":
    place = 0
    while place < len(text):
        found = _REPLACEMENT.match(text, place)
        if found is None:
            raise InvalidPattern(rf"in the replacement, {text[place:]!r} is no group; a dollar sign is written \$")
        place = found.end()
        if found["number"]:
            yield from _numbered(found["number"], pattern.groups)
        elif found["name"]:
            if found["name"] not in pattern.groupindex:
                raise InvalidPattern(f"there is no group {found['name']!r} in the pattern")
            yield _Group(found["name"])
        else:
            yield found["escaped"] or found["text"]


def _numbered(digits: str, groups: int) -> "Iterable[str | _Group]":
    """Java takes as many digits as still name a group; the rest is text."""
    taken = 1
    if int(digits[0]) > groups:
        if not groups:
            raise InvalidPattern(f"there is no group {digits[0]} in the pattern")
        # Kafka's own leniency: beside other groups, a number too high is text.
        yield f"${digits}"
        return
    while taken < len(digits) and int(digits[: taken + 1]) <= groups:
        taken += 1
    yield _Group(int(digits[:taken]))
    yield digits[taken:]
