"""@context: from JSON-LD term definitions to a plain map between terms and IRIs (clauses 4.4, 5.5.7).

A context is compiled once; expanding or compacting a name is then a dictionary look-up. Only the parts of JSON-LD that
name things are needed here: terms, prefixes (compact IRIs) and @vocab. Types and containers of terms do not change what
is stored, since NGSI-LD says the kind of every attribute itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cityos.ngsi.core_context import CORE_TERMS, is_core_context
from cityos.ngsi.error import BadRequestData, LdContextNotAvailable
from cityos.ngsi.value import Json, JsonObject

DEFAULT_VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
_MAX_NESTING = 16

# Finds the document behind an address among those known; None where it is not.
Lookup = Callable[[str], Json]


class Context:
    """A compiled @context. `links` are the addresses or inline maps it came from, without the core context."""

    def __init__(self, terms: Mapping[str, str], links: tuple[Json, ...] = (), vocabulary: str = DEFAULT_VOCABULARY):
        # Core terms come last: they are protected and win over a user's definitions (clause 5.5.7).
        self._iri_of = {**terms, **CORE_TERMS}
        self._vocabulary = vocabulary
        self.links = links
        self._term_of: dict[str, str] = {}
        for term, iri in self._iri_of.items():
            known = self._term_of.get(iri)
            # Several terms of one IRI: the shortest, then the first in order, so that answers are stable.
            if known is None or (len(term), term) < (len(known), known):
                self._term_of[iri] = term
        self._prefixes = sorted(
            ((iri, term) for term, iri in terms.items() if iri[-1:] in "/#:?&=" and ":" in iri),
            key=lambda pair: -len(pair[0]),
        )

    def expand(self, name: str) -> str:
        """The IRI of a term or compact IRI; an IRI stays as it is."""
        iri = self._iri_of.get(name)
        if iri is not None:
            return iri
        prefix, colon, rest = name.partition(":")
        if colon:
            base = self._iri_of.get(prefix)
            return base + rest if base is not None and not rest.startswith("//") else name
        return self._vocabulary + name

    def compact(self, iri: str) -> str:
        """The shortest name this context has for an IRI; the IRI itself where it has none."""
        term = self._term_of.get(iri)
        if term is not None:
            return term
        if iri.startswith(self._vocabulary) and len(iri) > len(self._vocabulary):
            rest = iri[len(self._vocabulary) :]
            # A term that means something else here must not be used for it.
            return rest if ":" not in rest and rest not in self._iri_of else iri
        for base, prefix in self._prefixes:
            if iri.startswith(base) and len(iri) > len(base):
                return f"{prefix}:{iri[len(base) :]}"
        return iri


CORE = Context({})


def compile_context(said: Json, lookup: Lookup) -> Context:
    """Compiles what a request says as @context: an address, a term map, or a list of them.

    `lookup` answers an address with its document. Raises LdContextNotAvailable for an address it does not know and
    BadRequestData for anything that is not a context.
    """
    terms: dict[str, str] = {}
    vocabulary = _collect(said, lookup, terms, depth=0) or DEFAULT_VOCABULARY
    links = tuple(link for link in (said if isinstance(said, list) else [said]) if not is_core_context(link))
    return Context(terms, links, vocabulary)


def _collect(said: Json, lookup: Lookup, terms: dict[str, str], depth: int) -> str | None:
    """Adds the terms of one context to `terms`, later over earlier; returns its @vocab if it sets one."""
    if depth > _MAX_NESTING:
        raise BadRequestData(f"@context is nested deeper than {_MAX_NESTING} levels")
    if isinstance(said, list):
        found = [_collect(part, lookup, terms, depth + 1) for part in said]
        return next((vocabulary for vocabulary in reversed(found) if vocabulary), None)
    if isinstance(said, str):
        if is_core_context(said):
            return None
        document = lookup(said)
        if not isinstance(document, dict):
            raise LdContextNotAvailable(f"@context {said} is not known here")
        return _collect(document.get("@context", document), lookup, terms, depth + 1)
    if isinstance(said, dict):
        return _collect_terms(said, terms)
    raise BadRequestData("@context is neither an address nor a map of terms nor a list of these")


def _collect_terms(said: JsonObject, terms: dict[str, str]) -> str | None:
    raw: dict[str, str] = {}
    for term, definition in said.items():
        if term.startswith("@"):
            continue
        iri = definition.get("@id") if isinstance(definition, dict) else definition
        if isinstance(iri, str):
            raw[term] = iri
        elif not isinstance(definition, dict | None):
            raise BadRequestData(f"@context defines {term} as neither an IRI nor a map with @id")
    for term, iri in raw.items():
        expanded = _resolve(iri, {**terms, **raw})
        if not expanded.startswith("@"):  # an alias of a keyword (id, type) is the core context's business
            terms[term] = expanded
    vocabulary = said.get("@vocab")
    return vocabulary if isinstance(vocabulary, str) and vocabulary else None


def _resolve(iri: str, terms: Mapping[str, str]) -> str:
    """Expands a compact IRI by prefixes of the same context; bounded, so that a circle ends."""
    for _ in range(_MAX_NESTING):
        prefix, colon, rest = iri.partition(":")
        base = terms.get(prefix) if colon else terms.get(iri)
        if base is None or rest.startswith("//") or base == iri:
            return iri
        iri = base + rest if colon else base
    raise BadRequestData(f"@context defines {iri} in a circle")
