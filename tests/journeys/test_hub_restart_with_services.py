"""Services live without the hub: they say so, catch up when it comes, and go on from memory when it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from cityos.client import City
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, ClaimCode, SnowRemoval
from tests.processes import HubProcess, Started, wait_until

NOTICED_S = 20.0
"""How long a service may take to see that the hub came or went: its longest pause between attempts, and some room."""


@contextmanager
def _services(hub: HubProcess, directory: Path) -> Iterator[tuple[Started, Started]]:
    """The snow information and the portal, ready."""
    both = (
        Started("services.snow_info", ["--city-url", hub.url], directory / "snow_info.log"),
        Started("services.portal", ["--city-url", hub.url], directory / "portal.log"),
    )
    try:
        for service in both:
            service.start()
        for service in both:
            service.await_ready()
        yield both
    finally:
        for service in both:
            service.stop()


def _status(service: Started) -> object:
    told = service.get("/health")
    assert isinstance(told, dict)
    return told["status"]


def _all_say(services: tuple[Started, ...], status: str) -> bool:
    return wait_until(lambda: all(_status(service) == status for service in services), NOTICED_S)


def _claims(snow_info: Started) -> dict[str, str]:
    told = snow_info.get("/zones")
    assert isinstance(told, dict)
    return {zone["name"]: zone["claim"]["word"] for zone in told["zones"]}


def _shows(holds: Callable[[], bool]) -> bool:
    return wait_until(holds, NOTICED_S)


def _write_zones(hub: HubProcess, **claims: str) -> None:
    async def write() -> None:
        async with City(hub.url) as city:
            await city.upsert(_zone(name, claim).to_entity("koku") for name, claim in claims.items())

    asyncio.run(write())


def _zone(name: str, claim: str) -> SnowRemoval:
    at = datetime(2026, 1, 15, 8, tzinfo=UTC)
    return SnowRemoval(SNOW_REMOVAL_ZONE, name, name, claim, ClaimCode.ORDERED, at, "meaning", "2025-26")


@pytest.mark.journey
def test_services_start_without_the_hub_say_so_and_catch_up(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "data")
    with _services(hub, tmp_path) as (snow_info, portal):
        assert _all_say((snow_info, portal), "waiting")
        for service, path in ((snow_info, "/zones"), (portal, "/")):
            assert httpx.get(service.url + path).status_code == HTTPStatus.SERVICE_UNAVAILABLE
        try:
            hub.start()
            hub.await_ready()
            _write_zones(hub, A1="作業中", A2="作業中")
            assert _all_say((snow_info, portal), "ok")
            assert _shows(lambda: _claims(snow_info) == {"A1": "作業中", "A2": "作業中"})

            hub.kill()
            assert _all_say((snow_info, portal), "stale")
            assert _claims(snow_info) == {"A1": "作業中", "A2": "作業中"}
            assert "A1" in httpx.get(portal.url).raise_for_status().text

            hub.start()
            hub.await_ready()
            _write_zones(hub, A2="作業予定あり", A3="現場確認中")
            assert _all_say((snow_info, portal), "ok")
            assert _shows(lambda: _claims(snow_info) == {"A1": "作業中", "A2": "作業予定あり", "A3": "現場確認中"})
            assert _shows(lambda: "A3" in httpx.get(portal.url).text)
        finally:
            hub.stop()
