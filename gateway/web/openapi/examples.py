"""Examples, put together from those of the fields: what a schema describes, said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["example_of"]

_BY_TYPE: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "boolean": True,
    "object": {},
    "null": None,
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that `schema` describes; `schemas` has what its references name.

    An example of the schema's own comes first, then what its type allows.
    """
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if name in schema:
            return schema[name][0]
    return _made(schema, schemas)


def _made(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "properties" in schema:
        return _object(schema, schemas)
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return example_of(schema[name][0], schemas)
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)] if "items" in schema else []
    return _BY_TYPE[schema["type"]]


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Required members, and those that have an example of their own."""
    required = schema.get("required", ())
    return {
        name: example_of(member, schemas)
        for name, member in schema["properties"].items()
        if name in required or "examples" in member
    }
