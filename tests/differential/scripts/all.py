"""All scripts, registered."""

from __future__ import annotations

from tests.differential.scripts import (
    cluster,
    configs,
    data,
    groups,
    security,
    shares,
    streams,
    topics,
    transactions,
)
from tests.differential.scripts.draw import MAKERS

__all__ = ["MAKERS", "cluster", "configs", "data", "groups", "security", "shares", "streams", "topics", "transactions"]
