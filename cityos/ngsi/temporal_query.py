"""Which part of the past is asked for (clause 4.11), and in which form it is to be shown (clauses 4.5.7-4.5.9, 4.5.19).

timerel=between&timeAt=2026-01-01T00:00:00Z&endTimeAt=2026-02-01T00:00:00Z&timeproperty=observedAt&lastN=100
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from cityos.ngsi.aggregation import METHODS
from cityos.ngsi.duration import WHOLE, Duration, parse_duration
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.value import Json

TIME_PROPERTIES = ("observedAt", "createdAt", "modifiedAt", "deletedAt")
RELATIONS = ("before", "after", "between")
# The names a request may use, and what each comes to.
FORMS: Mapping[str, str] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "temporalValues",
    "keyValues": "temporalValues",
    "temporalValues": "temporalValues",
    "aggregatedValues": "aggregatedValues",
    "csv": "csv",
}
_MOST_LAST = 1_000_000
_WORDS = frozenset(
    ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration", "type")
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Which aggregates, and of which periods; a period that `is_whole` is all of the time asked for.

    `offset` is that from UTC in which the time was written: whose months are meant.
    """

    methods: tuple[str, ...]
    period: Duration = WHOLE
    offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """From `since` on (inclusive) and before `until`, by a time property; at most the `last` instances of each series.

    `time_property` None: nobody asked for one, so that instances count which have only been written, not observed.
    """

    relation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    time_property: str | None = None
    last: int | None = None
    aggregation: Aggregation | None = None


EVER = TemporalQuery()


def read_temporal_query(said: Mapping[str, Json]) -> TemporalQuery:
    """The temporal query of a request's parameters, or of temporalQ (5.2.21). Raises BadRequestData."""
    relation = _one_of(said, "timerel", RELATIONS)
    at, end = _instant(said, "timeAt"), _instant(said, "endTimeAt")
    time_property = _one_of(said, "timeproperty", TIME_PROPERTIES)
    if (relation is None) is not (at is None):
        raise BadRequestData("timerel and timeAt go together: timerel=after&timeAt=2026-01-15T00:00:00Z")
    if (relation == "between") is not (end is not None):
        raise BadRequestData("endTimeAt goes with timerel=between, which needs it")
    if at is not None and end is not None and end < at:
        raise BadRequestData("endTimeAt lies before timeAt")
    return TemporalQuery(
        relation,
        None if relation == "before" else at,
        at if relation == "before" else end,
        time_property or ("observedAt" if relation else None),
        _last(said.get("lastN")),
        read_aggregation(said),
    )


def _offset(said: Mapping[str, Json]) -> timedelta:
    """The offset in which timeAt is written; none where it is no instant, which is told elsewhere."""
    written = said.get("timeAt")
    try:
        offset = datetime.fromisoformat(_plus(written)).utcoffset() if isinstance(written, str) else None
    except ValueError:
        offset = None
    return offset or timedelta(0)


def _plus(written: str) -> str:
    return written.replace(" ", "+")  # the + of +09:00 arrives as a blank in a URL


def check_words(said: Mapping[str, Json], where: str) -> None:
    """Refuses members of a temporalQ that mean nothing. Raises BadRequestData."""
    if unknown := sorted(said.keys() - _WORDS):
        raise BadRequestData(f"{where} has no member {unknown[0][:40]!r}")


def read_aggregation(said: Mapping[str, Json]) -> Aggregation | None:
    """What aggrMethods and aggrPeriodDuration ask for; None where there is neither. Raises BadRequestData."""
    methods, period = said.get("aggrMethods"), said.get("aggrPeriodDuration")
    if period is not None and not isinstance(period, str):
        raise BadRequestData("aggrPeriodDuration is not text")
    duration = WHOLE if period is None else parse_duration(period, "aggrPeriodDuration")
    if methods is None:
        return None
    names = methods.split(",") if isinstance(methods, str) else methods
    if not isinstance(names, list) or not names:
        raise BadRequestData("aggrMethods is not a list of one or more methods")
    for name in names:
        if name not in METHODS:
            raise BadRequestData(f"aggrMethods: {str(name)[:40]!r} is not one of {', '.join(METHODS)}")
    return Aggregation(tuple(dict.fromkeys(cast(list[str], names))), duration, _offset(said))


def read_form(form: str, options: str) -> tuple[str, bool]:
    """The form asked for, and whether with sysAttrs; `format` wins over `options` (6.3.7). Raises InvalidRequest."""
    chosen, system = FORMS.get(form, ""), False
    if form and not chosen:
        raise InvalidRequest(f"format {form[:40]!r} is not one of {', '.join(FORMS)}")
    from_options = ""
    for option in filter(None, options.split(",")):
        if option == "sysAttrs":
            system = True
        elif option in FORMS:
            from_options = from_options or FORMS[option]
        else:
            raise InvalidRequest(f"options {option[:40]!r} is not one of {', '.join(FORMS)}, sysAttrs")
    return chosen or from_options or "normalized", system


def _one_of(said: Mapping[str, Json], name: str, known: tuple[str, ...]) -> str | None:
    value = said.get(name)
    if value is not None and value not in known:
        raise BadRequestData(f"{name} {str(value)[:40]!r} is not one of {', '.join(known)}")
    return value


def _instant(said: Mapping[str, Json], name: str) -> datetime | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRequestData(f"{name} is not text")
    try:
        return parse_instant(_plus(value))
    except ValueError as error:
        raise BadRequestData(f"{name}: {error}") from None


def _last(said: Json) -> int | None:
    if said is None:
        return None
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) <= 9:
        said = int(said)
    if not isinstance(said, int) or isinstance(said, bool) or not 0 < said <= _MOST_LAST:
        raise BadRequestData(f"lastN {str(said)[:40]!r} is not a whole number from 1 to {_MOST_LAST}")
    return said
