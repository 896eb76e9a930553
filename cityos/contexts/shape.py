"""What a context document must look like, and which other documents it names (JSON-LD 1.1; clauses 5.5.4, 5.5.6)."""

from __future__ import annotations

from typing import cast
from urllib.parse import urljoin

import orjson

from cityos.ngsi.core_context import is_core_context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import Json, JsonObject, check_key

_MAX_NESTING = 16


def addresses_in(said: Json, depth: int = 0) -> list[str]:
    """The documents a context names, in order, without core contexts. Raises BadRequestData if it is no context."""
    if depth > _MAX_NESTING:
        raise BadRequestData(f"@context is nested deeper than {_MAX_NESTING} levels")
    if isinstance(said, list):
        found = [address for part in said for address in addresses_in(part, depth + 1)]
        return list(dict.fromkeys(found))
    if isinstance(said, str):
        check_key(said, "An address in @context")
        return [] if is_core_context(said) else [said]
    if isinstance(said, dict | None):
        return []
    raise BadRequestData("@context is neither an address nor a map of terms nor a list of these")


def parse_document(address: str, content: bytes) -> JsonObject:
    """The document an address gave, addresses in it made absolute. Raises BadRequestData where it is no context."""
    try:
        document = cast(Json, orjson.loads(content))
    except orjson.JSONDecodeError as error:
        raise BadRequestData(f"@context {address} is not JSON: {error}") from None
    if not isinstance(document, dict) or "@context" not in document:
        raise BadRequestData(f"@context {address} is a document without @context")
    try:
        addresses_in(document["@context"])
    except BadRequestData as error:
        raise BadRequestData(f"@context {address} is not valid: {error}") from None
    return {"@context": _absolute(address, document["@context"])}


def _absolute(base: str, said: Json) -> Json:
    if isinstance(said, list):
        return [_absolute(base, part) for part in said]
    if isinstance(said, str):
        try:
            return urljoin(base, said)
        except ValueError:
            raise BadRequestData(f"@context {base} names {said[:80]!r}, which is no address") from None
    return said
