"""Link headers (RFC 8288), read strictly: what is no Link header is told, not guessed at."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cityos.ngsi.error import BadRequestData, InvalidRequest

CONTEXT_RELATION = "http://www.w3.org/ns/json-ld#context"

_TARGET = re.compile(r"\s*<([^<>\"\s]*)>")
_PARAMETER = re.compile(
    r"\s*;\s*([!#$%&'*+\-.^_`|~\w]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\";,<>]+)))?", re.ASCII
)
_BETWEEN = re.compile(r"\s*(?:,|\Z)")


def linked_context(headers: Sequence[str]) -> str | None:
    """The @context that Link headers name (clause 6.3.5); links of other relations are left alone.

    Raises InvalidRequest for a header that cannot be read and BadRequestData where several contexts are named.
    """
    found = [target for header in headers for target, relations in _parse(header) if CONTEXT_RELATION in relations]
    if len(found) > 1:
        raise BadRequestData(f"The Link header names {len(found)} @contexts; name one, which may list others")
    return found[0] if found else None


def _parse(header: str) -> list[tuple[str, list[str]]]:
    """Targets and their relation types."""
    links: list[tuple[str, list[str]]] = []
    at = 0
    while at < len(header):
        target = _TARGET.match(header, at)
        if target is None:
            raise _malformed(header)
        at = target.end()
        relations: list[str] = []
        while parameter := _PARAMETER.match(header, at):
            name, quoted, plain = parameter.groups()
            if name.lower() == "rel" and not relations:  # only the first counts
                relations = (plain or re.sub(r"\\(.)", r"\1", quoted or "")).split()
            at = parameter.end()
        end = _BETWEEN.match(header, at)
        if end is None:
            raise _malformed(header)
        at = end.end()
        links.append((target[1], relations))
    return links


def _malformed(header: str) -> InvalidRequest:
    example = f'<https://example.org/context.jsonld>; rel="{CONTEXT_RELATION}"; type="application/ld+json"'
    return InvalidRequest(f"The Link header {header[:120]!r} cannot be read; write it like {example}")
