"""Reads settings out of nodes: what stands there, where it stands, and what is wrong with it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from policies.model import Principal
from policies.strict_yaml import Entry, Node, Reader
from proxy.config.environment import FromEnvironment, Unresolved
from proxy.config.model import Address, Place
from proxy.config.secret import Secret, SecretUnreadable, secret_file
from proxy.config.values import (
    Unacceptable,
    join_id_ranges,
    parse_address,
    parse_advertised_host,
    parse_host_template,
    parse_https_address,
    parse_id_ranges,
)

_T = TypeVar("_T")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)


class SettingsReader(Reader):
    """A `Reader` for settings that remembers where each stands. Relative paths start at the folder of the file."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self.places: dict[str, Place] = {}
        self._folder = file.parent

    def fault(self, node: Node, message: str, hint: str | None = None) -> None:
        """Note that something is wrong with this node."""
        if not isinstance(node, Unresolved):
            super().fault(node, message, hint)

    def remember(self, setting: str, entries: Mapping[str, Entry]) -> None:
        """Note the places of a mapping's values; `setting` is the mapping's own dotted name, or nothing for the top."""
        for name, entry in entries.items():
            dotted = f"{setting}.{name}" if setting else name
            self.places[dotted] = Place(entry.value.line, entry.value.column)

    def integer(self, node: Node, minimum: int | None = None, maximum: int | None = None) -> int | None:
        """An integer between the bounds, both included."""
        if isinstance(node, FromEnvironment) and _INTEGER.fullmatch(node.text):
            node = Node("int", int(node.text), node.line, node.column, node.text)
        return super().integer(node, minimum, maximum)

    def boolean(self, node: Node) -> bool | None:
        """`true` or `false`."""
        if isinstance(node, FromEnvironment) and node.text in ("true", "false"):
            node = Node("bool", node.text == "true", node.line, node.column, node.text)
        return super().boolean(node)

    def path(self, node: Node) -> Path | None:
        """A path."""
        text = self.text(node)
        return None if text is None else self._folder / text

    def port(self, node: Node) -> int | None:
        """A TCP port."""
        return self.integer(node, 1, 65_535)

    def address(self, node: Node, *, lowest_port: int = 1) -> Address | None:
        """`host:port`."""
        return self._parsed(node, lambda text: parse_address(text, lowest_port=lowest_port))

    def advertised_host(self, node: Node) -> str | None:
        """A host that clients can be told."""
        return self._parsed(node, parse_advertised_host)

    def host_template(self, node: Node) -> str | None:
        """A host name with `{node_id}` in it."""
        return self._parsed(node, parse_host_template)

    def https_address(self, node: Node, why: str) -> str | None:
        """An https address; `why` says what would be at stake without TLS."""
        return self._parsed(node, lambda text: parse_https_address(text, why))

    def node_ids(self, node: Node) -> tuple[int, ...] | None:
        """Node ids in rising order, of "1-50", "1-3,7", 5, or a list of those."""
        items = self.items(node) if node.kind == "list" else [node]
        ranges = [self._id_ranges(item) for item in items]
        if not ranges or None in ranges:
            return None
        return self._attempt(node, lambda: join_id_ranges([each for some in ranges for each in some or ()]))

    def principal(self, node: Node) -> Principal | None:
        """`Type:name`."""
        return self._parsed(node, _parse_principal)

    def secret(self, node: Node) -> Secret | None:
        """A text, or the content of a file (without the newline at its end) for `{file: path}`."""
        if node.kind == "map":
            entries = self.mapping(node, ("file",), ("file",))
            path = self.path(entries["file"].value) if "file" in entries else None
            return None if path is None else self._attempt(entries["file"].value, lambda: _read_secret(path))
        # Not `text`: its fault would show what was found.
        if node.kind != "str" or not node.value:
            self.fault(node, "expected a text in quotes, or {file: path}")
            return None
        return Secret(node.value)

    def _id_ranges(self, node: Node) -> list[range] | None:
        if node.kind == "int":
            return self._attempt(node, lambda: parse_id_ranges(node.text))
        return self._parsed(node, parse_id_ranges)

    def _parsed(self, node: Node, parse: Callable[[str], _T]) -> _T | None:
        text = self.text(node)
        return None if text is None else self._attempt(node, lambda: parse(text))

    def _attempt(self, node: Node, work: Callable[[], _T]) -> _T | None:
        try:
            return work()
        except Unacceptable as error:
            self.fault(node, str(error), error.hint)
            return None


def _parse_principal(text: str) -> Principal:
    try:
        return Principal.parse(text)
    except ValueError as error:
        raise Unacceptable(str(error), None if ":" in text else f"did you mean 'User:{text}'?") from error


def _read_secret(path: Path) -> Secret:
    try:
        return secret_file(path)
    except SecretUnreadable as error:
        raise Unacceptable(str(error)) from error
