"""`/docs`: all doors on one plain page, made from their own descriptions. No script, nothing from another server."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cityos.api.door import Door

_STYLE = (
    "body{font:1rem/1.6 sans-serif;max-width:60rem;margin:auto;padding:1rem}code{background:#f2f4f7;padding:.1em .3em}"
    "h2{margin:2rem 0 .3rem;font-size:1.1rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}"
    "dd{margin:0}"
)


def door_to_docs(doors: Sequence[Door]) -> Door:
    """The door that shows all the others."""
    page = _page(doors)

    async def documentation(request: Request) -> Response:
        """GET /docs"""
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    return Door("GET", "/docs", documentation, "All routes with their parameters", answers={200: "text/html"})


def _page(doors: Sequence[Door]) -> str:
    parts = "".join(_section(door) for door in doors if door.is_useful)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>CityOS API</title><style>{_STYLE}</style><h1>CityOS 都市OS</h1>"
        '<p>The same for machines: <a href="/openapi.json">openapi.json</a>. Entities are NGSI-LD; errors are problem '
        f"details (RFC 9457). An unknown parameter is refused.</p>{parts}</html>"
    )


def _section(door: Door) -> str:
    said = "".join(f"<dt><code>{escape(name)}</code><dd>{escape(words)}" for name, words in door.parameters.items())
    return f"<h2><code>{door.method} {escape(door.path)}</code></h2><p>{escape(door.summary)}</p>" + (
        f"<dl>{said}</dl>" if said else ""
    )
