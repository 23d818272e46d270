"""The users file as a JSON Schema, for editors that complete and check while one types."""

from typing import Any

from proxy.authentication.credentials import ScramMechanism

# In any order, as Kafka writes and reads them.
_FIELDS = "".join(f"(?=(.*,)?{name}=[^,]+)" for name in ("salt", "stored_key", "server_key", "iterations"))
_VERIFIER = {
    "type": "string",
    "pattern": f"^{_FIELDS}",
    "description": "A verifier in Kafka's own form; 'doorkeeper user add' makes it.",
}


def users_schema() -> dict[str, Any]:
    """The schema of `users.yaml`."""
    user = {
        "type": "object",
        "description": "The user's verifiers, by mechanism.",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {mechanism.value: _VERIFIER for mechanism in ScramMechanism},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "users.yaml",
        "type": "object",
        "description": "Users that clients authenticate as.",
        "additionalProperties": False,
        "required": ["users"],
        "properties": {"users": {"type": ["object", "null"], "additionalProperties": user}},
    }
