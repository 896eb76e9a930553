"""Every operation of the OpenAPI document, asked with what fits its description and with what does not.

20 cases each in `make test`; `make fuzz` asks for 1,000. No answer may be the hub's own fault, and every answer is one
that the document tells of. 501 (federation) and 504 (an @context that cannot be fetched) stand in the document.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from schemathesis.config import SchemathesisConfig

from cityos.api.app import install
from tests.processes import HubProcess

CASES = int(os.environ.get("FUZZ_CASES", "20"))
CITY = """
[city]
name = "yukino"
title = "雪野市"

[[feeds]]
name = "pushed"
connector = "snow_removal"
pushed = true
season = ["01-01", "12-31"]
config = { url = "none" }

[[feeds]]
name = "asking"
connector = "snow_removal"
season = ["06-01", "06-02"]
config = { url = "http://127.0.0.1:9/none" }
"""
ZONE = "urn:ngsi-ld:Zone:1"
STOCK = [
    {
        "id": ZONE,
        "type": "Zone",
        "depth": {"type": "Property", "value": 40, "observedAt": "2026-01-15T08:00:00Z"},
        "name": {"type": "LanguageProperty", "languageMap": {"ja": "雪", "en": "snow"}},
        "next": {"type": "Relationship", "object": "urn:ngsi-ld:Zone:2"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [140.75, 40.83]}},
    },
    {"id": "urn:ngsi-ld:Zone:2", "type": "Zone", "scope": "/Aomori", "depth": [1, "two", {"three": 3}]},
]
# What is there: half of the addresses generated are made to be of these, or all would be answered 404.
THERE = {
    "id": [ZONE, "urn:ngsi-ld:Zone:2", "cityos"],
    "attr": ["depth", "name", "next", "location", "scope"],
    "type": ["Zone"],
    "name": ["pushed", "asking"],
}
TOLD = [status_code_conformance, content_type_conformance, response_schema_conformance]


def described() -> dict[str, Any]:
    """The document, of the doors alone: no hub need run for it."""
    app = FastAPI(title="CityOS", version="0")
    install(app)
    return app.openapi()


# Besides what is drawn at random, many cases may be derived from each description, one for each bound and each kind of
# mistake: a thing for `make fuzz`.
PHASES = {"coverage": {"enabled": CASES > 20}, "stateful": {"enabled": False}}
schema = schemathesis.openapi.from_dict(described(), config=SchemathesisConfig.from_dict({"phases": PHASES}))


@schema.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    return path_parameters and {name: _perhaps_there(name, value) for name, value in path_parameters.items()}


def _perhaps_there(name: str, value: object) -> object:
    chance = zlib.crc32(str(value).encode(errors="replace"))
    known = THERE.get(name, [])
    return known[chance // 2 % len(known)] if known and chance % 2 else value


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    directory = tmp_path_factory.mktemp("fuzz")
    (directory / "city.toml").write_text(CITY)
    hub = HubProcess(directory / "data", "--no-broker", "--city", str(directory / "city.toml"))
    hub.start()
    try:
        hub.await_ready()
        yield hub
    finally:
        hub.stop()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


@pytest.fixture(autouse=True)
def stocked(hub: HubProcess, session: requests.Session) -> None:
    """The entities are there again before each operation: others may have purged them."""
    answer = session.post(f"{hub.url}/ngsi-ld/v1/entityOperations/upsert", data=orjson.dumps(STOCK), timeout=30)
    assert answer.status_code in (201, 204)


@schema.parametrize()
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_case_makes_an_operation_fail(
    case: schemathesis.Case[Any], hub: HubProcess, session: requests.Session
) -> None:
    answer = case.call(base_url=hub.url, session=session, timeout=30)
    told = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:500]}"
    assert answer.status_code < 500 or answer.status_code in (501, 504), f"{told}\n{_last_words(hub.log)}"
    case.validate_response(answer, checks=TOLD)


def _last_words(log: Path) -> str:
    return log.read_text()[-3_000:]
