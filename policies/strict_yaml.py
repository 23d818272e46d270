"""YAML read strictly: every node keeps its place, and nothing is guessed.

A small part of YAML only, so that a file means what it looks like: no anchors, aliases, tags or second documents, no
key twice, and of the plain words only `true`, `false`, `null`, decimal integers and decimal fractions are anything but
text (`no`, `on`, `0x10`, `1_000` and `12:30` are text here, where YAML 1.1 makes booleans and numbers of them).

`parse` gives the tree; a `Reader` walks it and collects every fault, so that all of them are told at once.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import yaml

from policies.faults import Fault, InvalidDocument, did_you_mean, nearest

__all__ = ["Entry", "Fault", "InvalidDocument", "Kind", "Node", "Reader", "did_you_mean", "parse"]

Kind = Literal["map", "list", "str", "int", "bool", "float", "null"]

MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})", re.ASCII)
_FRACTION = re.compile(r"[-+]?[0-9]+\.[0-9]+", re.ASCII)
_WORDS: dict[str, tuple[Kind, bool | None]] = {
    "": ("null", None),
    "~": ("null", None),
    "null": ("null", None),
    "true": ("bool", True),
    "false": ("bool", False),
}
_KIND_NAMES: dict[Kind, str] = {
    "map": "a mapping",
    "list": "a list",
    "str": "text",
    "int": "an integer",
    "bool": "true or false",
    "float": "a number",
    "null": "nothing",
}


class Entry(NamedTuple):
    """One `key: value` of a mapping, both with their places."""

    key: "Node"
    value: "Node"


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document and where it begins (from 1).

    `value` is a dict[str, Entry], a list[Node], or the str, int, bool, float or None that a scalar means; `text` is how
    a scalar was written.
    """

    kind: Kind
    value: Any
    line: int
    column: int
    text: str = ""

    def __str__(self) -> str:
        """How a fault names what was found here."""
        match self.kind:
            case "map" | "list" | "null":
                return _KIND_NAMES[self.kind]
            case "str":
                return repr(self.value)
            case "bool":
                return self.text
        return f"the number {self.text}"


def parse(text: str, file: str) -> Node:
    """The tree of a document; an empty document is a `null` node.

    Raises:
        InvalidDocument: for bad YAML, a repeated key, an anchor, alias, tag, second document or too deep a nesting.
    """
    try:
        builder = _Builder(yaml.parse(text, Loader=_LOADER), file)
        root = builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InvalidDocument([Fault(file, line, column, f"not valid YAML: {error.problem}", _hint(error))]) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise InvalidDocument([_unreadable(text, file)]) from error
    if builder.faults:
        raise InvalidDocument(builder.faults)
    return root


def _hint(error: yaml.MarkedYAMLError) -> str | None:
    if error.context == "while scanning an alias":
        return "put text with a leading * in quotes"
    return str(error.context) if error.context else None


def _unreadable(text: str, file: str) -> Fault:
    """The fault of a text with a character that YAML forbids; the parsers tell its place each in another way."""
    line = column = 1
    for character in text:
        if yaml.reader.Reader.NON_PRINTABLE.match(character):
            return Fault(file, line, column, f"not valid YAML: the character U+{ord(character):04X} is not allowed")
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return Fault(file, 1, 1, "not valid YAML")


