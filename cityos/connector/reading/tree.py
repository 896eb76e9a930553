"""JSON documents and the way into them without trusting their shape."""

from __future__ import annotations

from typing import cast

import orjson

from cityos.connector.error import SourceChanged
from cityos.connector.reading.text import is_readable
from cityos.ngsi.value import Json, JsonObject

__all__ = ["Json", "JsonObject", "as_list", "as_object", "as_text", "read_tree"]


def read_tree(text: str, name: str) -> Json:
    """The JSON of a document. Raises SourceChanged where it breaks off or is no JSON."""
    try:
        return cast(Json, orjson.loads(text))
    except orjson.JSONDecodeError as error:
        where = f"{name}:{error.lineno}"
        raise SourceChanged(
            f"Document {name} is not whole JSON: {error.msg} at {where}, column {error.colno}"
        ) from None


def as_object(value: Json) -> JsonObject:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str:
    """The value without space at the ends if it is readable text, else empty."""
    return value.strip() if isinstance(value, str) and is_readable(value) else ""
