"""The people files have the shape and the traps of the real ones, and only grow."""

import csv
import io
import itertools
from datetime import date, datetime, timedelta

import pytest

from services.sample_city import people
from services.sample_city.clock import DAY, HOUR, JST, jst
from services.sample_city.site import CAMERA_DAILY, CAMERA_HOURLY, FIVE_MINUTE, HOURLY, Site, festival_share

SCENARIO = date(2026, 1, 15)
MORNING = jst(SCENARIO, 5)


def times(body: bytes) -> list[datetime]:
    return [datetime.fromisoformat(line.split(",")[0]).replace(tzinfo=JST) for line in body.decode().split("\n")[1:-1]]


@pytest.mark.parametrize("site", FIVE_MINUTE, ids=lambda site: site.slug)
def test_five_minute_file_only_grows_within_its_window(site: Site) -> None:
    files = [people.five_minute_csv(1, site, jst(SCENARIO, 0, 5) + timedelta(minutes=7 * n)) for n in range(205)]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(files))
    assert len(files[-1]) > len(files[0])


def test_five_minute_file_has_irregular_steps_and_lost_ticks() -> None:
    at = times(people.five_minute_csv(1, FIVE_MINUTE[0], jst(SCENARIO, 23)))
    steps = {int((later - earlier).total_seconds()) for earlier, later in itertools.pairwise(at)}
    assert {298, 299} <= steps
    assert max(steps) > 500
    assert at[0] - jst(SCENARIO - 2 * DAY) < timedelta(minutes=15)


def test_five_minute_file_never_runs_ahead_of_the_city() -> None:
    for minute in range(60):
        instant = MORNING + timedelta(minutes=minute)
        body = people.five_minute_csv(1, FIVE_MINUTE[1], instant)
        assert times(body)[-1] <= people.five_minute_changed_at(1, FIVE_MINUTE[1], instant) <= instant


def test_five_minute_file_never_shows_more_than_three_days() -> None:
    newest = times(people.five_minute_csv(1, FIVE_MINUTE[0], jst(SCENARIO) - timedelta(seconds=1)))
    assert newest[-1] - newest[0] < 3 * DAY


@pytest.mark.parametrize("site", CAMERA_DAILY, ids=lambda site: site.slug)
def test_camera_days_carry_blank_lines_repeated_days_and_zero_days(site: Site) -> None:
    header, *lines = people.camera_daily_csv(1, site, MORNING).decode().split("\n")
    assert header == "placement,object class,aggregate from,aggregate to,total count"
    full = [line for line in lines[:-1] if line]
    assert "" in lines[:-1]
    assert 0 < len(full) - len(set(full)) < len(full)
    assert any(line.endswith(",0") for line in full)
    assert len({line.split(",")[2] for line in full}) >= people.CAMERA_DAYS
    assert full[-1].split(",")[2:4] == ["2026-01-14 00:00:00", "2026-01-15 00:00:00"]


def test_camera_hours_end_with_the_last_counted_hour() -> None:
    lines = people.camera_hourly_csv(1, CAMERA_HOURLY[0], MORNING + timedelta(minutes=20)).decode().split("\n")
    assert lines[-2].split(",")[2:4] == ["2026-01-15 04:00:00", "2026-01-15 05:00:00"]
    assert len(lines) - 2 == 6 * 24 + 5


def test_hourly_list_is_long_and_writes_numbers_as_floats() -> None:
    rows = list(csv.DictReader(io.StringIO(people.hourly_csv(1, MORNING + timedelta(minutes=20)).decode())))
    assert list(rows[0]) == ["Date", "Day_of_week", "Hour", "SensorID", "SensorName", "PedestrianCount"]
    assert (rows[0]["Date"], rows[0]["Day_of_week"], rows[0]["SensorID"]) == ("09-Jan-2026", "Friday", "1.0")
    assert rows[0]["PedestrianCount"].endswith(".0")
    assert len(rows) == (6 * 24 + 5) * len(HOURLY)


def test_sensor_list_places_every_listed_sensor_and_repeats_one() -> None:
    rows = list(csv.DictReader(io.StringIO(people.sensors_csv().decode())))
    ids = [row["Sensor ID"] for row in rows]
    assert len(ids) == len(set(ids)) + 1
    assert {str(site.number) for site in HOURLY} <= set(ids)
    assert all(140.70 < float(r["Longitude"]) < 140.80 and 40.78 < float(r["Latitude"]) < 40.86 for r in rows)


def test_the_evening_event_draws_a_crowd() -> None:
    plaza = HOURLY[0]
    at_19 = jst(SCENARIO, 19)
    assert festival_share(at_19) > 0.5
    assert festival_share(at_19 - DAY) == 0
    assert people.count_hour(1, plaza, at_19) > 1.5 * people.count_hour(1, plaza, at_19 - DAY)


def test_nights_are_quiet() -> None:
    night = sum(people.count_hour(1, HOURLY[0], jst(SCENARIO, 3) + n * DAY) for n in range(7))
    noon = sum(people.count_hour(1, HOURLY[0], jst(SCENARIO, 12) + n * DAY) for n in range(7))
    assert night < noon / 10


@pytest.mark.parametrize("minutes", range(0, 120, 5))
def test_hourly_list_only_grows_within_a_day(minutes: int) -> None:
    instant = MORNING + timedelta(minutes=minutes)
    assert people.hourly_csv(1, instant + HOUR).startswith(people.hourly_csv(1, instant))
