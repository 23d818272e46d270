"""Many questions, of which only so many are asked at one time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

_Result = TypeVar("_Result")


async def all_of(works: Iterable[Awaitable[_Result]], at_once: int) -> list[_Result]:
    """The results in the order of the works."""
    slots = asyncio.Semaphore(at_once)

    async def held(work: Awaitable[_Result]) -> _Result:
        async with slots:
            return await work

    return await asyncio.gather(*map(held, works))
