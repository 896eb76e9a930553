"""The real lists; every number is from the READMEs beside the data or counted here with the csv module."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cityos.connector import Batch, Document
from cityos.vocabulary.people_flow import CountQuality, PeopleCount
from connectors.people_flow import PeopleFlowConfig, connector
from tests.shared_data import shared

STATION = "people_flow/fukui_station_person_daily.csv"
TOJINBO = "people_flow/tojinbo_person_daily.csv"
FACES = "people_flow/fukui_station_face_daily.csv"
PLATES = "people_flow/rainbow_line_lot1_plates_60days.csv"
TICKS = "people_flow/code4fukui_sensor{}_5min_2023-12-15_2024-02-14.csv"
WEEK = "people_flow/melbourne_native_long_week.csv"
JST = ZoneInfo("Asia/Tokyo")


def read(path: str, **config: Any) -> Batch:
    file = shared(path)
    document = Document(file.name, file.read_bytes(), datetime(2026, 4, 1, tzinfo=UTC))
    return connector.normalise(document, PeopleFlowConfig(url="https://source.example", **config))


def counts(batch: Batch) -> list[PeopleCount]:
    return [PeopleCount.from_entity(row.entity) for row in batch.rows]


def said(path: str) -> list[dict[str, str]]:
    with shared(path).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def daily(path: str) -> dict[str, str]:
    return {row["aggregate from"][:10]: row["total count"] for row in said(path)}


@pytest.mark.parametrize("path", [STATION, TOJINBO, FACES])
def test_all_17_zero_days_are_suspect_and_no_other(path: str) -> None:
    zero = {day for day, count in daily(path).items() if count == "0"}
    suspects = {
        f"{count.observed_from.astimezone(JST):%Y-%m-%d}"
        for count in counts(read(path))
        if count.quality is CountQuality.SUSPECT_OUTAGE
    }
    assert len(zero) == 17
    assert suspects == zero


def test_zeros_of_a_quiet_car_park_are_no_outage() -> None:
    assert not [count for count in counts(read(PLATES)) if count.quality is CountQuality.SUSPECT_OUTAGE]


def test_every_day_of_the_station_is_told_once() -> None:
    batch = read(STATION)
    told = {f"{count.observed_from.astimezone(JST):%Y-%m-%d}": str(count.count) for count in counts(batch)}
    assert told == daily(STATION)
    assert len(batch.rows) == len(told)
    assert [notice.code for notice in batch.notices] == ["duplicate_count", "suspect_outage"]
    assert "7 times" in batch.notices[0].detail


def test_the_one_contradicting_day_of_tojinbo_is_found() -> None:
    (notice,) = [notice for notice in read(TOJINBO).notices if notice.code == "contradicting_count"]
    assert notice.where.endswith(":345")


@pytest.mark.parametrize("sensor", [1, 2, 3])
def test_irregular_ticks_join_without_overlap(sensor: int) -> None:
    told = counts(read(TICKS.format(sensor), counter="c"))
    assert len(told) == len(said(TICKS.format(sensor)))
    assert all(one.observed_to <= next_.observed_from for one, next_ in pairwise(told))
    small = sum(0 < int(row["n"]) < 10 for row in said(TICKS.format(sensor)))
    assert sum(count.count is None for count in told) == small


def test_melbourne_week_has_its_totals() -> None:
    told = counts(read(WEEK, zone="Australia/Melbourne", suppress_below=0))
    assert sum(count.count or 0 for count in told) == sum(int(float(row["PedestrianCount"])) for row in said(WEEK))
    assert {count.local_id for count in told} == {"3", "4", "6"}
    assert min(count.observed_from for count in told) == datetime(2013, 2, 28, 13, tzinfo=UTC)
