"""What is wrong with a document, told so that it can be put right: place, finding, hint."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at one place. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{hint}"


class InvalidDocument(Exception):
    """A document that cannot be accepted, with every fault that was found in it, in reading order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The hint that names the known word most like this one; None if there is none like it."""
    spelled = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), spelled, n=1)
    return f"did you mean {spelled[found[0]]!r}?" if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint for a word that is not among the known ones: the nearest of them, else all of them."""
    names = list(known)
    return nearest(word, names) or f"known: {', '.join(names) or 'none'}"
