"""The weather stations measure the snow that falls, with the flags of the real ones."""

import json
from datetime import date, datetime, timedelta

import pytest

from services.sample_city import amedas
from services.sample_city.climate import snow_depth_cm, snowfall_between_cm
from services.sample_city.clock import DAY, HOUR, jst
from services.sample_city.weather import snowfall_24h_cm

SCENARIO = date(2026, 1, 15)
Elements = dict[str, list[float | None]]


def measured(instant_h: float, station: str = "99101", day: date = SCENARIO) -> Elements:
    told: dict[str, Elements] = json.loads(amedas.station_map(1, jst(day) + instant_h * HOUR))
    return told[station]


def test_sums_of_snow_agree_with_the_snow_that_fell() -> None:
    for hour in range(6, 12):
        told = measured(hour)
        assert told["snow24h"][0] == round(snowfall_24h_cm(1, jst(SCENARIO, hour)))
        assert told["precipitation24h"][0] == pytest.approx(snowfall_24h_cm(1, jst(SCENARIO, hour)), abs=0.5)
        sums = [told[f"snow{h}h"][0] or 0 for h in (1, 6, 12, 24)]
        assert sums == sorted(sums)


def test_depth_grows_by_what_falls_and_melts_in_spring() -> None:
    fallen = snowfall_between_cm(1, jst(SCENARIO), jst(SCENARIO + DAY))
    grown = snow_depth_cm(1, jst(SCENARIO + DAY)) - snow_depth_cm(1, jst(SCENARIO))
    assert 0.7 * fallen < grown < fallen
    assert all(snow_depth_cm(1, jst(date(2026, month, 20))) == 0 for month in (5, 7, 9))
    assert snow_depth_cm(1, jst(date(2026, 4, 28))) < snow_depth_cm(1, jst(date(2026, 3, 1)))


def test_it_freezes_while_it_snows() -> None:
    assert all((measured(hour)["temp"][0] or 0) <= 0.3 for hour in range(24))


def test_station_without_snow_gauge_says_zero_without_a_flag() -> None:
    told = measured(8, "99102")
    assert "snow" not in told
    assert {tuple(told[f"snow{h}h"]) for h in (1, 6, 12, 24)} == {(0, None)}
    assert told["temp"][1] == 0


def test_sums_are_doubtful_once_a_day_and_the_gauge_is_serviced_once() -> None:
    doubtful, serviced = amedas.doubtful_from(1, SCENARIO), amedas.serviced_from(1, SCENARIO)
    midnight = jst(SCENARIO)
    flags = {}
    for n in range(6 * 24):
        at = midnight + n * amedas.STEP
        told = measured(n / 6)
        flags[at] = (told["snow"][1], told["snow24h"][1], told["snow"][0] is None)
    assert [at for at, flag in flags.items() if flag[1] == 4 and not flag[2]] == _steps(*doubtful)
    assert [at for at, flag in flags.items() if flag[2] and flag[0] == 5] == _steps(*serviced)
    assert all(flag == (0, 0, False) for at, flag in flags.items() if at not in _steps(*doubtful) + _steps(*serviced))


def test_out_of_season_there_is_no_word_of_snow() -> None:
    assert not [name for name in measured(12, day=date(2026, 7, 15)) if name.startswith("snow")]


def test_maps_are_published_in_time_and_kept_for_ten_days() -> None:
    now = jst(SCENARIO, 8) + timedelta(minutes=13)
    assert amedas.latest_at(now) == jst(SCENARIO, 8)
    assert amedas.latest_at(now + timedelta(minutes=1)) == jst(SCENARIO, 8, 10)
    assert amedas.find_map_time("20260115080000", now) == jst(SCENARIO, 8)
    for stamp in ("20260115081000", "20260115080500", "20260105075000", "202601150800", "20261315080000", ""):
        assert amedas.find_map_time(stamp, now) is None


def _steps(begins: datetime, ends: datetime) -> list[datetime]:
    every = [jst(SCENARIO) + n * amedas.STEP for n in range(6 * 24)]
    return [at for at in every if begins <= at < ends]
