"""ACL bindings compiled so that a decision costs the same with ten of them and with a hundred thousand.

Kafka's rule is that any matching deny beats any matching allow, however near or far the pattern. So all that covers a
name can be folded together beforehand:

- a *row* holds, for each operation that may be asked, the decision that the bindings make, or None;
- the row of a prefix already contains those of the shorter prefixes inside it and of the wildcard;
- the row of a literal name already contains that of the longest prefix which covers it.

Finding the answer is then one look-up of a name, else one bisection for the longest prefix, else the wildcard's row.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from policies.model import (
    WILDCARD_RESOURCE,
    AclBinding,
    Decision,
    Operation,
    PatternType,
    Permission,
    Reason,
    operations_answered,
)

Row = tuple[Decision | None, ...]
"""The decisions on one name, at the place of each operation's code."""

EMPTY_ROW: Row = (None,) * len(Operation)


class PrefixIndex:
    """A set of prefixes, sorted, each knowing the next shorter one that is a prefix of it."""

    def __init__(self, prefixes: Iterable[str]) -> None:
        self.prefixes = sorted(set(prefixes))
        self.parents: list[int] = []
        for place, prefix in enumerate(self.prefixes):
            self.parents.append(self._covering(prefix, place - 1))

    def longest(self, name: str) -> int:
        """The place of the longest prefix of this name, or -1.

        Every prefix of the name sorts before it, and is a prefix of whatever sorts between them: so it is among the
        nearest smaller entry and that entry's parents.
        """
        return self._covering(name, bisect_right(self.prefixes, name) - 1)

    def _covering(self, name: str, place: int) -> int:
        while place >= 0 and not name.startswith(self.prefixes[place]):
            place = self.parents[place]
        return place


class ResourceTable:
    """What a set of bindings of one resource type says about every name."""

    __slots__ = ("_literals", "_prefix_index", "_prefix_rows", "bindings")

    def __init__(self, bindings: Sequence[AclBinding]) -> None:
        self.bindings = tuple(bindings)
        literals, prefixes = _by_name(bindings)
        wildcard = _row(literals.pop(WILDCARD_RESOURCE)) if WILDCARD_RESOURCE in literals else EMPTY_ROW
        self._prefix_index = PrefixIndex(prefixes)
        # The wildcard's row stands last: "no prefix found" is -1, which is its place.
        self._prefix_rows: list[Row] = [wildcard]
        for place, prefix in enumerate(self._prefix_index.prefixes):
            shorter = self._prefix_rows[self._prefix_index.parents[place]]
            self._prefix_rows.insert(-1, _folded(_row(prefixes[prefix]), shorter))
        self._literals = {
            name: _folded(_row(own), self._prefix_rows[self._prefix_index.longest(name)])
            for name, own in literals.items()
        }

    def row(self, resource_name: str) -> Row:
        """All that is said about this name; EMPTY_ROW if no binding covers it."""
        row = self._literals.get(resource_name)
        if row is None:
            row = self._prefix_rows[self._prefix_index.longest(resource_name)]
        return row


_Named = defaultdict[str, list[AclBinding]]


def _by_name(bindings: Iterable[AclBinding]) -> tuple[_Named, _Named]:
    literals: _Named = defaultdict(list)
    prefixes: _Named = defaultdict(list)
    for binding in bindings:
        named = prefixes if binding.pattern_type is PatternType.PREFIXED else literals
        named[binding.resource_name].append(binding)
    return literals, prefixes


def _row(bindings: Iterable[AclBinding]) -> Row:
    slots = list(EMPTY_ROW)
    for binding in bindings:
        decision = Decision(binding.permission is Permission.ALLOW, Reason.MATCHING_ACL, binding)
        for asked in operations_answered(binding.operation, binding.permission):
            slots[asked] = _stronger(slots[asked], decision)
    return tuple(slots)


def _folded(near: Row, far: Row) -> Row:
    if far is EMPTY_ROW:
        return near
    return tuple(map(_stronger, near, far))


def _stronger(near: Decision | None, far: Decision | None) -> Decision | None:
    """A denial before a grant; of two alike, the one whose pattern is nearer to the name."""
    if near is None or (far is not None and near.allowed and not far.allowed):
        return far
    return near
