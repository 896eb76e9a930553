"""Three feeds of Aomori with one agency_id in one hub: what they say never mixes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cityos.bus.memory import MemoryBus
from cityos.city_file import CityFile
from cityos.hub import Plan, open_hub
from tests.cityos.api.asking import client_of
from tests.shared_data import shared

AGENCY = "4000020022012"
# The third is the shuttle's feed as somebody edited it: the same ids for other things.
FEEDS = {
    "city": "ja/aomori-city-bus-20190325.zip",
    "nebutan": "ja/aomori-nebutan-20190401.zip",
    "edited": "broken/ja/times_28h_ok.zip",
}
ROUTES = {"city": 249, "nebutan": 4, "edited": 4}
CITY = "[city]\nname = 'aomori'\ntitle = '青森市'\n" + "".join(
    f"[[feeds]]\nname = '{name}'\nconnector = 'gtfs_jp'\npushed = true\nconfig = {{ url = 'none' }}\n" for name in FEEDS
)


@pytest.mark.journey
async def test_three_feeds_share_an_agency_id_and_never_mix(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(CITY)
    plan = Plan(tmp_path / "data", city=CityFile.read(tmp_path / "city.toml"), bus=MemoryBus())
    async with open_hub(plan) as hub, client_of(hub) as client:
        for order in (list(FEEDS), list(reversed(FEEDS))):
            for name in order:
                content = shared(f"gtfs/{FEEDS[name]}").read_bytes()
                answer = await client.post(f"/feeds/{name}/documents", content=content)
                assert answer.json()["ended"] == 0
        params = {"type": "GtfsAgency", "format": "simplified"}
        agencies = (await client.get("/ngsi-ld/v1/entities", params=params)).json()
        assert {one["id"] for one in agencies} == {f"urn:ngsi-ld:GtfsAgency:{name}:{AGENCY}" for name in FEEDS}
        params = {"type": "GtfsRoute", "limit": "1000", "format": "simplified"}
        routes = (await client.get("/ngsi-ld/v1/entities", params=params)).json()
        assert Counter(one["id"].split(":")[3] for one in routes) == ROUTES
        told = (await client.get("/datasets")).json()
        datasets = told["datasets"] if isinstance(told, dict) else told
        assert {one["feed"] for one in datasets} == set(FEEDS)
        assert len({one["version"] for one in datasets}) == 3
