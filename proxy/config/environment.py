"""`${NAME}` in the texts of a document takes the environment variable NAME; `$${` is a plain `${`."""

import re
from collections.abc import Mapping
from typing import Final

from policies.strict_yaml import Entry, Node, Reader, did_you_mean

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class FromEnvironment(Node):
    """A text that is a variable's value and nothing else, so it may stand for a number, true or false as well."""


class Unresolved(Node):
    """A text with a reference that leads nowhere; the fault is noted, so whatever else is wrong with it is no news."""


def substitute(node: Node, environment: Mapping[str, str], reader: Reader) -> Node:
    """The same tree with all references replaced in values (never in keys); faults go to `reader`."""
    match node.kind:
        case "map":
            entries = {
                name: Entry(entry.key, substitute(entry.value, environment, reader))
                for name, entry in node.value.items()
            }
            return Node("map", entries, node.line, node.column)
        case "list":
            return Node("list", [substitute(item, environment, reader) for item in node.value], node.line, node.column)
        case "str" if "${" in node.value:
            return _substitute_text(node, environment, reader)
    return node


def _substitute_text(node: Node, environment: Mapping[str, str], reader: Reader) -> Node:
    known = len(reader.faults)

    def value_of(reference: re.Match[str]) -> str:
        name = reference.group(1)
        if name is None:
            return "${"
        if not _NAME.fullmatch(name) or not reference.group().endswith("}"):
            reader.fault(node, f"expected ${{NAME}}, found {reference.group()!r}", "write $${ for a plain ${")
        elif name not in environment:
            hint = did_you_mean(name, environment)
            # Without a near name, the hint would list the whole environment, secrets' names included.
            hint = hint if hint.startswith("did") else "export it before the start"
            reader.fault(node, f"the environment variable {name!r} is not set", hint)
        else:
            return environment[name]
        return reference.group()

    text = _REFERENCE.sub(value_of, node.value)
    if len(reader.faults) > known:
        return Unresolved("str", text, node.line, node.column, text)
    whole = _REFERENCE.fullmatch(node.value) is not None
    return (FromEnvironment if whole else Node)("str", text, node.line, node.column, text)
