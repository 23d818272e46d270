"""Random entities of any of kio's message types, made from their fields."""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, get_args, get_origin
from uuid import UUID

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey, known_versions, request_type, response_type
from protocol.codec import build

EVERY_MESSAGE = [
    (api_key, version, kind)
    for api_key in ApiKey
    for version in known_versions(api_key)
    for kind in ("request", "response")
]


def message_type(api_key: ApiKey, version: int, kind: str) -> type[Any]:
    """The type of a request or response."""
    return request_type(api_key, version) if kind == "request" else response_type(api_key, version)


def random_entity(entity_type: type[Any], rng: random.Random) -> Any:
    """An entity with every field set at random."""
    values = {field.name: _value(field.type, field, rng) for field in fields(entity_type)}
    return build(entity_type, **values)


def _value(annotation: Any, field: Any, rng: random.Random) -> Any:
    if get_origin(annotation) is UnionType:
        tagged = "tag" in field.metadata
        if rng.random() < 0.3 and not (tagged and field.default is not None):
            return None
        inner = next(argument for argument in get_args(annotation) if argument is not type(None))
        return _value(inner, field, rng)
    if get_origin(annotation) is tuple:
        return tuple(_value(get_args(annotation)[0], field, rng) for _ in range(rng.randrange(4)))
    if is_dataclass(annotation):
        return random_entity(annotation, rng)  # type: ignore[arg-type]
    return _PRIMITIVES[field.metadata["kafka_type"]](rng)


def _integer(bits: int, *, signed: bool = True) -> Any:
    low = -(2 ** (bits - 1)) if signed else 0
    return lambda rng: rng.randrange(low, low + 2**bits)


_PRIMITIVES: dict[str, Any] = {
    **{f"int{bits}": _integer(bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": _integer(bits, signed=False) for bits in (8, 16, 32, 64)},
    "bool": lambda rng: rng.random() < 0.5,
    "string": lambda rng: "".join(rng.choices("aé漢-.", k=rng.choice([0, 1, 5, 130]))),
    "bytes": lambda rng: rng.randbytes(rng.choice([0, 1, 5, 130])),
    "records": lambda rng: rng.randbytes(rng.choice([0, 1, 61, 300])),
    "float64": lambda rng: float(rng.randrange(1000)),
    "uuid": lambda rng: UUID(int=rng.randrange(1, 2**128)),
    "error_code": lambda rng: rng.choice(list(ErrorCode)),
    "timedelta_i32": lambda rng: timedelta(milliseconds=rng.randrange(2**31)),
    "timedelta_i64": lambda rng: timedelta(milliseconds=rng.randrange(2**40)),
    "datetime_i64": lambda rng: datetime.fromtimestamp(rng.randrange(2**31), UTC),
}
