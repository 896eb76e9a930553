"""One error door: every failure becomes a problem detail (RFC 9457) in the standard's words (CIM 009, clause 5.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cityos.ngsi.error import (
    AlreadyExists,
    BadRequestData,
    InvalidRequest,
    LdContextNotAvailable,
    NgsiError,
    NonexistentTenant,
    NotBuilt,
    PreconditionFailed,
    ResourceNotFound,
    TooComplexQuery,
)
from cityos.store.error import CursorGone, QueryTooLong, StoreUnavailable

_STATUS: Final[Mapping[type[NgsiError], int]] = {
    InvalidRequest: 400,
    BadRequestData: 400,
    AlreadyExists: 409,
    ResourceNotFound: 404,
    NonexistentTenant: 404,
    LdContextNotAvailable: 504,
    TooComplexQuery: 403,
    NotBuilt: 501,
    PreconditionFailed: 412,
}
_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


class RequestTooLarge(Exception):
    """The body is larger than this route takes."""


class NotAcceptable(Exception):
    """None of the accepted media types can be given."""


class UnsupportedMediaType(Exception):
    """The body is of a type this route does not take."""


class LengthRequired(Exception):
    """The request has a body and does not say how long it is."""


class OperationNotSupported(Exception):
    """The request can be understood, but this cannot be done to what it names."""


class KeyRequired(Exception):
    """The request needs the key and does not carry it."""


def problem(status: int, kind: str, title: str, detail: str, **more: object) -> Response:
    """A problem detail as a response."""
    body = {"type": _ERRORS + kind, "title": title, "status": status, "detail": detail, **more}
    headers = {"Retry-After": "1"} if status == 503 else None
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def of_ngsi(error: NgsiError) -> Response:
    """The problem detail of a refusal by the model."""
    return problem(_STATUS[type(error)], error.kind, error.title, str(error))


def problem_body(error: NgsiError) -> dict[str, object]:
    """The problem detail as it stands inside a batch's answer."""
    return {
        "type": _ERRORS + error.kind,
        "title": error.title,
        "status": _STATUS[type(error)],
        "detail": str(error),
    }


async def _ngsi(request: Request, error: Exception) -> Response:
    assert isinstance(error, NgsiError)
    return of_ngsi(error)


async def _cursor_gone(request: Request, error: Exception) -> Response:
    assert isinstance(error, CursorGone)
    recipe = [
        f"Note this head: {error.head} (epoch {error.epoch}).",
        "Read the entities you need: GET /ngsi-ld/v1/entities?type=...",
        f"Follow from there: GET /changes?after={error.head}&epoch={error.epoch}",
    ]
    about = {"epoch": error.epoch, "head": error.head, "recipe": recipe}
    return problem(410, "CursorGone", "The cursor is no longer valid", str(error), **about)


async def _too_long(request: Request, error: Exception) -> Response:
    return of_ngsi(TooComplexQuery(f"{error}; ask for fewer entities or a smaller place"))


async def _unavailable(request: Request, error: Exception) -> Response:
    return problem(503, "InternalError", "The store is not available", f"{error}; nothing was written, try again")


async def _too_large(request: Request, error: Exception) -> Response:
    return problem(413, "RequestEntityTooLarge", "The request is too large", str(error))


async def _not_acceptable(request: Request, error: Exception) -> Response:
    return problem(406, "InvalidRequest", "None of the accepted media types can be given", str(error))


async def _unsupported(request: Request, error: Exception) -> Response:
    return problem(415, "InvalidRequest", "The media type is not supported", str(error))


async def _length_required(request: Request, error: Exception) -> Response:
    return Response(status_code=411)  # clause 6.3.4: without any payload body


async def _not_supported(request: Request, error: Exception) -> Response:
    return problem(422, "OperationNotSupported", "The operation is not supported", str(error))


async def _key_required(request: Request, error: Exception) -> Response:
    answer = problem(401, "Unauthorized", "A key is required", str(error))
    answer.headers["WWW-Authenticate"] = 'ApiKey header="X-API-Key"'
    return answer


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = "ResourceNotFound" if error.status_code == 404 else "InvalidRequest"
    answer = problem(error.status_code, kind, error.detail, f"{request.method} {request.url.path}")
    answer.headers.update(error.headers or {})
    return answer


def install(app: Starlette) -> None:
    """Puts the door in place."""
    for kind, handler in (
        (NgsiError, _ngsi),
        (CursorGone, _cursor_gone),
        (QueryTooLong, _too_long),
        (StoreUnavailable, _unavailable),
        (RequestTooLarge, _too_large),
        (NotAcceptable, _not_acceptable),
        (UnsupportedMediaType, _unsupported),
        (LengthRequired, _length_required),
        (OperationNotSupported, _not_supported),
        (KeyRequired, _key_required),
        (HTTPException, _http),
    ):
        app.add_exception_handler(kind, handler)
