"""Many entities in one request: create, upsert, update, merge, delete (clauses 5.6.7-5.6.10 and 5.6.20)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.description import JSON, PARTLY_CHANGED, Body
from cityos.api.door import Door, Handler
from cityos.api.errors import problem_body
from cityos.api.provision import PREFIX, wants_no_overwrite
from cityos.ngsi import provision
from cityos.ngsi.context import Context
from cityos.ngsi.entity import Entity
from cityos.ngsi.error import BadRequestData, InvalidRequest, NgsiError
from cityos.ngsi.expansion import expand_entity, expand_part, is_uri
from cityos.ngsi.provision import Command
from cityos.ngsi.value import Json
from cityos.store.record import Outcome

LARGEST_BATCH = 10_000
_PORTION = 20  # parts read before others of the loop get their turn: each may bring an @context of its own


async def create(request: Request) -> Response:
    """POST /entityOperations/create"""
    reading.check_parameters(request, _LOCAL)
    outcomes = await _carry_out(request, lambda said, context: provision.create(expand_entity(said, context)))
    return _answer(outcomes, 201, [one.id for one in outcomes])


async def upsert(request: Request) -> Response:
    """POST /entityOperations/upsert"""
    reading.check_parameters(request, _UPSERT_WORDS)
    write = provision.upsert_attributes if _wants_update(request) else provision.upsert
    outcomes = await _carry_out(request, lambda said, context: write(expand_entity(said, context)))
    created = [one.id for one in outcomes if one.done == "created"]
    return _answer(outcomes, 201 if created else 204, created)


async def update(request: Request) -> Response:
    """POST /entityOperations/update"""
    reading.check_parameters(request, _UPDATE_WORDS)
    overwrite = not wants_no_overwrite(request)

    def command(said: Json, context: Context) -> Command:
        entity = expand_part(said, context)
        return provision.append_attributes(entity.id, entity, overwrite=overwrite)

    return _answer(await _carry_out(request, command), 204)


async def merge(request: Request) -> Response:
    """POST /entityOperations/merge"""
    reading.check_parameters(request, _LOCAL)

    def command(said: Json, context: Context) -> Command:
        entity: Entity = expand_part(said, context)
        return provision.merge(entity.id, entity)

    return _answer(await _carry_out(request, command), 204)


async def delete(request: Request) -> Response:
    """POST /entityOperations/delete"""
    reading.check_parameters(request, _LOCAL)

    def command(said: Json, context: Context) -> Command:
        if not isinstance(said, str) or not is_uri(said):
            raise BadRequestData(f"{str(said)[:80]!r} is not the URI of an entity")
        return provision.delete(said)

    return _answer(await _carry_out(request, command), 204)


class _Contexts:
    """The @context of each part of a batch. Parts without their own share one, settled once from the headers (4 us)."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_ld = reading.media_type_of(request) == reading.LD_JSON
        self._shared: Context | None = None

    async def of(self, said: Json) -> Context:
        """Raises BadRequestData, InvalidRequest, LdContextNotAvailable."""
        if isinstance(said, dict) and (self._is_ld or "@context" in said):
            return await reading.context_of(self._request, said)
        if self._shared is None:
            self._shared = await reading.context_of(self._request)
        return self._shared


async def _carry_out(request: Request, command: Callable[[Json, Context], Command]) -> list[Outcome]:
    """What became of each part of the body, in order; those that cannot be read have failed, the others flow."""
    tenant = reading.writing_tenant(request)
    body = await reading.read_json(request, reading.BATCH_LIMIT)
    if not isinstance(body, list) or not 0 < len(body) <= LARGEST_BATCH:
        raise BadRequestData(f"The body is not a list of 1 to {LARGEST_BATCH} parts")
    contexts = _Contexts(request)
    commands: list[Command] = []
    outcomes: list[Outcome | None] = []
    for number, said in enumerate(body):
        if number % _PORTION == 0:
            await asyncio.sleep(0)
        try:
            commands.append(command(said, await contexts.of(said)))
            outcomes.append(None)
        except NgsiError as error:
            outcomes.append(Outcome(_told_id(said), "failed", error=error))
    done = iter(await reading.rooms_of(request).store.apply(tenant, commands) if commands else [])
    return [next(done) if one is None else one for one in outcomes]


def _told_id(said: Json) -> str:
    entity_id = said.get("id") if isinstance(said, dict) else said if isinstance(said, str) and is_uri(said) else ""
    return entity_id if isinstance(entity_id, str) else ""


def _wants_update(request: Request) -> bool:
    """`options=update`; a mistyped word must not replace whole entities."""
    said = request.query_params.get("options", "replace")
    if said not in ("update", "replace"):
        raise InvalidRequest(f"options is {said[:40]!r}; it is update or replace")
    return said == "update"


def _answer(outcomes: list[Outcome], status: int, body: list[str] | None = None) -> Response:
    """The status where all went well, 207 with successes and errors where not (clause 5.2.16)."""
    errors = [
        {"entityId": one.id, "error": problem_body(cast(NgsiError, _error(one)))} for one in outcomes if _error(one)
    ]
    if errors:
        return json_response({"success": [one.id for one in outcomes if not _error(one)], "errors": errors}, 207)
    return json_response(body, status) if status == 201 else Response(status_code=status)


def _error(outcome: Outcome) -> NgsiError | None:
    if outcome.error is None and outcome.refused:
        return BadRequestData("; ".join(f"{name} is not updated: {reason}" for name, reason in outcome.refused))
    return outcome.error


_LOCAL = {"local": "true: this hub only; federation is not built yet, so it is always so"}
_UPSERT_WORDS = {**_LOCAL, "options": "update: only the attributes said are replaced"}
_UPDATE_WORDS = {**_LOCAL, "options": "noOverwrite: attributes that are there stay as they are"}
_PATH = f"{PREFIX}/entityOperations"


def _door(
    word: str,
    handler: Handler,
    summary: str,
    parameters: Mapping[str, str],
    schema: str,
    answers: Mapping[int, str] = PARTLY_CHANGED,
) -> Door:
    return Door("POST", f"{_PATH}/{word}", handler, summary, parameters, body=Body(schema), answers=answers)


DOORS = (
    _door("create", create, "Create many entities", _LOCAL, "Entities", {201: JSON, 207: JSON}),
    _door(
        "upsert",
        upsert,
        "Create or replace many entities",
        _UPSERT_WORDS,
        "Entities",
        {201: JSON, **PARTLY_CHANGED},
    ),
    _door("update", update, "Add or replace attributes of many entities", _UPDATE_WORDS, "EntityParts"),
    _door("merge", merge, "Merge into many entities", _LOCAL, "EntityParts"),
    _door("delete", delete, "Delete many entities", _LOCAL, "Ids"),
)
