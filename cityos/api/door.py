"""A door: one method on one path, its handler, and what its description says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import description
from cityos.api.description import ANY_BODY, JSON, Body

Handler = Callable[[Request], Awaitable[Response]]


class _DirectRoute(APIRoute):
    """FastAPI describes the route; the handler takes the request itself.

    Solving dependencies that no handler has would take a tenth of the CPU time of a write.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return cast(Callable[[Request], Coroutine[Any, Any, Response]], self.endpoint)


@dataclass(frozen=True, slots=True)
class Door:
    """`parameters` are query parameters and what they mean, in the words of the OpenAPI document; `body` is what a
    POST, PUT or PATCH carries (None: nothing); `answers` are statuses with their media types, 200 JSON if not said."""

    method: str
    path: str
    handler: Handler
    summary: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    name: str = ""  # in the OpenAPI document; the handler's, if not said
    is_useful: bool = True  # False: it only says why it does not serve, and is left out of the page for people
    body: Body | None = ANY_BODY
    answers: Mapping[int, str] = field(default_factory=lambda: {200: JSON})

    def install(self, app: FastAPI) -> None:
        """Puts the door into the application."""
        route = self.path.replace("{id}", "{id:path}").replace("{attr}", "{attr:path}").replace("{type}", "{type:path}")
        app.router.add_api_route(
            route,
            self.handler,
            methods=[self.method],
            summary=self.summary,
            operation_id=self._operation_id(),
            response_class=Response,
            response_model=None,
            route_class_override=_DirectRoute,
            status_code=min(self.answers),
            openapi_extra=self._description(),
        )

    def _description(self) -> description.Schema:
        pieces = [piece[1:-1] for piece in self.path.split("/") if piece.startswith("{")]
        asked = [description.parameter(name, words) for name, words in self.parameters.items()]
        body = self.body if self.method in ("POST", "PUT", "PATCH") else None
        return {
            "parameters": [*map(description.within, pieces), *asked],
            "responses": description.answers(self.method, self.path, self.answers, has_body=body is not None),
            **({} if body is None else {"requestBody": body.described()}),
        }

    def _operation_id(self) -> str:
        room = self.handler.__module__.rsplit(".", 1)[-1]
        return re.sub(r"\W+", "_", f"{room}_{self.name or self.handler.__name__}").strip("_")
