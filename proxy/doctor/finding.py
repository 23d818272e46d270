"""One thing that was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from policies.strict_yaml import Fault
from proxy.config.model import Address


class Level(Enum):
    """How bad it is. Only a problem makes the command fail."""

    PROBLEM = "problem"
    WARNING = "warning"
    UNKNOWN = "not known"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a subject, an address or a place of a file. ``check`` names the kind, and does not change."""

    level: Level
    check: str
    subject: str
    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        remedy = "" if self.remedy is None else f" ({self.remedy})"
        return f"{self.level.value}: {self.subject}: {self.message}{remedy}"


def at(level: Level, check: str, fault: Fault) -> Finding:
    """A finding at a place of the configuration."""
    return Finding(level, check, f"{fault.file}:{fault.line}:{fault.column}", fault.message, fault.hint)


def text_of(address: Address) -> str:
    """As people write it: an IPv6 address in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listed(names: list[str], most: int = 10) -> str:
    """The first of them, and how many there are besides."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def counted(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
