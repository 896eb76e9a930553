"""Instants are aware UTC inside and ISO 8601 with Z outside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given

from cityos.ngsi.instant import format_instant, from_microseconds, parse_instant, to_microseconds
from tests.cityos.ngsi.wild import INSTANT


@given(INSTANT)
def test_an_instant_survives_text_and_number(at: datetime) -> None:
    assert parse_instant(format_instant(at)) == at
    assert from_microseconds(to_microseconds(at)) == at


@given(INSTANT, INSTANT)
def test_numbers_sort_as_instants_do(one: datetime, other: datetime) -> None:
    assert (one < other) == (to_microseconds(one) < to_microseconds(other))


def test_a_zone_is_turned_into_utc() -> None:
    assert parse_instant("2026-01-15T17:00:00+09:00") == datetime(2026, 1, 15, 8, tzinfo=UTC)
    assert format_instant(parse_instant("2026-01-15T17:00:00.5+09:00")) == "2026-01-15T08:00:00.500000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-15",
        "2026-01-15T08:00:00",
        "2026-02-30T08:00:00Z",
        "0001-01-01T00:00:00+09:00",
        "2026年1月15日",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)
