"""Which old versions there are: of each API those from 0 up to where kio's own begin.

A module is loaded when somebody asks for one of its versions: most never meet any.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from protocol.legacy.shape import Pairs
from protocol.memo import memo

_PLACES: Final[Mapping[int, tuple[str, str, int]]] = {
    0: ("produce", "VERSIONS", 3),
    1: ("fetch", "VERSIONS", 4),
    2: ("list_offsets", "VERSIONS", 1),
    8: ("offset_commit", "VERSIONS", 2),
    9: ("offset_fetch", "VERSIONS", 1),
    19: ("topics", "CREATE_VERSIONS", 2),
    20: ("topics", "DELETE_VERSIONS", 1),
    23: ("offset_for_leader_epoch", "VERSIONS", 2),
    27: ("write_txn_markers", "VERSIONS", 1),
    29: ("acls", "DESCRIBE_VERSIONS", 1),
    30: ("acls", "CREATE_VERSIONS", 1),
    31: ("acls", "DELETE_VERSIONS", 1),
    32: ("describe_configs", "VERSIONS", 1),
    34: ("log_dirs", "ALTER_VERSIONS", 1),
    35: ("log_dirs", "DESCRIBE_VERSIONS", 1),
    38: ("delegation_tokens", "CREATE_VERSIONS", 1),
    39: ("delegation_tokens", "RENEW_VERSIONS", 1),
    40: ("delegation_tokens", "EXPIRE_VERSIONS", 1),
    41: ("delegation_tokens", "DESCRIBE_VERSIONS", 1),
}
"""API key -> module, its constant, and how many versions that has."""

LEGACY_VERSIONS: Final[Mapping[int, range]] = {api_key: range(count) for api_key, (_, _, count) in _PLACES.items()}
"""API key -> the versions that are held here."""


@memo
def legacy_types(api_key: int) -> Pairs:
    """The types of request and response of version 0, 1, ..."""
    module, constant, _ = _PLACES[api_key]
    pairs: Pairs = getattr(import_module(f"protocol.legacy.{module}"), constant)
    return pairs
