"""The language filter (clause 4.15)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.language import choose_language, parse_languages
from cityos.ngsi.value import JsonObject

PLACE: JsonObject = {"fr": "Grand Place", "nl": "Grote Markt"}
REGIONAL: JsonObject = {"de": "Hauptplatz", "en-US": "Main Square", "@none": "広場"}


@pytest.mark.parametrize(
    ("texts", "said", "tag"),
    [
        (PLACE, "fr", "fr"),
        (PLACE, "nl", "nl"),
        (PLACE, "FR", "fr"),
        (PLACE, "fr-CH,fr", "fr"),
        (PLACE, "*", "fr"),
        (PLACE, "fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "fr"),
        (PLACE, "fr;q=0.2,nl;q=0.9", "nl"),
        (PLACE, "fr;q=0,nl;q=0.1", "nl"),
        (PLACE, "nl-BE", "nl"),
        (PLACE, "pt", "fr"),
        (REGIONAL, "en", "en-US"),
        (REGIONAL, "en-us", "en-US"),
        (REGIONAL, "pt", "@none"),
        (REGIONAL, "e", "@none"),
    ],
)
def test_which_text_is_read(texts: JsonObject, said: str, tag: str) -> None:
    """Clause 4.15 and RFC 4647; where nothing fits, any supported language."""
    assert choose_language(texts, parse_languages(said)) == (tag, texts[tag])


def test_a_map_without_texts_has_none() -> None:
    assert choose_language({}, ("ja",)) is None


@pytest.mark.parametrize("said", ["", "fr;q=2", "fr;q=x", "fr,,nl", "f r", "日本", "fr;x=1", "a" * 2_000, "a-" * 400])
def test_what_is_no_language_is_refused_quickly(said: str) -> None:
    begun = time.process_time()
    with pytest.raises(BadRequestData, match="lang"):
        parse_languages(said)
    assert time.process_time() - begun < 0.2


@given(st.text(st.sampled_from(list("fr-C;q=0.9,* @none")), max_size=30) | st.text(max_size=30))
def test_any_text_is_refused_or_means_something(said: str) -> None:
    try:
        found = parse_languages(said)
    except BadRequestData:
        return
    assert choose_language(PLACE, found) is not None
