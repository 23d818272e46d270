"""Remember what a pure function of a type said. The types of ``functools`` do not take types for hashable."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


def memo(function: Callable[P, R]) -> Callable[P, R]:
    """Call a function once for each set of arguments; there are as many as Kafka has message types."""
    return cast("Callable[P, R]", lru_cache(maxsize=None)(function))
