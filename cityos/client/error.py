"""What can go wrong between a service and the hub, named after what the caller should do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityos.client.cursor import Cursor


class CityError(Exception):
    """Every failure this client raises."""


class CityUnavailable(CityError):
    """The hub is not reachable, is overloaded, or something else answers in its place: try again later."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem detail (RFC 9457) as the hub told it."""

    status: int
    type: str
    title: str
    detail: str


class CityRefused(CityError):
    """The hub understood and says no: asking again does not help. `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem


class PartlyRefused(CityRefused):
    """A batch of which a part was written. `refused` maps the ids of the others to the reason."""

    def __init__(self, refused: Mapping[str, Problem]) -> None:
        entity_id, first = next(iter(refused.items()))
        super().__init__(
            Problem(207, first.type, f"{len(refused)} entities were refused", f"{entity_id}: {first.detail}")
        )
        self.refused = refused


class CursorGone(CityError):
    """The change feed no longer holds what comes after a cursor: it was trimmed, or the data is another's.

    The way on: read the entities, then follow from `cursor`, which was the head when the hub answered.
    """

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(f"the change feed no longer goes back that far; read the entities, then follow from {cursor}")
        self.cursor = cursor