class _Builder:
    """Makes nodes of the parser's events."""

    def __init__(self, events: Iterator[yaml.Event], file: str) -> None:
        self.faults: list[Fault] = []
        self._events = (
            event for event in events if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent)
        )
        self._file = file

    def document(self) -> Node:
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node("null", None, 1, 1)
        root = self._node(next(self._events), 1)
        end = next(self._events)
        if not isinstance(end, yaml.StreamEndEvent):
            self._fault(end, "a second document", "one document a file; remove this '---'")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        self._refuse_cleverness(event)
        line, column = _place(event)
        if depth > MAX_DEPTH:
            raise InvalidDocument([*self.faults, Fault(self._file, line, column, "nested too deeply")])
        match event:
            case yaml.ScalarEvent():
                return _scalar(event, line, column)
            case yaml.SequenceStartEvent():
                return Node("list", list(self._items(depth)), line, column)
            case yaml.MappingStartEvent():
                return Node("map", self._entries(depth), line, column)
        return Node("null", None, line, column)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if key.kind in ("map", "list"):
                self._fault(event, f"expected text as a key, found {key}")
            elif key.text in entries:
                first = entries[key.text].key
                self._fault(event, f"key {key.text!r} is given twice", f"first on line {first.line}")
            else:
                entries[key.text] = Entry(key, value)
        return entries

    def _refuse_cleverness(self, event: yaml.Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            found, sign = f"aliases are not supported, found '*{anchor}'", "*"
        elif anchor is not None:
            found, sign = f"anchors are not supported, found '&{anchor}'", "&"
        elif tag is not None:
            found, sign = f"tags are not supported, found {tag!r}", "!"
        else:
            return
        self._fault(event, found, f"put text with a leading {sign} in quotes")

    def _fault(self, event: yaml.Event, message: str, hint: str | None = None) -> None:
        self.faults.append(Fault(self._file, *_place(event), message, hint))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None, "both parsers mark every event"
    return mark.line + 1, mark.column + 1


def _scalar(event: yaml.ScalarEvent, line: int, column: int) -> Node:
    text = event.value
    if event.style:
        return Node("str", text, line, column, text)
    if text in _WORDS:
        kind, value = _WORDS[text]
        return Node(kind, value, line, column, text)
    if _INTEGER.fullmatch(text):
        return Node("int", int(text), line, column, text)
    if _FRACTION.fullmatch(text):
        return Node("float", float(text), line, column, text)
    return Node("str", text, line, column, text)


class Reader:
    """Takes values out of nodes and collects what is wrong with them.

    Every method answers with a value of the promised type or, after noting a fault, with None or an empty collection;
    so the walk goes on and `finish` can tell all faults at once.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []

    def fault(self, node: Node, message: str, hint: str | None = None) -> None:
        """Note that something is wrong with this node."""
        self.faults.append(Fault(self.file, node.line, node.column, message, hint))

    def finish(self) -> None:
        """Raise InvalidDocument if anything was wrong."""
        if self.faults:
            raise InvalidDocument(self.faults)

    def mapping(
        self, node: Node, known: Collection[str] | None = None, required: Collection[str] = ()
    ) -> dict[str, Entry]:
        """The entries of a mapping; with `known`, other keys are faults and left out; so are absent `required` ones."""
        if not self._is(node, "map"):
            return {}
        entries: dict[str, Entry] = node.value
        for name in required:
            if name not in entries:
                self.fault(node, f"the key {name!r} is missing")
        if known is None:
            return entries
        for name, entry in entries.items():
            if name not in known:
                self.fault(entry.key, f"unknown key {name!r}", did_you_mean(name, known))
        return {name: entry for name, entry in entries.items() if name in known}

    def items(self, node: Node, *, allow_empty: bool = False) -> list[Node]:
        """The nodes of a list, which must have at least one unless told otherwise."""
        if not self._is(node, "list"):
            return []
        nodes: list[Node] = node.value
        if not nodes and not allow_empty:
            self.fault(node, "the list is empty")
        return nodes

    def texts(self, node: Node, *, allow_empty: bool = False) -> list[str]:
        """A list of texts; items that are no text are faults and left out."""
        texts = [self.text(item) for item in self.items(node, allow_empty=allow_empty)]
        return [text for text in texts if text is not None]

    def text(self, node: Node) -> str | None:
        """A text that is not empty."""
        if node.kind in ("int", "float", "bool"):
            self.fault(node, f"expected text, found {node}", f'write "{node.text}" with the quotes')
            return None
        if not self._is(node, "str"):
            return None
        if not node.value:
            self.fault(node, "the text is empty")
            return None
        return str(node.value)

    def choice(self, node: Node, options: Collection[str]) -> str | None:
        """A text that is one of the options, exactly."""
        text = self.text(node)
        if text is None or text in options:
            return text
        self.fault(node, f"expected one of {', '.join(options)}, found {text!r}", nearest(text, options))
        return None

    def integer(self, node: Node, minimum: int | None = None, maximum: int | None = None) -> int | None:
        """An integer between the bounds, both included."""
        if not self._is(node, "int") or not self._within(node, minimum, maximum):
            return None
        return int(node.value)

    def number(self, node: Node, minimum: float | None = None, maximum: float | None = None) -> float | None:
        """An integer or a fraction between the bounds, both included."""
        kind: Kind = "int" if node.kind == "int" else "float"
        if not self._is(node, kind) or not self._within(node, minimum, maximum):
            return None
        return float(node.value)

    def boolean(self, node: Node) -> bool | None:
        """`true` or `false`."""
        return bool(node.value) if self._is(node, "bool") else None

    def _is(self, node: Node, kind: Kind) -> bool:
        if node.kind != kind:
            self.fault(node, f"expected {_KIND_NAMES[kind]}, found {node}")
        return node.kind == kind

    def _within(self, node: Node, minimum: float | None, maximum: float | None) -> bool:
        low = minimum is not None and node.value < minimum
        high = maximum is not None and node.value > maximum
        if low or high:
            bounds = [f"at least {minimum}" * (minimum is not None), f"at most {maximum}" * (maximum is not None)]
            self.fault(node, f"expected {' and '.join(filter(None, bounds))}, found {node.text}")
        return not (low or high)
