"""Edits of `users.yaml`, for `doorkeeper user add|remove|list`.

An edit touches the lines of its user only; all others, comments included, stay as they are. Where the layout does not
allow that (a file in flow style, say), the file is written anew. What is written is always valid and never half there.
"""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from policies.strict_yaml import Entry, Fault, InvalidDocument, parse
from proxy.authentication.credentials import DEFAULT_ITERATIONS, ScramCredential, ScramMechanism, random_text
from proxy.authentication.users import Credentials, FileUsers

_EMPTY = "users:\n"
_LONGEST_NAME = 255  # RFC 4616 asks for no more, and a YAML key ends at 1,024
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]*")


def add_user(
    path: Path,
    username: str,
    password: str,
    random_bits: Callable[[int], int],
    *,
    mechanisms: Iterable[ScramMechanism] = tuple(ScramMechanism),
    iterations: int = DEFAULT_ITERATIONS,
) -> bool:
    """Give a user this password and no other: verifiers of mechanisms left out are dropped. True when the user is new.

    `random_bits` is `secrets.randbits`. A missing or empty file is made. Slow (PBKDF2).

    Raises ValueError on an impossible name, password or iteration count, InvalidDocument when the file has faults,
    OSError.
    """
    if not 0 < len(username) <= _LONGEST_NAME or not username.isprintable():
        raise ValueError(f"a user's name must be 1 to {_LONGEST_NAME} printable characters")
    text = _read(path) if path.exists() else ""
    text = text if text.strip() else _EMPTY
    is_new = username not in FileUsers.load(text, str(path)).users
    credentials = {
        mechanism.value: ScramCredential.of_password(
            mechanism, password, random_text(random_bits).encode("ascii"), iterations
        )
        for mechanism in mechanisms
    }
    if not credentials:
        raise ValueError("a user needs at least one mechanism")
    _write(path, with_user(text, str(path), username, credentials))
    return is_new


def remove_user(path: Path, username: str) -> bool:
    """Remove a user. False when there was none. Raises InvalidDocument when the file has faults, OSError."""
    text = _read(path)
    if username not in FileUsers.load(text, str(path)).users:
        return False
    _write(path, without_user(text, str(path), username))
    return True


def list_users(path: Path) -> Mapping[str, Credentials]:
    """Return every user's verifiers, in the file's order. Raises InvalidDocument when the file has faults, OSError."""
    return FileUsers.load(_read(path), str(path)).users


def with_user(text: str, file: str, username: str, credentials: Credentials) -> str:
    """Return the file's text with the user's verifiers replaced by these, or added at the end."""
    users = dict(FileUsers.load(text, file).users)
    users[username] = credentials
    return _edited(text, file, users, username, credentials)


def without_user(text: str, file: str, username: str) -> str:
    """Return the file's text without the user."""
    users = dict(FileUsers.load(text, file).users)
    users.pop(username, None)
    return _edited(text, file, users, username, None)


def _edited(
    text: str, file: str, users: Mapping[str, Credentials], username: str, credentials: Credentials | None
) -> str:
    spliced = _splice(text, _places(text, file), username, credentials)
    try:
        if FileUsers.load(spliced, file).users == users:
            return spliced
    except InvalidDocument:
        pass  # the layout is not one user after another, each on lines of its own
    return _EMPTY + "".join(
        f"{line}\n" for name, each in users.items() for line in (_header(name, "  "), *_verifiers(each, "    "))
    )


class _Place:
    """Where a user stands in the file: lines `start` to `stop` (excluded, from 0), indented by `indent`."""

    def __init__(self, entry: Entry, stop: int) -> None:
        self.start = entry.key.line - 1
        self.stop = stop
        self.indent = " " * (entry.key.column - 1)
        self.keeps_header = entry.value.line > entry.key.line


def _places(text: str, file: str) -> dict[str, _Place]:
    """Return the place of every user; comments and blank lines before the next user belong to that one."""
    lines = text.split("\n")
    entries: dict[str, Entry] = parse(text, file).value["users"].value.value or {}
    stops = [*(entry.key.line - 1 for entry in entries.values()), len(lines)][1:]
    return {
        name: _Place(entry, _without_trailing_remarks(lines, stop))
        for (name, entry), stop in zip(entries.items(), stops, strict=True)
    }


def _without_trailing_remarks(lines: list[str], stop: int) -> int:
    while stop and (not (line := lines[stop - 1].strip()) or line.startswith(("#", "..."))):
        stop -= 1
    return stop


def _splice(text: str, places: Mapping[str, _Place], username: str, credentials: Credentials | None) -> str:
    lines = text.split("\n")
    place = places.get(username)
    if place is not None:
        header = lines[place.start] if place.keeps_header else _header(username, place.indent)
        block = [] if credentials is None else [header, *_verifiers(credentials, place.indent + "  ")]
        lines[place.start : place.stop] = block
    elif credentials is not None:
        last = max(places.values(), key=lambda each: each.stop, default=None)
        indent = last.indent if last else "  "
        stop = last.stop if last else _without_trailing_remarks(lines, len(lines))
        lines[stop:stop] = [_header(username, indent), *_verifiers(credentials, indent + "  ")]
    return "\n".join(lines)


def _header(username: str, indent: str) -> str:
    key = username if _PLAIN_KEY.fullmatch(username) else json.dumps(username, ensure_ascii=False)
    return f"{indent}{key}:"


def _verifiers(credentials: Credentials, indent: str) -> list[str]:
    return [f"{indent}{mechanism}: {credential.format()}" for mechanism, credential in credentials.items()]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDocument([Fault(str(path), 1, 1, f"not UTF-8 at byte {error.start}")]) from error


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner at most; the old one's owner and stricter mode are kept."""
    target = Path(os.path.realpath(path))
    before = target.stat() if target.exists() else None
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            if before is not None:
                os.fchown(file.fileno(), before.st_uid, -1)
                os.fchmod(file.fileno(), before.st_mode & 0o600)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink()
        raise
