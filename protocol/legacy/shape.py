"""Message types as kio generates them, written by hand: frozen, slotted, with a Kafka type for every primitive field.

The modules that use this do without postponed annotations, because kio wants types, not their names.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, dataclass_transform

from kio.schema.request_header.v1.header import RequestHeader
from kio.schema.response_header.v0.header import ResponseHeader
from kio.static.constants import EntityType
from kio.static.primitive import i16

C = TypeVar("C")
Pairs = tuple[tuple[type[Any], type[Any]], ...]
"""(type of the request, type of the response) of version 0, 1, ..."""
_CONSTANTS: Final = ("__type__", "__flexible__", "__api_key__", "__header_schema__", "__doc__")


def of(kafka_type: str, **default: Any) -> Any:
    """A field of a primitive type, or an array of primitives; ``default`` may give its default."""
    return field(metadata={"kafka_type": kafka_type}, **default)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(of,))
def request(api_key: int, version: int, *, nested: bool = False) -> Callable[[type[C]], type[C]]:
    """Make a class a request of an old version, or an entity within one."""
    return _entity(EntityType.nested if nested else EntityType.request, api_key, version, RequestHeader)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(of,))
def response(api_key: int, version: int, *, nested: bool = False) -> Callable[[type[C]], type[C]]:
    """Make a class a response of an old version, or an entity within one."""
    return _entity(EntityType.nested if nested else EntityType.response, api_key, version, ResponseHeader)


def _entity(kind: EntityType, api_key: int, version: int, header: type[Any]) -> Callable[[type[C]], type[C]]:
    constants = {
        "__type__": kind,
        "__version__": i16(version),
        "__flexible__": False,
        "__api_key__": i16(api_key),
        "__header_schema__": header,
    }

    def decorate(cls: type[C]) -> type[C]:
        for name, value in constants.items():
            setattr(cls, name, value)
        return dataclass(frozen=True, slots=True, kw_only=True)(cls)

    return decorate


def at_version(version: int, same: type[Any]) -> type[Any]:
    """The message of a version that is laid out as that of another one."""
    constants = {name: getattr(same, name) for name in _CONSTANTS}
    return type(same.__name__, (same,), {"__slots__": (), **constants, "__version__": i16(version)})
