"""Maps: where they are found, when they were measured, and what their flags mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cityos.connector import Batch, Document, SourceChanged
from cityos.vocabulary.weather import Measure, MeasureQuality, WeatherObserved
from connectors.amedas import AmedasConfig, connector
from tests.fakes import FakeFetcher, urls
from tests.shared_data import shared

URL = "https://www.jma.go.jp/bosai/amedas/data/map/20260115080000.json"
LATEST = "https://www.jma.go.jp/bosai/amedas/data/latest_time.txt"
EIGHT = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)  # 08:00 in Japan
AOMORI = {"31312": {"name": "青森", "lon": 140.7683, "lat": 40.8217}}


def config(**said: Any) -> AmedasConfig:
    return AmedasConfig.model_validate({"stations": AOMORI, **said})


def read(stations: object, url: str = URL, **said: Any) -> Batch:
    fetched_at = datetime(2026, 1, 14, 23, 4, tzinfo=UTC)
    return connector.normalise(Document("map.json", json.dumps(stations).encode(), fetched_at, url), config(**said))


def measures(elements: dict[str, object]) -> dict[str, Measure]:
    (row,) = read({"31312": elements}).rows
    return dict(WeatherObserved.from_entity(row.entity).measures)


def codes(elements: dict[str, object]) -> list[str]:
    return [notice.code for notice in read({"31312": elements}).notices]


async def test_map_is_found_through_the_latest_time() -> None:
    fetcher = FakeFetcher()
    fetcher.put(LATEST, "2026-01-15T08:00:00+09:00\n")
    fetcher.put(URL, '{"31312": {"temp": [-3.4, 0]}}')
    (document,) = [one async for one in connector.fetch(config(), fetcher)]
    assert urls(fetcher.asked) == [LATEST, URL]
    assert (document.url, document.name) == (URL, "amedas/map.json")
    (row,) = connector.normalise(document, config()).rows
    assert row.entity.latest_observation() == EIGHT


async def test_all_maps_are_one_document_that_changes_so_that_notices_close() -> None:
    names = set()
    for minutes in ("00", "10"):
        fetcher = FakeFetcher()
        fetcher.put(LATEST, f"2026-01-15T08:{minutes}:00+09:00")
        fetcher.put(URL.replace("0800", f"08{minutes}"), "{}")
        names |= {one.name async for one in connector.fetch(config(), fetcher)}
    assert names == {"amedas/map.json"}


@pytest.mark.parametrize("said", ["", "<html><title>404</title></html>", "soon"])
async def test_latest_time_that_is_none_is_a_change_of_source(said: str) -> None:
    fetcher = FakeFetcher()
    fetcher.put(LATEST, said)
    with pytest.raises(SourceChanged, match=r"latest_time\.txt"):
        [one async for one in connector.fetch(config(), fetcher)]


@pytest.mark.parametrize("url", ["", "https://x.example/map.json", "https://x.example/20261315080000.json"])
def test_map_from_an_address_without_time_is_refused(url: str) -> None:
    with pytest.raises(SourceChanged, match="nobody knows when it was measured"):
        read({"31312": {"temp": [1.0, 0]}}, url=url)


def test_elements_become_attributes_in_their_unit() -> None:
    said: dict[str, object] = {
        "temp": [-3.4, 0],
        "humidity": [86, 0],
        "precipitation1h": [2.5, 0],
        "snow": [72, 0],
        "snow24h": [24, 0],
        "windDirection": [4, 0],
        "wind": [5.1, 0],
    }
    told = {term: measure.value for term, measure in measures(said).items()}
    assert told == {
        "temperature": -3.4,
        "relativeHumidity": 0.86,
        "precipitation": 2.5,
        "snowHeight": 72,
        "snowfall24h": 24,
        "windDirection": 90.0,
        "windSpeed": 5.1,
    }


@pytest.mark.parametrize(("point", "degrees"), [(1, 22.5), (4, 90.0), (12, 270.0), (16, 0.0)])
def test_wind_comes_from_sixteen_points(point: int, degrees: float) -> None:
    assert measures({"windDirection": [point, 0]})["windDirection"].value == degrees


def test_calm_has_no_direction() -> None:
    assert measures({"windDirection": [0, 0]}) == {}
    assert codes({"windDirection": [0, 0]}) == []


@pytest.mark.parametrize("said", [[0, None], [None, None], [0, 6], [None, 5], [0, 5], [None, 0]])
def test_what_was_not_measured_is_not_zero(said: list[object]) -> None:
    assert measures({"snow": said, "temp": [1.0, 0]}).keys() == {"temperature"}


@pytest.mark.parametrize(("said", "told"), [([None, 5], ["measure_missing"]), ([0, None], []), ([0, 6], [])])
def test_only_what_is_missing_is_noted_not_what_is_never_or_not_now_observed(
    said: list[object], told: list[str]
) -> None:
    assert codes({"snow": said}) == told


@pytest.mark.parametrize("flag", [1, 2, 3, 4])
def test_doubtful_value_is_told_as_doubtful(flag: int) -> None:
    assert measures({"snow24h": [17, flag]}) == {"snowfall24h": Measure(17, EIGHT, MeasureQuality.DOUBTFUL, flag)}


@pytest.mark.parametrize("said", [[17, 7], [17, "0"], ["17", 0], [True, 0], 17, [17], [1, 2, 3], {}])
def test_what_is_no_value_with_a_flag_is_noted(said: object) -> None:
    assert measures({"snow": said}) == {}
    assert codes({"snow": said}) == ["measure_unreadable"]


def test_element_that_is_absent_leaves_the_last_value_with_its_age() -> None:
    assert "snowHeight" not in measures({"temp": [12.0, 0]})


def test_station_that_is_not_in_the_map_is_noted() -> None:
    batch = read({"44132": {"temp": [1.0, 0]}})
    assert batch.rows == ()
    assert [(notice.code, notice.subject) for notice in batch.notices] == [("station_missing", "31312")]
    assert batch.as_of == EIGHT


def test_config_without_stations_is_refused() -> None:
    with pytest.raises(ValueError, match="stations"):
        AmedasConfig.model_validate({"stations": {}})


def test_real_map_of_two_stations() -> None:
    """Sōya has no snow gauge: its zeros are none. Wakkanai's sums of 6 hours and more are doubtful that morning."""
    content = shared("snow/amedas_map_sample_hokkaido_202103.json").read_bytes()
    document = Document("map.json", content, datetime(2021, 3, 4, tzinfo=UTC), URL.replace("20260115", "20210304"))
    stations = {
        "11001": {"name": "宗谷岬", "lon": 141.935, "lat": 45.52},
        "11016": {"name": "稚内", "lon": 141.6783, "lat": 45.415},
    }
    batch = connector.normalise(document, config(stations=stations))
    soya, wakkanai = (WeatherObserved.from_entity(row.entity).measures for row in batch.rows)
    assert soya.keys() == {"temperature", "sunshine1h", "windDirection", "windSpeed"}
    assert (wakkanai["snowHeight"].value, wakkanai["snowHeight"].is_normal) == (79, True)
    assert (wakkanai["snowfall24h"].value, wakkanai["snowfall24h"].is_normal) == (17, False)
    assert wakkanai["windDirection"].value == 337.5
    assert batch.notices == ()
