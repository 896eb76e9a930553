"""In which language a reader wants texts (`lang`, clause 4.15): `fr-CH,fr;q=0.9,*;q=0.5`."""

from __future__ import annotations

import re

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import Json, JsonObject

_LONGEST = 1_000  # characters
_RANGE = re.compile(
    r"\s*([A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*|@none)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*\Z"
)


def parse_languages(text: str) -> tuple[str, ...]:
    """The language ranges of a `lang` parameter in small letters, most wanted first. Raises BadRequestData."""
    if len(text) > _LONGEST:
        raise BadRequestData(f"lang is longer than {_LONGEST} characters")
    found: list[tuple[float, str]] = []
    for part in text.split(","):
        said = _RANGE.match(part)
        if said is None:
            raise BadRequestData(f"lang: {part[:40]!r} is no language such as ja, fr-CH;q=0.9 or *")
        weight = float(said[2] or 1)
        if weight > 0:
            found.append((-weight, said[1].lower()))
    return tuple(tag for _, tag in sorted(found, key=lambda pair: pair[0]))


def choose_language(texts: JsonObject, wanted: tuple[str, ...]) -> tuple[str, Json] | None:
    """The tag and text of a languageMap that a reader reads best; any (the neutral @none first) where none fits.

    A range fits its own tag, then the shorter ones it begins with (RFC 4647 lookup), then a longer one that begins so.
    """
    tags = {tag.lower(): tag for tag in texts}
    for language in wanted:
        tag = next(iter(tags.values()), None) if language == "*" else _fitting(language, tags)
        if tag is not None:
            return tag, texts[tag]
    tag = tags.get("@none") or next(iter(tags.values()), None)
    return None if tag is None else (tag, texts[tag])


def _fitting(language: str, tags: dict[str, str]) -> str | None:
    shorter = language
    while shorter:
        if shorter in tags:
            return tags[shorter]
        shorter = shorter.rpartition("-")[0]
    return next((tags[tag] for tag in tags if tag.startswith(f"{language}-")), None)
