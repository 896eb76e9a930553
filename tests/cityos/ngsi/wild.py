"""Strategies for wild entities: every kind, sub-attributes in sub-attributes, datasets, Japanese, odd numbers."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from cityos.ngsi.context import DEFAULT_VOCABULARY
from cityos.ngsi.entity import Attributes, Entity, Instance
from cityos.ngsi.instant import EPOCH
from cityos.ngsi.value import Json

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
NUMBER = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALAR: st.SearchStrategy[Json] = st.booleans() | NUMBER | TEXT | st.just("作業中")
# Words that a careless reader would take for something else.
KEY = TEXT | st.sampled_from(["type", "value", "object", "coordinates", "languageMap", "@type", "dataset", "json"])
GEOMETRY: st.SearchStrategy[Json] = st.one_of(
    st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(lambda p: {"type": "Point", "coordinates": list(p)}),
    st.just({"type": "LineString", "coordinates": [[140.7, 40.8], [140.8, 40.9]]}),
    st.just({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
    st.just({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}),
)
_LOOKALIKES: st.SearchStrategy[Json] = st.sampled_from(
    [{"type": "Property", "value": 1}, [{"value": 1}, {"object": "urn:x:y"}], []]
)
VALUE: st.SearchStrategy[Json] = st.recursive(
    SCALAR | GEOMETRY | _LOOKALIKES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=5,
)
INSTANT = st.integers(-62_000_000_000, 250_000_000_000).map(lambda s: EPOCH + timedelta(seconds=s, microseconds=s % 7))
LOCAL = st.from_regex(r"[A-Za-z0-9雪工区]{1,6}", fullmatch=True)
URI = LOCAL.map(lambda local: f"urn:ngsi-ld:Thing:{local}")
# Words with a meaning of their own are no names of attributes.
NAME = (LOCAL | st.sampled_from(["snowDepth", "積雪深", "name"])).map(lambda word: DEFAULT_VOCABULARY + "x" + word)
DATASET = st.just("") | st.sampled_from(["urn:ngsi-ld:Dataset:a", "urn:ngsi-ld:Dataset:雪"])


def _as_object(uri: str) -> Json:
    return {"object": uri}


_VALUE_OF: dict[str, st.SearchStrategy[Json]] = {
    "Property": VALUE,
    "GeoProperty": GEOMETRY,
    "Relationship": URI | st.lists(URI, min_size=1, max_size=2).map(list),
    "LanguageProperty": st.dictionaries(st.sampled_from(["ja", "en", "@none"]), TEXT, max_size=2).map(dict),
    "VocabProperty": LOCAL.map(lambda word: DEFAULT_VOCABULARY + "x" + word),
    "JsonProperty": VALUE,
    "ListProperty": st.lists(VALUE, max_size=3),
    "ListRelationship": st.lists(URI.map(_as_object), max_size=2),
}


@st.composite
def instances(draw: st.DrawFn, dataset: str, depth: int) -> Instance:
    kind = draw(st.sampled_from(sorted(_VALUE_OF)))
    notes = draw(st.dictionaries(st.sampled_from(["unitCode", "valueType"]), st.just("CMT"), max_size=1))
    subs = draw(attributes(depth - 1)) if depth else {}
    observed_at = draw(st.none() | INSTANT)
    return Instance(kind, draw(_VALUE_OF[kind]), observed_at, dataset, dict(notes), subs)


@st.composite
def attributes(draw: st.DrawFn, depth: int = 2) -> Attributes:
    names = draw(st.lists(NAME, unique=True, max_size=3))
    told: Attributes = {}
    for name in names:
        datasets = draw(st.lists(DATASET, unique=True, min_size=1, max_size=2))
        told[name] = {dataset: draw(instances(dataset, depth)) for dataset in datasets}
    return told


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    types = draw(st.lists(NAME, unique=True, min_size=1, max_size=2))
    scopes = draw(st.lists(st.sampled_from(["/雪野", "/a/b"]), unique=True, max_size=2))
    return Entity(draw(URI), tuple(types), draw(attributes()), tuple(scopes))
