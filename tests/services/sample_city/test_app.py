"""The edge: headers, conditional requests and the machine-readable timetable, through the ASGI application."""

from datetime import datetime, timedelta

import httpx
import pytest

from services.sample_city.app import create_app
from services.sample_city.clock import JST, Clock
from services.sample_city.mischief import Kind
from services.sample_city.source import list_sources

START = datetime(2026, 1, 15, 5, tzinfo=JST)
PATHS = [source.path for source in list_sources(1, calm=False)]


def client_at(instant: datetime, *, calm: bool = False) -> httpx.AsyncClient:
    """A client of the city with seed 1, whose clock stands at ``instant``."""
    app = create_app(1, Clock(instant, 0.0, 1.0), calm=calm, real_now=lambda: 0.0)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://yukino.test")


async def test_index_lists_every_source() -> None:
    async with client_at(START) as client:
        text = (await client.get("/")).text
    assert all(path in text for path in (*PATHS, "/amedas/data/map/<YYYYMMDDHHMMSS>.json", "/mischief"))


async def test_health_tells_the_time_of_the_city() -> None:
    async with client_at(START) as client:
        assert (await client.get("/health")).json() == {"status": "ok", "now": "2026-01-15T05:00:00+09:00"}


async def test_content_types_are_those_of_real_servers() -> None:
    async with client_at(START) as client:
        types = {path: (await client.get(path)).headers["content-type"] for path in PATHS}
    assert types["/snow/koku.csv"] == "text/csv"
    assert types["/snow/koku.geojson"] == "application/octet-stream"
    assert types["/people/hourly.csv"] == "text/plain; charset=utf-8"


async def test_weather_maps_are_found_by_their_time_and_not_before() -> None:
    async with client_at(START) as client:
        newest = (await client.get("/amedas/latest_time.txt")).text
        stamps = ["20260115045000", "20260115050000", "20260115044500", "20260104000000", "2026011504500", "x"]
        statuses = [(await client.get(f"/amedas/data/map/{stamp}.json")).status_code for stamp in stamps]
        first = await client.get("/amedas/data/map/20260115045000.json")
        tag = {"if-none-match": first.headers["etag"]}
        again = await client.get("/amedas/data/map/20260115045000.json", headers=tag)
    assert newest == "2026-01-15T04:50:00+09:00"
    assert statuses == [200, 404, 404, 404, 404, 404]
    assert first.headers["last-modified"] == "Wed, 14 Jan 2026 19:54:00 GMT"
    assert (first.headers["content-type"], again.status_code) == ("application/json", 304)


async def test_new_bus_feed_is_there_at_four_in_the_morning() -> None:
    tags = []
    for hours in (0, 22.9, 23.1):
        async with client_at(START + timedelta(hours=hours)) as client:
            given = await client.get("/gtfs/yukino-bus.zip")
            tags.append((given.headers["etag"], given.headers["last-modified"]))
    assert tags[0] == tags[1] != tags[2]
    assert tags[2][1] == "Thu, 15 Jan 2026 19:00:00 GMT"


async def test_etag_gives_304_until_the_next_publication() -> None:
    async with client_at(START) as client:
        first = await client.get("/snow/koku.csv")
        again = await client.get("/snow/koku.csv", headers={"if-none-match": first.headers["etag"]})
    async with client_at(START + timedelta(hours=13)) as client:
        later = await client.get("/snow/koku.csv", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert later.status_code == 200


async def test_last_modified_gives_304_and_is_the_publication() -> None:
    async with client_at(START) as client:
        first = await client.get("/snow/koku.geojson")
        modified = first.headers["last-modified"]
        again = await client.get("/snow/koku.geojson", headers={"if-modified-since": modified})
        unreadable = await client.get("/snow/koku.geojson", headers={"if-modified-since": "yesterday"})
    assert modified == "Wed, 14 Jan 2026 08:00:00 GMT"
    assert first.headers["date"] == "Wed, 14 Jan 2026 20:00:00 GMT"
    assert (again.status_code, unreadable.status_code) == (304, 200)


async def test_source_without_validators_always_sends_its_content() -> None:
    async with client_at(START) as client:
        given = await client.get("/snow/rosen.geojson", headers={"if-none-match": "*", "if-modified-since": "x"})
    assert given.status_code == 200
    assert not {"etag", "last-modified"} & set(given.headers)


async def test_mischief_is_listed_with_every_kind_and_its_window() -> None:
    async with client_at(START) as client:
        listed = (await client.get("/mischief")).json()
    assert {entry["kind"] for entry in listed} == {kind.value for kind in Kind}
    assert all(list(entry) == ["kind", "path", "from", "to", "detail"] for entry in listed)
    assert all(datetime.fromisoformat(entry["from"]).tzinfo for entry in listed)


async def test_listed_outage_is_seen_from_its_first_to_its_last_second() -> None:
    async with client_at(START) as client:
        listed = (await client.get("/mischief", params={"on": "2026-01-15"})).json()
    (outage,) = (entry for entry in listed if entry["kind"] == "outage")
    begins, ends = datetime.fromisoformat(outage["from"]), datetime.fromisoformat(outage["to"])
    second = timedelta(seconds=1)
    seen = []
    for instant in (begins - second, begins, ends - second, ends):
        async with client_at(instant) as client:
            seen.append((await client.get(outage["path"])).status_code)
    assert seen == [200, 503, 503, 200]


@pytest.mark.parametrize("hour", range(0, 24, 2))
async def test_calm_city_answers_everything(hour: int) -> None:
    async with client_at(START + timedelta(hours=hour), calm=True) as client:
        assert [(await client.get(path)).status_code for path in PATHS] == [200] * len(PATHS)
        assert (await client.get("/mischief")).json() == []
        assert (await client.get("/nowhere")).status_code == 404
