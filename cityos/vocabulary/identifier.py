"""Entity ids: minted in one place, so that the same thing has the same id in every document of its feed."""

from __future__ import annotations

import re
from urllib.parse import quote

# What RFC 3987 lets stand in an IRI stays readable (Japanese too); what would break a URL, topic or query is encoded.
_UNSAFE = re.compile(r"[\s\x00-\x20\x7f<>\"{}|\\^`%/#?&+,]")


def mint_id(type_name: str, feed: str, local_id: str) -> str:
    """`urn:ngsi-ld:<Type>:<feed>:<local id>`. ValueError where the local id is empty."""
    if not local_id:
        raise ValueError(f"a {type_name} of feed {feed} has an empty local id")
    safe = _UNSAFE.sub(lambda match: quote(match[0], safe=""), local_id)
    return f"urn:ngsi-ld:{type_name}:{feed}:{safe}"


def local_id_of(entity_id: str) -> str:
    """The last part of a minted id, as it stands there."""
    return entity_id.split(":", 4)[-1]
