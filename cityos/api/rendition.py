"""How one request wants an entity shown: settled once, so that the same request of any entity need only look it up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import orjson
from starlette.requests import Request

from cityos.api import reading
from cityos.api.accepting import ENTITY_OFFERS, GEO_JSON, LD_JSON, accepted
from cityos.api.answering import context_link, context_said
from cityos.api.asking import SHAPE_WORDS, geometry_property_of, join_of, view_of
from cityos.api.rendered import Rendered
from cityos.ngsi.context import CORE
from cityos.ngsi.error import InvalidRequest
from cityos.ngsi.geojson import compile_feature
from cityos.ngsi.linked import Inline, Join
from cityos.ngsi.representation import View, compile_view
from cityos.ngsi.value import JsonObject
from cityos.store.record import Stored
from cityos.vocabulary.context import CITY_CONTEXT

# As `Rendition.etag` writes it.
_ETAG = re.compile(r'"([0-9a-f]+)-(\d{1,18})-[0-9a-f]+"')
Show = Callable[[JsonObject], JsonObject]


@dataclass(frozen=True, slots=True)
class Rendition:
    """`context` is the @context inside the body (b"" where it stands in a header); `mark` tells renditions apart.

    `headers` are the same for every entity; `sent` is them as ASGI has them, the media type included.
    """

    tenant: str
    view: View
    join: Join | None
    media_type: str
    geometry_property: str
    context: bytes
    headers: tuple[tuple[str, str], ...]
    sent: tuple[tuple[bytes, bytes], ...]
    mark: str
    show: Show = field(compare=False)

    def body(self, stored: Stored, rendered: Rendered) -> bytes:
        """The entity as it is shown, the @context aside; nothing where nothing of it would be."""
        if self.view.context is not CITY_CONTEXT and self.view.context is not CORE:
            return self._render(stored)  # anybody may bring an @context, and it may be large: none is held on to
        key = (self.mark, self.tenant, stored.id)
        return rendered.body(key, stored.seq, lambda: self._render(stored))

    def _render(self, stored: Stored) -> bytes:
        entity = stored.entity()
        told = self.show(entity)
        if not told or (self.view.attributes is not None and self.view.attributes.isdisjoint(entity)):
            return b""
        return orjson.dumps(told)

    def alone(self, body: bytes) -> bytes:
        """The body of an answer that is one entity, with the @context inside, where it stands there."""
        return body[:-1] + b',"@context":' + self.context + b"}" if self.context else body

    def together(self, bodies: Iterable[bytes]) -> bytes:
        """The body of an answer that is many entities: in GeoJSON a FeatureCollection has the @context, else each."""
        if self.media_type == GEO_JSON:
            return self.alone(b'{"type":"FeatureCollection","features":[' + b",".join(bodies) + b"]}")
        return b"[" + b",".join(map(self.alone, bodies) if self.context else bodies) + b"]"

    def etag(self, epoch: str, stored: Stored) -> str:
        """Changes with the entity and with how it is shown."""
        return f'"{epoch}-{stored.seq}-{self.mark}"'


def versions_of(said: str, epoch: str) -> frozenset[int]:
    """The versions that an If-Match names by ETags of this database; others match nothing."""
    return frozenset(int(seq) for of, seq in _ETAG.findall(said) if of == epoch)


async def rendition_of(request: Request) -> Rendition:
    """What the parameters and headers of a retrieval say. Raises what makes it no valid one."""
    reading.check_parameters(request, SHAPE_WORDS)
    media_type = accepted(request, ENTITY_OFFERS)
    if request.query_params.get("format") == "csv":
        raise InvalidRequest("format=csv is for queries (GET /entities) and for the past (GET /temporal/entities/{id})")
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    said = dict(request.query_params)
    view = view_of(request, said, context)
    return settled(request, tenant, view, join_of(said, view), media_type, geometry_property_of(said, context))


def settled(
    request: Request, tenant: str, view: View, join: Join | None, media_type: str, geometry_property: str
) -> Rendition:
    """What was read from a request, settled."""
    is_inside = _has_context_inside(request, media_type)
    inside = orjson.dumps(context_said(request, view.context)) if is_inside else b""
    headers = () if is_inside else (("Link", context_link(request, view.context)),)
    # Strangers write queries: with a checksum, one could be made that passes for another's.
    told = repr((_told(view), media_type, geometry_property, inside, headers)).encode()
    mark = hashlib.blake2b(told, digest_size=12).hexdigest()
    show = show_of(view, media_type, geometry_property)
    all_headers = (("Content-Type", media_type), *headers)
    sent = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in all_headers)
    return Rendition(tenant, view, join, media_type, geometry_property, inside, headers, sent, mark, show)


def _told(view: View) -> tuple[object, ...]:
    """All of a view but its @context, the same for the same view."""
    shown = view.projection
    sets = (view.attributes, shown.pick, shown.omit, view.datasets)
    return view.form, view.system, view.languages, *(None if one is None else sorted(one) for one in sets)


def show_of(view: View, media_type: str, geometry_property: str, inline: Inline | None = None) -> Show:
    """The function from canonical JSON to what is shown: an entity, or a GeoJSON Feature."""
    if media_type == GEO_JSON:
        return compile_feature(view, geometry_property, inline)
    return compile_view(view, inline)


def _has_context_inside(request: Request, media_type: str) -> bool:
    """In ld+json, and in geo+json unless `Prefer: body=json` asks otherwise (clauses 6.3.5, 6.3.6)."""
    if media_type == GEO_JSON:
        return "body=json" not in request.headers.get("prefer", "").replace(" ", "")
    return media_type == LD_JSON
