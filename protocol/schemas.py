"""kio's message types, but for the 64-bit times that Python's own types cannot hold.

kio reads such a time as ``datetime`` or ``timedelta``. Kafka sends -1 for "never" (a transaction that has not begun, a
token that was not made) and takes the largest number for "for ever" (how long to keep an offset); with either kio calls
the whole message unreadable. Types with such fields are replaced by twins in which the field is a plain number.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, field, fields, is_dataclass, make_dataclass
from functools import reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Any, Final, get_args, get_origin

from kio.static.primitive import i64

from protocol.memo import memo

_NUMBER: Final = "int64"
REQUEST_TIMES: Final = frozenset({"timedelta_i64", "datetime_i64"})
RESPONSE_TIMES: Final = frozenset({"datetime_i64"})
"""What stays a time: the session lifetime of SaslAuthenticate, which is only ever written."""


@memo
def with_plain_times(entity_type: type[Any], times: frozenset[str]) -> type[Any]:
    """The type itself, or its twin if it holds such a field at any depth."""
    annotations = {each.name: _annotation(each, times) for each in fields(entity_type)}
    if all(annotations[each.name] is each.type for each in fields(entity_type)):
        return entity_type
    constants = {name: value for name, value in vars(entity_type).items() if name in _CONSTANTS}
    return make_dataclass(
        entity_type.__name__,
        [(each.name, annotations[each.name], _twin(each, annotations[each.name])) for each in fields(entity_type)],
        namespace=constants,
        frozen=True,
        slots=True,
        kw_only=True,
    )


_CONSTANTS: Final = ("__type__", "__version__", "__flexible__", "__api_key__", "__header_schema__", "__doc__")


def _annotation(original: Field[Any], times: frozenset[str]) -> Any:
    # One that may be null is well: kio reads -1 as null there.
    if original.metadata.get("kafka_type") in times and get_origin(original.type) is None:
        return i64
    return _with_twins(original.type, times)


def _with_twins(annotation: Any, times: frozenset[str]) -> Any:
    if is_dataclass(annotation):
        return with_plain_times(annotation, times)  # type: ignore[arg-type]
    arguments = get_args(annotation)
    twins = tuple(_with_twins(argument, times) for argument in arguments)
    if all(twin is argument for twin, argument in zip(twins, arguments, strict=True)):
        return annotation
    return reduce(or_, twins) if get_origin(annotation) is UnionType else GenericAlias(tuple, twins)


def _twin(original: Field[Any], annotation: Any) -> Any:
    metadata = dict(original.metadata)
    if annotation is not original.type and "kafka_type" in metadata:
        metadata["kafka_type"] = _NUMBER
        return field(metadata=metadata)
    if original.default is not MISSING:
        return field(metadata=metadata, default=original.default)
    return field(metadata=metadata)
