"""What the JSON Schema of `doorkeeper.yaml` is built of."""

from typing import Any, Final

Schema = dict[str, Any]

PATH: Final[Schema] = {"type": "string", "minLength": 1}
MAX_INT: Final = 2**31 - 1


def mapping(description: str, properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    """A mapping with these keys and no others."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }


def text(description: str, **more: object) -> Schema:
    """A text that is not empty."""
    return {"type": "string", "minLength": 1, "description": description, **more}


def texts(description: str, **more: object) -> Schema:
    """A list of texts that is not empty."""
    items = {"type": "string", "minLength": 1, **more}
    return {"type": "array", "minItems": 1, "items": items, "description": description}


def path(description: str) -> Schema:
    """A path."""
    return {**PATH, "description": description}


def limit(description: str, default: int, minimum: int = 1, maximum: int = MAX_INT) -> Schema:
    """An integer with bounds."""
    return {
        "type": "integer",
        "description": description,
        "default": default,
        "minimum": minimum,
        "maximum": maximum,
    }


SECRET: Final[Schema] = {
    "description": "A secret: text (${NAME} takes an environment variable), or the content of a file.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        mapping("The content of a file.", {"file": PATH}, ("file",)),
    ],
}
