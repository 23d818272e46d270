"""The versions that kio lacks: there are none missing, and they are laid out as Kafka's own classes say."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from protocol.apis import ApiKey, known_versions
from protocol.layout import classify
from protocol.legacy.index import LEGACY_VERSIONS, legacy_types
from tests.protocol.entities import message_type

LAYOUTS = Path(__file__).parent / "recordings" / "layouts.txt"
"""What Kafka 3.9.1 printed of its schemas, those of ``ApiKeys.messageType``, for every version that kio lacks."""

STILL_WITHOUT_VERSION_0 = {
    # Between brokers and controllers only.
    ApiKey.ALTER_PARTITION: 2,
    # Version 0 was never in a release but for trying it out, and is gone since.
    ApiKey.SHARE_GROUP_HEARTBEAT: 1,
    ApiKey.SHARE_GROUP_DESCRIBE: 1,
    ApiKey.SHARE_FETCH: 1,
    ApiKey.SHARE_ACKNOWLEDGE: 1,
}
ONLY_THEN = {"max_num_offsets", "old_style_offsets", "commit_timestamp", "is_default"}
"""Fields that later versions no longer have."""

PAIRS = [(ApiKey(key), version) for key, versions in LEGACY_VERSIONS.items() for version in versions]
KAFKA_TYPES = {
    "bool": "BOOLEAN",
    "int8": "INT8",
    "int16": "INT16",
    "error_code": "INT16",
    "int32": "INT32",
    "timedelta_i32": "INT32",
    "int64": "INT64",
    "timedelta_i64": "INT64",
    "datetime_i64": "INT64",
    "string": "STRING",
    "bytes": "BYTES",
    "records": "RECORDS",
}


def layout(entity_type: type[Any]) -> str:
    """A message type in the notation of the file."""
    return "{" + ", ".join(f"{field.name}:{_type(field)}" for field in fields(entity_type)) + "}"


def _type(field: Any) -> str:
    nullable, is_array, inner = classify(field.type)
    name = layout(inner) if is_dataclass(inner) else KAFKA_TYPES[field.metadata["kafka_type"]]
    if is_array:
        return f"[{name}]" + "?" * nullable
    return f"NULLABLE_{name}" if nullable and name == "STRING" else name


@pytest.mark.parametrize("api_key", [key for key in ApiKey if known_versions(key)])
def test_every_api_is_known_from_its_first_version_on(api_key: ApiKey) -> None:
    assert known_versions(api_key).start == STILL_WITHOUT_VERSION_0.get(api_key, 0)


@pytest.mark.parametrize("kind", ["request", "response"])
@pytest.mark.parametrize(("api_key", "version"), PAIRS)
def test_an_old_version_is_laid_out_as_kafka_lays_it_out(api_key: ApiKey, version: int, kind: str) -> None:
    which = f"{api_key} {version} {kind} "
    (said,) = (line for line in LAYOUTS.read_text().splitlines() if line.startswith(which))
    # kio leaves the unit of a time to its type.
    assert which + layout(message_type(api_key, version, kind)) == said.replace("_ms:", ":")


@pytest.mark.parametrize("kind", ["request", "response"])
@pytest.mark.parametrize(("api_key", "version"), PAIRS)
def test_a_field_is_called_as_in_the_versions_that_kio_has(api_key: ApiKey, version: int, kind: str) -> None:
    """Rules find it by its name."""
    later = _names(message_type(api_key, len(LEGACY_VERSIONS[api_key]), kind))
    assert _names(message_type(api_key, version, kind)) - ONLY_THEN <= later


def _names(entity_type: type[Any]) -> set[str]:
    names: set[str] = set()
    for field in fields(entity_type):
        names.add(field.name)
        inner = classify(field.type)[2]
        if is_dataclass(inner):
            names |= _names(inner)  # type: ignore[arg-type]
    return names


@pytest.mark.parametrize("api_key", LEGACY_VERSIONS)
def test_the_index_tells_what_the_modules_hold(api_key):
    pairs = legacy_types(api_key)
    assert range(len(pairs)) == LEGACY_VERSIONS[api_key]
    assert [(each.__api_key__, each.__version__) for pair in pairs for each in pair] == [
        (api_key, version) for version in LEGACY_VERSIONS[api_key] for _ in range(2)
    ]
