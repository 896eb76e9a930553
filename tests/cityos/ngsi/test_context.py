"""Names become IRIs as JSON-LD says; pyld is the oracle."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyld import jsonld

from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY, MOST_TERMS, Context, compile_context
from cityos.ngsi.core_context import CORE_ADDRESS, CORE_TERMS
from cityos.ngsi.error import BadRequestData, LdContextNotAvailable
from cityos.ngsi.value import Json

_CORE: dict[str, Any] = {"id": "@id", "type": "@type", **CORE_TERMS}


def _nowhere(address: str) -> Json:
    return None


def _no_network(address: str, options: object) -> Any:
    raise AssertionError(f"{address} is asked for")


def _oracle(context: Any, name: str) -> str:
    """What pyld makes of a name: the only attribute of an otherwise empty node."""
    own = context if isinstance(context, list) else [context]
    vocabularies = [one["@vocab"] for one in own if "@vocab" in one]
    everything = [*own, _CORE, {"@vocab": vocabularies[-1] if vocabularies else DEFAULT_VOCABULARY}]
    document = {"@context": everything, name: "x"}
    (node,) = jsonld.expand(document, {"documentLoader": _no_network})
    return str(next(iter(node)))


_PREFIX = st.sampled_from(["ex", "雪", "sdm", "p"])
_WORD = st.sampled_from(["depth", "Zone", "積雪深", "a", "b", "name", "title", "location", "id2"])
_IRI = st.sampled_from(["https://a.example/", "https://b.example/x#", "urn:y:", "https://c.example/none", "urn:z?q="])
_SIMPLE = st.dictionaries(_PREFIX, _IRI, max_size=3)


@st.composite
def _contexts(draw: st.DrawFn) -> dict[str, str]:
    context: dict[str, str] = dict(draw(_SIMPLE))
    for word in draw(st.lists(_WORD, unique=True, max_size=4)):
        prefix = draw(_PREFIX)
        is_prefix = context.get(prefix, "")[-1:] in tuple("/#:")
        in_prefix = st.just(f"{prefix}:{draw(_WORD)}") if is_prefix else _IRI
        context[word] = draw(in_prefix | _IRI.map(lambda iri: iri + "t"))
    if draw(st.booleans()):
        context["@vocab"] = draw(st.sampled_from(["https://v.example/", "https://w.example/#"]))
    return context


_NAME = _WORD | st.builds("{}:{}".format, _PREFIX, _WORD) | st.sampled_from(["urn:other:1", "https://a.example/depth"])


@settings(max_examples=120, deadline=None)
@given(st.lists(_contexts(), min_size=1, max_size=3), _NAME)
def test_names_expand_as_pyld_expands_them(contexts: list[dict[str, str]], name: str) -> None:
    said: Json = [dict(one) for one in contexts]
    assert compile_context(said, _nowhere).expand(name) == _oracle(contexts, name)


_DEFINITION = (
    _IRI.map(lambda iri: iri + "t")
    | _IRI
    | st.builds(lambda iri, prefix: {"@id": iri, "@prefix": prefix}, _IRI, st.booleans())
    | st.builds(lambda iri, kind: {"@id": iri, "@type": kind}, _IRI, st.sampled_from(["@id", "@json"]))
    | st.builds("{}:{}".format, _PREFIX, _WORD)
    | st.builds(lambda prefix, word: {"@id": f"{prefix}:{word}"}, _PREFIX, _WORD)
    | st.just({"@type": "@id"})
    | st.sampled_from(["a", "b", "name"])
)
_MAP = st.dictionaries(_PREFIX | _WORD | st.builds("{}:{}".format, _PREFIX, _WORD), _DEFINITION, max_size=5)
_VOCABULARY = st.sampled_from(["https://v.example/", "https://w.example/#", None])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_MAP, st.none() | st.just(True), _VOCABULARY), min_size=1, max_size=3), _NAME)
def test_every_form_of_definition_expands_as_pyld_expands_it(said: list[tuple[Any, Any, Any]], name: str) -> None:
    """Whatever pyld accepts means the same here; a vocabulary stands first, since each of its words needs one."""
    contexts = [{**terms, **({"@vocab": vocabulary} if says else {})} for terms, says, vocabulary in said]
    contexts.insert(0, {"@vocab": "https://first.example/"})
    last = [one["@vocab"] for one in contexts if "@vocab" in one][-1]
    everything = [*contexts, _CORE, *([] if last else [{"@vocab": DEFAULT_VOCABULARY}])]
    try:
        (node,) = jsonld.expand({"@context": everything, name: "x"}, {"documentLoader": _no_network})
    except (jsonld.JsonLdError, ValueError, KeyError):  # KeyError: pyld on a vocabulary taken back twice
        assume(False)
    assume(set(node) != {"@id"})
    expected = str(next(iter(node)))
    assume(":" in expected)
    assert compile_context(cast(Json, contexts), _nowhere).expand(name) == expected


@settings(max_examples=120, deadline=None)
@given(st.lists(_contexts(), min_size=1, max_size=3), _NAME)
def test_a_compacted_name_means_what_it_stood_for(contexts: list[dict[str, str]], name: str) -> None:
    said: Json = [dict(one) for one in contexts]
    context = compile_context(said, _nowhere)
    iri = context.expand(name)
    assert context.expand(context.compact(iri)) == iri


@given(_WORD)
def test_a_word_of_no_context_goes_there_and_back(word: str) -> None:
    assert CORE.compact(CORE.expand(word)) == word


def test_core_terms_cannot_be_changed() -> None:
    context = compile_context({"location": "https://evil.example/l", "id": "https://evil.example/i"}, _nowhere)
    assert context.expand("location") == "https://uri.etsi.org/ngsi-ld/location"
    assert context.compact("https://evil.example/i") == "https://evil.example/i"


@pytest.mark.parametrize("word", ["id", "type", "@context", "value", "a/b", "a:b"])
def test_no_iri_is_compacted_to_a_word_that_means_something_else(word: str) -> None:
    name = CORE.compact(DEFAULT_VOCABULARY + word)
    assert name == f"ngsi-ld:default-context/{word}"
    assert CORE.expand(name) == DEFAULT_VOCABULARY + word


def test_a_word_of_the_default_vocabulary_under_another_one_keeps_its_prefix() -> None:
    context = compile_context({"@vocab": "https://v.example/", "a": "urn:x:a"}, _nowhere)
    assert context.compact(DEFAULT_VOCABULARY + "b") == "ngsi-ld:default-context/b"
    assert Context({"a": "urn:x:a"}).compact(DEFAULT_VOCABULARY + "a") == "ngsi-ld:default-context/a"


def test_later_contexts_win_in_nested_lists() -> None:
    said: Json = [{"a": "urn:x:1", "@vocab": "urn:v1:"}, [[{"a": "urn:x:2"}], {"@vocab": "urn:v2:"}], CORE_ADDRESS]
    context = compile_context(said, _nowhere)
    assert (context.expand("a"), context.expand("b")) == ("urn:x:2", "urn:v2:b")


def test_the_core_context_is_not_among_the_links() -> None:
    assert compile_context([{"a": "urn:x:1"}, CORE_ADDRESS], _nowhere).links == ({"a": "urn:x:1"},)
    assert compile_context(CORE_ADDRESS, _nowhere).links == ()


def test_an_address_is_looked_up() -> None:
    def lookup(address: str) -> Json:
        return {"@context": [{"a": "urn:x:1"}]} if address == "http://here/" else None

    assert compile_context("http://here/", lookup).expand("a") == "urn:x:1"
    with pytest.raises(LdContextNotAvailable, match="http://there/"):
        compile_context(["http://here/", "http://there/"], lookup)


def test_only_exact_core_addresses_are_built_in() -> None:
    with pytest.raises(LdContextNotAvailable):
        compile_context("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-non-existing.jsonld", _nowhere)


def test_a_context_that_names_itself_is_refused() -> None:
    with pytest.raises(BadRequestData, match="nested deeper"):
        compile_context("http://self/", lambda address: {"@context": "http://self/"})


@pytest.mark.parametrize(
    "said",
    [
        {"a": "b", "b": "a"},
        {"a": "a:x"},
        {"a": "b:x", "b": "a:y"},
        5,
        [5],
        {"a": 5},
        {"a": "no iri"},
        {"a": "relative"},
        {"a": "urn:x: y"},
        {"a": "urn:x:\x00"},
        {"@vocab": "relative"},
        None,
    ],
)
def test_what_is_no_context_is_refused(said: Json) -> None:
    with pytest.raises(BadRequestData, match="@context"):
        compile_context(said, _nowhere)


def test_expanded_definitions_and_aliases_are_read() -> None:
    said: Json = {"a": {"@id": "urn:x:1", "@type": "@id"}, "b": {"@type": "@json"}, "kind": "@type", "c": None}
    context = compile_context(said, _nowhere)
    assert context.expand("a") == "urn:x:1"
    assert [context.expand(word) for word in ("b", "kind", "c")] == [DEFAULT_VOCABULARY + w for w in ("b", "kind", "c")]


def test_null_takes_an_earlier_definition_back_and_nothing_is_dropped() -> None:
    said: Json = [{"a": "urn:x:1", "b": "urn:x:2", "@vocab": "urn:v:"}, {"a": None, "b": {"@id": None}, "@vocab": None}]
    context = compile_context(said, _nowhere)
    assert [context.expand(word) for word in ("a", "b", "c")] == [DEFAULT_VOCABULARY + word for word in "abc"]


def test_null_in_a_list_forgets_what_stood_before() -> None:
    assert compile_context([{"a": "urn:x:1"}, None, {"b": "urn:x:2"}], _nowhere).expand("a") == DEFAULT_VOCABULARY + "a"


def test_terms_scoped_to_a_type_or_a_property_name_nothing_outside_it() -> None:
    said: Json = {"T": {"@id": "urn:x:T", "@context": {"a": "urn:x:scoped"}}, "a": "urn:x:a"}
    context = compile_context(said, _nowhere)
    assert (context.expand("T"), context.expand("a")) == ("urn:x:T", "urn:x:a")


def test_the_core_contexts_prefixes_may_be_used_after_it() -> None:
    assert compile_context([CORE_ADDRESS, {"a": "ngsi-ld:a"}], _nowhere).expand("a") == "https://uri.etsi.org/ngsi-ld/a"


def test_too_many_terms_are_refused() -> None:
    said: Json = {f"t{number}": "urn:x:1" for number in range(MOST_TERMS + 1)}
    with pytest.raises(BadRequestData, match="more than 50000 terms"):
        compile_context(said, _nowhere)


def test_of_several_terms_the_shortest_is_shown() -> None:
    assert Context({"longer": "urn:x:1", "b": "urn:x:1", "a": "urn:x:1"}).compact("urn:x:1") == "a"


def test_many_terms_are_compiled_at_once() -> None:
    said: Json = {"ex": "https://a.example/", **{f"t{number}": f"ex:{number}" for number in range(20_000)}}
    assert compile_context(said, _nowhere).expand("t19999") == "https://a.example/19999"
