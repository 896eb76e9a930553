"""Who may write to a hub without a key: this machine, by its own names."""

from __future__ import annotations

import httpx
import pytest

from tests.cityos.api.asking import ENTITIES, zone

OWN = ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]", "127.1.2.3", "HUB.localhost"]
OTHER = ["city.example", "city.example:8080", "192.168.1.5:8080", "localhost.city.example", "127.0.0.1.nip.example"]


@pytest.mark.parametrize("host", OWN)
async def test_without_a_key_this_machine_writes_under_its_own_names(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.post(ENTITIES, json=zone("1"), headers={"Host": host})
    assert answer.status_code == 201


@pytest.mark.parametrize("host", OTHER)
async def test_a_page_whose_name_was_made_to_lead_here_writes_nothing(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.post(ENTITIES, json=zone("1"), headers={"Host": host, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 401
    assert "http://localhost" in answer.json()["detail"]
    assert (await client.get(ENTITIES, params={"type": "Zone"}, headers={"Host": host})).json() == []
