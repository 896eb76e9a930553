"""Which part of the past is asked for (clauses 4.11, 5.2.21), and in which form (6.3.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cityos.ngsi.duration import Duration
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.temporal_query import EVER, Aggregation, check_words, read_form, read_temporal_query
from cityos.ngsi.value import Json

_AT = "2026-01-15T00:00:00Z"
_END = "2026-02-15T00:00:00Z"
_INSTANT = datetime(2026, 1, 15, tzinfo=UTC)
_LATER = datetime(2026, 2, 15, tzinfo=UTC)


def test_nothing_said_is_all_of_the_past() -> None:
    assert read_temporal_query({"type": "Vehicle"}) == EVER


@pytest.mark.parametrize(
    ("said", "since", "until"),
    [
        ({"timerel": "after", "timeAt": _AT}, _INSTANT, None),
        ({"timerel": "before", "timeAt": _AT}, None, _INSTANT),
        ({"timerel": "between", "timeAt": _AT, "endTimeAt": _END}, _INSTANT, _LATER),
        ({"timerel": "after", "timeAt": "2026-01-15T09:00:00.000+09:00"}, _INSTANT, None),
        ({"timerel": "after", "timeAt": "2026-01-15T09:00:00 09:00"}, _INSTANT, None),  # a URL's + is a blank
    ],
)
def test_a_relation_is_a_span_by_the_time_of_observation(
    said: dict[str, Json], since: datetime | None, until: datetime | None
) -> None:
    found = read_temporal_query(said)
    assert (found.since, found.until, found.time_property) == (since, until, "observedAt")


def test_a_time_property_may_stand_alone() -> None:
    assert read_temporal_query({"timeproperty": "deletedAt"}).time_property == "deletedAt"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"timerel": "during", "timeAt": _AT}, "timerel"),
        ({"timerel": "after"}, "timeAt"),
        ({"timeAt": _AT}, "timerel"),
        ({"timerel": "between", "timeAt": _AT}, "endTimeAt"),
        ({"timerel": "after", "timeAt": _AT, "endTimeAt": _END}, "endTimeAt"),
        ({"timerel": "between", "timeAt": _END, "endTimeAt": _AT}, "before timeAt"),
        ({"timerel": "after", "timeAt": "2026-01-15"}, "timeAt"),
        ({"timerel": "after", "timeAt": 5}, "timeAt"),
        ({"timeproperty": "seenAt"}, "timeproperty"),
        ({"timeproperty": ["observedAt"]}, "timeproperty"),
        ({"lastN": "0"}, "lastN"),
        ({"lastN": "1.5"}, "lastN"),
        ({"lastN": 1.5}, "lastN"),
        ({"lastN": True}, "lastN"),
        ({"lastN": "１"}, "lastN"),
        ({"lastN": "99999999999999999999"}, "lastN"),
        ({"aggrMethods": "median"}, "aggrMethods"),
        ({"aggrMethods": []}, "aggrMethods"),
        ({"aggrMethods": [1]}, "aggrMethods"),
        ({"aggrMethods": "avg", "aggrPeriodDuration": "1h"}, "aggrPeriodDuration"),
        ({"aggrMethods": "avg", "aggrPeriodDuration": 60}, "aggrPeriodDuration"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(said: dict[str, Json], told: str) -> None:
    with pytest.raises(BadRequestData, match=told):
        read_temporal_query(said)


@pytest.mark.parametrize("methods", ["avg,max,avg", ["avg", "max"]])
def test_methods_come_as_a_list_or_with_commas(methods: Json) -> None:
    found = read_temporal_query({"aggrMethods": methods, "aggrPeriodDuration": "P1M", "lastN": "7"})
    assert found.aggregation == Aggregation(("avg", "max"), Duration(1))
    assert found.last == 7


def test_an_unknown_member_of_temporal_q_is_refused() -> None:
    with pytest.raises(BadRequestData, match="timeRel"):
        check_words({"timeRel": "after"}, "temporalQ")


@pytest.mark.parametrize(
    ("form", "options", "expected"),
    [
        ("", "", ("normalized", False)),
        ("", "sysAttrs", ("normalized", True)),
        ("", "temporalValues,sysAttrs", ("temporalValues", True)),
        ("simplified", "", ("temporalValues", False)),
        ("temporalValues", "aggregatedValues", ("temporalValues", False)),
        ("csv", "", ("csv", False)),
    ],
)
def test_format_wins_over_options(form: str, options: str, expected: tuple[str, bool]) -> None:
    assert read_form(form, options) == expected


@pytest.mark.parametrize(("form", "options"), [("rows", ""), ("", "rows"), ("temporalValues", "sysAttrs,rows")])
def test_an_unknown_form_is_a_malformed_request(form: str, options: str) -> None:
    with pytest.raises(InvalidRequest, match="rows"):
        read_form(form, options)


@pytest.mark.parametrize(
    ("written", "hours"),
    [("2026-03-01T00:00:00+09:00", 9), ("2026-03-01T00:00:00 09:00", 9), ("2026-03-01T00:00:00Z", 0)],
)
def test_periods_are_counted_where_the_time_was_written(written: str, hours: int) -> None:
    said: dict[str, Json] = {"timerel": "after", "timeAt": written, "aggrMethods": "sum", "aggrPeriodDuration": "P1M"}
    aggregation = read_temporal_query(said).aggregation
    assert aggregation is not None
    assert aggregation.offset == timedelta(hours=hours)
