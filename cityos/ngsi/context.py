"""@context: from JSON-LD term definitions to a plain map between terms and IRIs (clauses 4.4, 5.5.7).

A context is compiled once; expanding or compacting a name is then a dictionary look-up. Only the parts of JSON-LD that
name things are needed here: terms, prefixes (compact IRIs) and @vocab. Types and containers of terms do not change what
is stored, since NGSI-LD says the kind of every attribute itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from cityos.ngsi.core_context import CORE_PREFIXES, CORE_TERMS, is_core_context
from cityos.ngsi.error import BadRequestData, LdContextNotAvailable
from cityos.ngsi.value import Json, JsonObject

DEFAULT_VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
_MAX_NESTING = 16
MOST_TERMS = 50_000
_MOST_FOUND = 4_096
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x20<>\"{}|\\^`]*\Z")
# Only a term whose IRI ends so is a prefix of compact IRIs (JSON-LD 1.1: gen-delims of RFC 3986).
_PREFIX_ENDS = tuple(":/?#[]@")
# Members of every entity; no context gives them another meaning, and no attribute may appear under them.
_KEYWORDS = frozenset(("id", "type"))

# Finds the document behind an address among those known; None where it is not.
Lookup = Callable[[str], Json]


class Context:
    """A compiled @context. `links` are the addresses or inline maps it came from, without the core context.

    `prefixes` are the terms that compact IRIs may begin with; where not said, all whose IRI ends like one.
    """

    def __init__(
        self,
        terms: Mapping[str, str],
        links: tuple[Json, ...] = (),
        vocabulary: str = DEFAULT_VOCABULARY,
        prefixes: Collection[str] | None = None,
    ):
        # Core terms come last: they are protected and win over a user's definitions (clause 5.5.7).
        own = {term: iri for term, iri in terms.items() if term not in _KEYWORDS and term not in CORE_TERMS}
        self._iri_of = {**own, **CORE_TERMS}
        self._vocabulary = vocabulary
        self.links = links
        self._term_of: dict[str, str] = {}
        self._found: dict[str, str] = {}  # names that are no terms, remembered: the same few stand in every entity
        for term, iri in self._iri_of.items():
            known = self._term_of.get(iri)
            # Several terms of one IRI: the shortest, then the first in order, so that answers are stable.
            if known is None or (len(term), term) < (len(known), known):
                self._term_of[iri] = term
        if prefixes is None:
            prefixes = {term for term, iri in own.items() if iri.endswith(_PREFIX_ENDS)}
        bases = {term: own[term] for term in prefixes if term in own}
        self._base_of = {**bases, **CORE_PREFIXES}
        self._prefixes = sorted(((iri, term) for term, iri in self._base_of.items()), key=lambda pair: -len(pair[0]))

    @property
    def size(self) -> int:
        """How many terms it has."""
        return len(self._iri_of)

    def expand(self, name: str) -> str:
        """The IRI of a term or compact IRI; an IRI stays as it is."""
        iri = self._iri_of.get(name)
        if iri is not None:
            return iri
        prefix, colon, rest = name.partition(":")
        base = self._base_of.get(prefix) if colon else None
        if base is not None and not rest.startswith("//"):
            return base + rest
        return name if _ABSOLUTE.match(name) else self._vocabulary + name

    def compact(self, iri: str) -> str:
        """The shortest name this context has for an IRI; the IRI itself where it has none."""
        term = self._term_of.get(iri) or self._found.get(iri)
        if term is not None:
            return term
        if len(self._found) >= _MOST_FOUND:
            self._found.clear()
        self._found[iri] = term = self._find_name(iri)
        return term

    def _find_name(self, iri: str) -> str:
        if iri.startswith(self._vocabulary) and len(iri) > len(self._vocabulary):
            rest = iri[len(self._vocabulary) :]
            if self._is_free(rest):
                return rest
        for base, prefix in self._prefixes:
            rest = iri[len(base) :]
            # A name that means something else here must not be used for it.
            if iri.startswith(base) and rest and not rest.startswith("//") and f"{prefix}:{rest}" not in self._iri_of:
                return f"{prefix}:{rest}"
        return iri

    def _is_free(self, word: str) -> bool:
        """Whether a word can stand for its place in the vocabulary: it means nothing else and is a name."""
        return word not in self._iri_of and word not in _KEYWORDS and word[0] != "@" and not {":", "/"} & set(word)


CORE = Context({})


def compile_context(said: Json, lookup: Lookup) -> Context:
    """Compiles what a request says as @context: an address, a term map, or a list of them.

    `lookup` answers an address with its document. Raises LdContextNotAvailable for an address it does not know and
    BadRequestData for anything that is not a context. A term that is defined as null means nothing in JSON-LD and would
    be dropped; here it falls back to the vocabulary, so that nothing of an entity is lost.
    """
    if said is None:
        raise BadRequestData("@context is null; it is an address, a map of terms or a list of these")
    active = _Active(lookup)
    active.add(said, depth=0)
    links = tuple(link for link in (said if isinstance(said, list) else [said]) if not is_core_context(link))
    return Context(active.terms, links, active.vocabulary or DEFAULT_VOCABULARY, active.prefixes)


class _Active:
    """The active context of JSON-LD 1.1, as far as it names things: contexts are added, later over earlier."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.terms: dict[str, str] = {}
        self.prefixes: set[str] = set()
        self.vocabulary: str | None = None

    def add(self, said: Json, *, depth: int) -> None:
        """Adds one context and whatever it refers to."""
        if depth > _MAX_NESTING:
            raise BadRequestData(f"@context is nested deeper than {_MAX_NESTING} levels")
        if isinstance(said, list):
            for part in said:
                self.add(part, depth=depth + 1)
        elif isinstance(said, str):
            self._add_address(said, depth)
        elif isinstance(said, dict):
            _Local(self, said).define_all()
            if len(self.terms) > MOST_TERMS:
                raise BadRequestData(f"@context defines more than {MOST_TERMS} terms")
        elif said is None:  # in a list: forget what stood before
            self.terms, self.prefixes, self.vocabulary = {}, set(), None
        else:
            raise BadRequestData("@context is neither an address nor a map of terms nor a list of these")

    def _add_address(self, address: str, depth: int) -> None:
        if is_core_context(address):
            self.terms.update(CORE_TERMS)
            self.prefixes.update(CORE_PREFIXES)
            return
        document = self._lookup(address)
        if not isinstance(document, dict):
            raise LdContextNotAvailable(f"@context {address} is not known here")
        self.add(document.get("@context", document), depth=depth + 1)


