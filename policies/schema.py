"""The policy file as a JSON Schema, for editors that complete and check while one types."""

from typing import Any

from policies.document import DOCUMENT_KEYS, GROUP_PREFIX, NO_MATCH, OPERATIONS, PERMISSION_KEYS, RESOURCE_KEYS
from policies.model import Operation, ResourceType

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME = {"type": "string", "minLength": 1}
_PRINCIPAL = {
    "type": "string",
    "pattern": r"^(\*|[^:]+:.+)$",
    "description": f'A principal such as User:alice, a group such as {GROUP_PREFIX}analysts, or "*" for every one.',
}
_HOST = {**_NAME, "description": "An address, or a network such as 10.0.0.0/8."}
_RESOURCE_NAME = {
    "anyOf": [
        {"type": "string", "pattern": r"^[^*]*\*?$", "minLength": 1},
        {
            "type": "object",
            "properties": {"literal": _NAME},
            "required": ["literal"],
            "additionalProperties": False,
        },
    ],
    "description": 'A name; with a trailing * a prefix; "*" for every one; {literal: "odd*"} for a name with stars.',
}


def policy_schema() -> dict[str, Any]:
    """The schema of `policy.yaml`, a new dict each time."""
    properties = (
        _list_of(_PRINCIPAL, "May do everything, whatever the policies say."),
        {"enum": list(NO_MATCH), "description": "What holds for a resource that no policy is about; left out: deny."},
        {
            "type": "object",
            "additionalProperties": _list_of(_PRINCIPAL, "The members of the group."),
            "description": f"Lists of principals, used in policies as {GROUP_PREFIX}NAME.",
        },
        _list_of(_policy(), "In any order; a matching deny beats every allow."),
    )
    return {
        "$schema": DIALECT,
        "title": "kafka-doorkeeper policies",
        "type": "object",
        "properties": dict(zip(DOCUMENT_KEYS, properties, strict=True)),
        "additionalProperties": False,
    }


def _policy() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {**_NAME, "description": "Told with every decision that this policy makes; given once."},
            "principals": _list_of(_PRINCIPAL, "Whom the policy is for."),
            "hosts": _list_of(_HOST, "Where the clients are; left out: anywhere."),
            "allow": _list_of(_operation(), "What is allowed."),
            "deny": _list_of(_operation(), "What is denied, whatever else allows it."),
            **{key: _resources(resource_type) for key, resource_type in RESOURCE_KEYS.items()},
        },
        "required": ["name", "principals"],
        "allOf": [{"anyOf": [{"required": [key]} for key in keys]} for keys in (PERMISSION_KEYS, RESOURCE_KEYS)],
        "additionalProperties": False,
    }


def _resources(resource_type: ResourceType) -> dict[str, Any]:
    if resource_type is ResourceType.CLUSTER:
        return {"const": True, "description": "The cluster itself."}
    return _list_of(_RESOURCE_NAME, f"Resources of the type {resource_type.label}.")


def _operation() -> dict[str, Any]:
    """The names as they are offered, or in any other case and with underscores."""
    names = [operation.label for operation in OPERATIONS]
    return {"anyOf": [{"enum": names}, {"pattern": f"^({'|'.join(map(_in_any_case, OPERATIONS))})$"}], "type": "string"}


def _in_any_case(operation: Operation) -> str:
    return "".join("_?" if letter == "_" else f"[{letter}{letter.lower()}]" for letter in operation.name)


def _list_of(item: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "description": description}
