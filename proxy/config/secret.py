"""A text that nobody should see by accident."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 65_536


class SecretUnreadable(Exception):
    """A file cannot be read, or holds no secret; the message says why, and nothing of what it holds."""


@dataclass(slots=True, repr=False)
class Secret:
    """A text that must not be seen; `reveal` is the only way to it. One with a file may change as the file does."""

    _text: str
    _path: Path | None = field(default=None, compare=False)

    def reveal(self) -> str:
        """The text itself: what the file says now, and what it said before as long as it says nothing that will do."""
        if self._path is not None:
            with suppress(SecretUnreadable):
                self._text = _read(self._path)
        return self._text

    def __repr__(self) -> str:
        return "Secret(hidden)"


def secret_file(path: Path) -> Secret:
    """What a file says, without the newline at its end.

    :raises SecretUnreadable: that is nothing.
    """
    return Secret(_read(path), path)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise SecretUnreadable(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SecretUnreadable(f"{str(path)!r} is not UTF-8 text") from error
    if not text or len(data) > _MAX_BYTES:
        raise SecretUnreadable(f"expected 1 to {_MAX_BYTES} bytes in {str(path)!r}, found {len(data)}")
    return text
