"""Federation (clauses 4.3.3, 5.9-5.11, 5.14, 5.16): not built yet, and answered so, in the standard's words."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.accepting import accepted
from cityos.api.description import PROBLEM
from cityos.api.door import Door
from cityos.api.provision import PREFIX
from cityos.ngsi.error import NotBuilt


async def not_supported(request: Request) -> Response:
    """Whatever asks other context sources. What is wrong with the request itself is told first, as everywhere."""
    accepted(request)
    if request.method in ("POST", "PATCH"):
        body = await reading.read_json(request, reading.ENTITY_LIMIT)
        await reading.context_of(request, body)
    raise NotBuilt(
        "This hub does not forward to other context sources yet: registrations, entity maps and snapshots are not kept"
    )


_COLLECTIONS = {
    "csourceRegistrations": ("GET", "POST"),
    "csourceRegistrations/{id}": ("GET", "PATCH", "DELETE"),
    "csourceSubscriptions": ("GET", "POST"),
    "csourceSubscriptions/{id}": ("GET", "PATCH", "DELETE"),
    "entityMaps/{id}": ("GET", "PATCH", "DELETE"),
    "snapshots": ("POST",),
    "snapshots/{id}": ("GET", "PATCH", "DELETE"),
}


DOORS = tuple(
    Door(
        method,
        f"{PREFIX}/{path}",
        not_supported,
        "Not built yet: answers 501",
        name=f"{method}_{path}",
        is_useful=False,
        answers={501: PROBLEM},
    )
    for path, methods in _COLLECTIONS.items()
    for method in methods
)
