"""The JSON Schema of the policy file agrees with what the file may hold."""

import json
import re

import pytest

from policies.document import DOCUMENT_KEYS, OPERATIONS, POLICY_KEYS
from policies.schema import policy_schema

SCHEMA = policy_schema()
POLICY = SCHEMA["properties"]["policies"]["items"]


def test_the_schema_knows_the_keys_of_the_language_and_no_others():
    assert (set(SCHEMA["properties"]), SCHEMA["additionalProperties"]) == (set(DOCUMENT_KEYS), False)
    assert (set(POLICY["properties"]), POLICY["additionalProperties"]) == (set(POLICY_KEYS), False)
    assert POLICY["required"] == ["name", "principals"]


def test_the_schema_is_json():
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_schema_offers_operations_and_takes_them_in_any_case(operation):
    offered, taken = POLICY["properties"]["allow"]["items"]["anyOf"]
    assert operation.label in offered["enum"]
    words = (operation.label, operation.name, operation.label.lower(), operation.name.lower())
    assert all(re.search(taken["pattern"], word) for word in words)
    assert not re.search(taken["pattern"], f"{operation.label}x")


def test_the_schema_takes_names_with_a_trailing_star_only():
    pattern = POLICY["properties"]["topics"]["items"]["anyOf"][0]["pattern"]
    assert [bool(re.search(pattern, name)) for name in ("a", "a*", "*", "a*b", "**")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_principals_have_a_type_or_are_everyone():
    pattern = POLICY["properties"]["principals"]["items"]["pattern"]
    words = ("User:a", "group:a", "*", "alice", "User:")
    assert [bool(re.search(pattern, word)) for word in words] == [True, True, True, False, False]
