"""Requests as plain data that can be printed and typed in again, and what in them is told apart by side.

A request is a dict of field names: {} is an entity, [] an array, a number of milliseconds a time. Whatever a version
does not have is left out. Things that each side calls by another name (topic ids, member ids, producer ids) are written
as one of the words below, and looked up on the side that is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from protocol.apis import ApiKey, request_type
from protocol.codec import build, has_field, item_type

WRITTEN_AT = 1_700_000_000_000


@dataclass(frozen=True)
class Step:
    """One request of a script."""

    api_key: ApiKey
    version: int
    values: dict[str, Any]

    def __repr__(self) -> str:
        return f"Step(ApiKey.{self.api_key.name}, {self.version}, {self.values!r})"


Script = Sequence[Step]
"""Requests that one client sends one after the other over one connection."""


class Side(Protocol):
    """What a word is looked up in."""

    def topic_id(self, name: str) -> UUID:
        """The id that this side gave a topic."""
        ...

    def answer(self, step: int) -> Any:
        """The answer to an earlier step of the script."""
        ...


class Word(Protocol):
    """Something that has another value on each side."""

    def on(self, side: Side) -> Any:
        """The value."""
        ...


@dataclass(frozen=True)
class TopicId:
    """The id of a topic; one that no topic has if there is none of this name."""

    name: str

    def on(self, side: Side) -> UUID:
        """The value."""
        return side.topic_id(self.name)


@dataclass(frozen=True)
class Told:
    """What the answer to a step said, such as Told(0, "member_id"), plus something; 0 if it was no answer."""

    step: int
    path: str
    plus: int = 0

    def on(self, side: Side) -> Any:
        """The value."""
        found = side.answer(self.step)
        for name in self.path.split("."):
            if found is None:
                return None
            found = found[int(name)] if name.isdigit() else getattr(found, name)
        return found + self.plus if isinstance(found, int) else found


@dataclass(frozen=True)
class Records:
    """A batch of records of these values."""

    values: tuple[bytes, ...] = (b"x",)
    transactional: bool = False
    producer_id: Any = -1
    epoch: Any = -1
    sequence: int = -1

    def on(self, side: Side) -> bytes:
        """The value."""
        producer_id, epoch = (resolved(value, side) for value in (self.producer_id, self.epoch))
        builder = DefaultRecordBatchBuilder(
            2, 0, int(self.transactional), producer_id or 0, epoch or 0, self.sequence, 1 << 20
        )
        for offset, value in enumerate(self.values):
            builder.append(offset, WRITTEN_AT, None, value, [])
        return bytes(builder.build())


def resolved(value: Any, side: Side) -> Any:
    """The value on a side."""
    return value.on(side) if hasattr(value, "on") else value


def entity_of(step: Step, side: Side) -> Any:
    """The request of a step, as a side is to read it."""
    return _filled(request_type(step.api_key, step.version), step.values, side)


def _filled(entity_type: type[Any], values: dict[str, Any], side: Side) -> Any:
    known = {name: value for name, value in values.items() if has_field(entity_type, name)}
    return build(entity_type, **{name: _value(entity_type, name, value, side) for name, value in known.items()})


def _value(entity_type: type[Any], name: str, value: Any, side: Side) -> Any:
    value = resolved(value, side)
    if isinstance(value, dict):
        return _filled(item_type(entity_type, name), value, side)
    if isinstance(value, list):
        inner = item_type(entity_type, name)
        return tuple(_filled(inner, item, side) if isinstance(item, dict) else resolved(item, side) for item in value)
    if isinstance(value, int) and not isinstance(value, bool) and _is_time(entity_type, name):
        return timedelta(milliseconds=value)
    return value


def _is_time(entity_type: type[Any], name: str) -> bool:
    field = next(field for field in fields(entity_type) if field.name == name)
    return str(field.metadata.get("kafka_type")).startswith("timedelta")


def plain(value: Any) -> Any:
    """An entity as dicts, lists and bare values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
