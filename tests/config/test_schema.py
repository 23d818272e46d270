"""The JSON Schemas for editors speak the language that the loaders read."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from proxy.authentication.schema import users_schema
from proxy.authentication.users import FileUsers
from proxy.config import Limits, PolicyMode, SecurityProtocol, json_schema
from proxy.config.schema import CLUSTER, LIMITS, LISTENER, POLICY

VERIFIER = "salt=MTIz,stored_key={key},server_key={key},iterations=8192".format(key="A" * 43 + "=")


def objects(schema: Any) -> Iterator[Any]:
    """Every part of a schema that describes a mapping."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


@pytest.mark.parametrize("schema", [json_schema(), users_schema()], ids=["config", "users"])
def test_a_schema_is_json_and_takes_no_unknown_keys(schema: Any):
    assert json.loads(json.dumps(schema)) == schema
    for part in objects(schema):
        assert part["additionalProperties"] is False or isinstance(part["additionalProperties"], dict)
        assert set(part.get("required", ())) <= set(part["properties"])


def test_every_setting_is_described():
    for part in objects(json_schema()):
        for name, setting in part["properties"].items():
            assert setting.get("description") or name == "file", name


def test_the_limits_and_their_defaults_are_those_of_the_config():
    assert {name: limit["default"] for name, limit in LIMITS["properties"].items()} == asdict(Limits())


def test_choices_are_those_of_the_config():
    protocols = [protocol.value for protocol in SecurityProtocol]
    assert LISTENER["properties"]["security_protocol"]["enum"] == protocols
    assert CLUSTER["properties"]["security_protocol"]["enum"] == protocols
    assert POLICY["properties"]["mode"]["enum"] == [mode.value for mode in PolicyMode]


def test_a_caller_may_change_its_copy():
    json_schema()["properties"].clear()
    assert json_schema()["properties"]


def test_the_users_schema_takes_what_the_loader_takes():
    verifier = users_schema()["properties"]["users"]["additionalProperties"]["properties"]["SCRAM-SHA-256"]
    backwards = ",".join(reversed(VERIFIER.split(",")))
    for text in (VERIFIER, backwards):
        FileUsers.load(f"users:\n  alice:\n    SCRAM-SHA-256: {text}\n", "users.yaml")
        assert re.search(verifier["pattern"], text)
    assert not re.search(verifier["pattern"], VERIFIER.replace("salt=", "pepper="))
