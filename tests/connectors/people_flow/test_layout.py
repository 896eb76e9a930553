"""What the lists of counts say, on documents written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cityos.connector import Batch, Document, SourceChanged
from cityos.vocabulary.people_flow import CountQuality, PeopleCount
from connectors.people_flow import PeopleFlowConfig, connector

CAMERA = "placement,object class,aggregate from,aggregate to,total count"
LONG = "Date,Day_of_week,Hour,SensorID,SensorName,PedestrianCount"
MELBOURNE = "Australia/Melbourne"


def read(*lines: str, **config: Any) -> Batch:
    document = Document("list.csv", "\n".join([*lines, ""]).encode(), datetime(2026, 2, 1, tzinfo=UTC))
    return connector.normalise(document, PeopleFlowConfig(url="https://source.example/list.csv", **config))


def counts(batch: Batch) -> list[PeopleCount]:
    return [PeopleCount.from_entity(row.entity) for row in batch.rows]


def codes(batch: Batch) -> list[str]:
    return [notice.code for notice in batch.notices]


def day(number: int, count: object, counter: str = "eki") -> str:
    start = datetime(2026, 1, 1) + timedelta(days=number)  # noqa: DTZ001
    return f"{counter},Person,{start:%Y-%m-%d} 00:00:00,{start + timedelta(days=1):%Y-%m-%d} 00:00:00,{count}"


def test_camera_day_is_a_japanese_day() -> None:
    (count,) = counts(read(CAMERA, day(0, 900)))
    assert count.observed_from == datetime(2025, 12, 31, 15, tzinfo=UTC)
    assert count.observed_to == datetime(2026, 1, 1, 15, tzinfo=UTC)
    assert (count.local_id, count.count, count.kind) == ("eki", 900, "Person")


def test_class_columns_are_never_read() -> None:
    batch = read(CAMERA + ",male range18to24", day(0, 900) + ",1")
    assert [count.count for count in counts(batch)] == [900]
    assert "range18to24" not in repr(batch)


def test_other_things_counted_at_a_place_are_another_counter() -> None:
    batch = read(CAMERA, day(0, 900), day(0, 30).replace("Person", "Face"))
    assert [(count.local_id, count.kind) for count in counts(batch)] == [("eki", "Person"), ("eki-Face", "Face")]


def test_blank_lines_are_skipped_and_lines_counted() -> None:
    batch = read(CAMERA, "", day(0, 900), "   ", ",,,,", day(1, 901))
    assert [row.where for row in batch.rows] == ["list.csv:3", "list.csv:6"]
    assert codes(batch) == []


@pytest.mark.parametrize("garbage", ["-5", "－５", "many", "", "12.5", "1e3", "９" * 30])
def test_garbage_count_is_left_out_with_its_line(garbage: str) -> None:
    batch = read(CAMERA, day(0, garbage), day(1, 900))
    assert [count.count for count in counts(batch)] == [900]
    assert [(notice.code, notice.where) for notice in batch.notices] == [("count_unreadable", "list.csv:2")]


def test_full_width_digits_are_a_number_and_noticed() -> None:
    batch = read(CAMERA, day(0, "１２３"))
    assert counts(batch)[0].count == 123
    assert codes(batch) == ["full_width_digits"]


def test_small_counts_are_suppressed_and_zero_is_not() -> None:
    batch = read(CAMERA, *(day(n, count) for n, count in enumerate([0, 1, 9, 10])))
    assert [count.count for count in counts(batch)] == [0, None, None, 10]
    assert counts(batch)[1].quality is CountQuality.SUPPRESSED


def test_small_counts_are_told_only_where_config_says_so() -> None:
    batch = read(CAMERA, day(0, 4), day(1, 5), suppress_below=5)
    assert [count.count for count in counts(batch)] == [None, 5]


def test_suppression_can_not_be_raised_beyond_what_is_said() -> None:
    with pytest.raises(ValueError, match="suppress_below"):
        read(CAMERA, suppress_below=11)


def test_notices_never_tell_a_count() -> None:
    batch = read(CAMERA, day(0, 7), day(0, 8), day(1, 3).replace("2026-01-03", "2026-13-03"))
    assert codes(batch) == ["time_unreadable", "contradicting_count"]
    assert not any(notice.detail.endswith(("7", "8", "3")) for notice in batch.notices)


def test_identical_repetition_is_one_notice() -> None:
    batch = read(CAMERA, *(day(n, 900 + n) for n in (0, 1, 0, 1)))
    assert len(batch.rows) == 2
    assert [(notice.code, notice.severity) for notice in batch.notices] == [("duplicate_count", "info")]
    assert "2 times" in batch.notices[0].detail


def test_later_of_two_contradicting_rows_is_taken() -> None:
    batch = read(CAMERA, day(0, 900), day(0, 950))
    assert [count.count for count in counts(batch)] == [950]
    assert [(notice.code, notice.where) for notice in batch.notices] == [("contradicting_count", "list.csv:3")]


def test_zero_days_at_a_busy_counter_are_suspect() -> None:
    batch = read(CAMERA, *(day(n, count) for n, count in enumerate([500, 600, 0, 0, 700, 800, 900])))
    suspects = [count.count for count in counts(batch) if count.quality is CountQuality.SUSPECT_OUTAGE]
    assert suspects == [0, 0]
    assert codes(batch) == ["suspect_outage"]


def test_zero_days_at_a_quiet_or_unknown_counter_are_not() -> None:
    assert codes(read(CAMERA, *(day(n, count) for n, count in enumerate([50, 60, 0, 70, 80, 90])))) == []
    assert codes(read(CAMERA, day(0, 5000), day(1, 0))) == []


def test_nights_without_anybody_are_not_suspect() -> None:
    ticks = [f"2026-01-{n:02}T{h:02}:00:00,{0 if h < 8 else 50}" for n in range(1, 8) for h in range(24)]
    assert codes(read("dt,n", *ticks, counter="c", interval_minutes=60, gap_minutes=60)) == []


def test_tick_counts_since_the_one_before() -> None:
    first, second = counts(read("dt,n", "2026-01-20T00:00:41,17", "2026-01-20T00:05:40,23", counter="c"))
    assert first.observed_from == datetime(2026, 1, 19, 14, 55, 41, tzinfo=UTC)
    assert second.observed_from == first.observed_to == datetime(2026, 1, 19, 15, 0, 41, tzinfo=UTC)


def test_tick_after_a_gap_counts_its_rhythm_only() -> None:
    _, second = counts(read("dt,n", "2026-01-20T00:00:00,17", "2026-01-21T09:00:00,23", counter="c"))
    assert second.observed_to - second.observed_from == timedelta(minutes=5)


def test_ticks_out_of_order_are_told_in_order() -> None:
    batch = read("dt,n", "2026-01-20T00:05:00,23", "2026-01-20T00:00:00,17", counter="c")
    assert [count.count for count in counts(batch)] == [17, 23]


def test_nameless_list_needs_a_counter_in_the_city_file() -> None:
    with pytest.raises(SourceChanged, match="set `counter`"):
        read("dt,n", "2026-01-20T00:05:00,23")


def test_name_and_place_come_from_the_city_file() -> None:
    (count,) = counts(read(CAMERA, day(0, 900), counters={"eki": {"name": "駅前", "lon": 140.7, "lat": 40.8}}))
    assert count.name == "駅前"
    assert count.location == {"type": "Point", "coordinates": [140.7, 40.8]}


def test_hour_that_the_clocks_skip_is_left_out() -> None:
    batch = read(LONG, *(f"06-Oct-2013,Sunday,{h},4.0,Corner,100" for h in (1, 2, 3)), zone=MELBOURNE)
    assert [count.observed_to for count in counts(batch)] == [datetime(2013, 10, 5, h, tzinfo=UTC) for h in (16, 17)]
    assert codes(batch) == ["time_unreadable"]


def test_hour_that_comes_twice_is_two_hours() -> None:
    rows = [f"07-Apr-2013,Sunday,{h},{s}.0,Corner,{100 + n}" for n, h in enumerate((1, 2, 2, 3)) for s in (4, 5)]
    batch = read(LONG, *rows, zone=MELBOURNE)
    told = [(count.observed_from.hour, count.count) for count in counts(batch) if count.local_id == "4"]
    assert told == [(14, 100), (15, 101), (16, 102), (17, 103)]
    assert codes(batch) == []


def test_wide_list_tells_what_the_long_one_tells() -> None:
    long = read(LONG, "01-Mar-2013,Friday,0,4.0,,621.0", "01-Mar-2013,Friday,1,7.0,,50", zone=MELBOURNE)
    wide = read("local_time,4.0,7.0", "2013-03-01T00:00,621,", "2013-03-01T01:00,,50", zone=MELBOURNE)
    assert [row.entity for row in long.rows] == [row.entity for row in wide.rows]


def test_renamed_column_is_a_change_of_source() -> None:
    with pytest.raises(SourceChanged, match="no column SensorID, PedestrianCount"):
        read(LONG.replace("SensorID", "sensor_id").replace("PedestrianCount", "Total"), "x,x,x,x,x,x")


def test_cut_last_row_is_left_out_unless_the_source_always_ends_so() -> None:
    content = f"{CAMERA}\n{day(0, 900)}\n{day(1, 12)}".encode()
    document = Document("list.csv", content, datetime(2026, 2, 1, tzinfo=UTC))
    url = "https://source.example/list.csv"
    careful = connector.normalise(document, PeopleFlowConfig(url=url))
    trusting = connector.normalise(document, PeopleFlowConfig(url=url, ends_with_line_break=False))
    assert [len(batch.rows) for batch in (careful, trusting)] == [1, 2]
    assert codes(careful) == ["document_cut"]


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        read(CAMERA, zone="Asia/Aomori")