class _Local:
    """One map of terms being defined in the active context (JSON-LD 1.1, "Create Term Definition")."""

    def __init__(self, active: _Active, said: JsonObject) -> None:
        self._active = active
        self._said = said
        self._is_defined: dict[str, bool] = {}  # False while its definition is being followed

    def define_all(self) -> None:
        if "@vocab" in self._said:
            self._set_vocabulary(self._said["@vocab"])
        for term in self._said:
            self._define(term, 0)

    def _set_vocabulary(self, said: Json) -> None:
        if not isinstance(said, str | None):
            raise BadRequestData("@context says an @vocab that is no IRI")
        # Only what stood before may name it: the terms of this map are defined after it.
        self._active.vocabulary = None if said is None else _absolute("@vocab", self._iri_of(said))

    def _define(self, term: str, depth: int) -> None:
        if self._is_defined.get(term) or term.startswith("@"):
            return
        if term in self._is_defined or depth > _MAX_NESTING:
            raise BadRequestData(f"@context defines {term[:80]!r} in a circle")
        self._is_defined[term] = False
        self._active.terms.pop(term, None)
        self._active.prefixes.discard(term)
        definition = self._said[term]
        iri = self._iri_by(term, definition, depth)
        if iri is not None:
            self._active.terms[term] = _absolute(term, iri)
            if _is_for_prefix(term, iri, definition):
                self._active.prefixes.add(term)
        self._is_defined[term] = True

    def _iri_by(self, term: str, definition: Json, depth: int) -> str | None:
        """What a definition gives a term; None where it gives nothing, or makes it an alias of a keyword."""
        if not isinstance(definition, dict | str | None):
            raise BadRequestData(f"@context defines {term[:80]!r} as neither an IRI nor a map with @id")
        said = definition.get("@id", term) if isinstance(definition, dict) else definition
        if said is None or (isinstance(definition, dict) and "@reverse" in definition):
            return None
        if not isinstance(said, str):
            raise BadRequestData(f"@context defines {term[:80]!r} with an @id that is no IRI")
        if said != term:
            iri = self._iri_of(said, depth)
            return None if iri.startswith("@") else iri
        iri = self._compact_iri(term, depth) or (self._active.vocabulary or "") + term
        # Without a vocabulary of its own, that of the core context will name it.
        return iri if _ABSOLUTE.match(iri) or isinstance(definition, str) else None

    def _iri_of(self, said: str, depth: int | None = None) -> str:
        """Expands a keyword, a term, a compact IRI or a word; `depth` is None where this map is not to be consulted."""
        if said.startswith("@"):
            return said
        if depth is not None and said in self._said:
            self._define(said, depth + 1)
        iri = self._active.terms.get(said) or self._compact_iri(said, depth)
        if iri is not None or _ABSOLUTE.match(said):
            return iri or said
        return (self._active.vocabulary or "") + said

    def _compact_iri(self, said: str, depth: int | None) -> str | None:
        prefix, colon, rest = said.partition(":")
        if not colon or rest.startswith("//"):
            return None
        if depth is not None and prefix in self._said:
            self._define(prefix, depth + 1)
        return self._active.terms[prefix] + rest if prefix in self._active.prefixes else None


def _is_for_prefix(term: str, iri: str, definition: Json) -> bool:
    """Whether compact IRIs may begin with a term (JSON-LD 1.1: it says so, or is simple and ends like a namespace)."""
    if isinstance(definition, dict):
        return definition.get("@prefix") is True
    return iri.endswith(_PREFIX_ENDS) and not {":", "/"} & set(term)


def _absolute(term: str, iri: str) -> str:
    if not _ABSOLUTE.match(iri):
        raise BadRequestData(f"@context defines {term[:80]!r} as {iri[:80]!r}, which is no IRI")
    return iri
