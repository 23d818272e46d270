"""JSON as strangers send it: one meaning or none.

Two readers that disagree about a document are a way around whoever checked it, so a key twice, a number that is none
and a depth without measure are refused, where Python's own reader takes them.
"""

import json
from typing import Any, NoReturn


class InvalidJson(ValueError):
    """Bytes that are no JSON object with one meaning. The message repeats nothing of them."""


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the object that `data` is, as UTF-8. Raises InvalidJson."""
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_without_twins, parse_constant=_refuse_constant)
    except InvalidJson:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidJson("is not JSON") from error
    if not isinstance(found, dict):
        raise InvalidJson("is not a JSON object")
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("has a key twice")
    return found


def _refuse_constant(_name: str) -> NoReturn:
    raise InvalidJson("has a number that is none")
