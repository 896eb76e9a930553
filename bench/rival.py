"""500 rows in a box from the hub, and from pygeoapi (from PyPI, in an environment of its own): asked for by name only.

pygeoapi reads a table of PostGIS, the first of its providers that knows boxes at all; a server with that extension is
needed. It is given the easier task: its table holds the 500 rows alone, the hub 100,000 entities. What PostgreSQL uses
comes on top of its figure, and is not counted.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import psutil
import psycopg

from bench.figure import Row, spread
from bench.hub import body_of, cpu_s_of, running
from bench.load import Order, run_load
from bench.places import EDGE, SOUTH, WEST, fill_places
from tests.postgres import fresh_database
from tests.processes import HubProcess, free_port, wait_until

_PACKAGES = ("pygeoapi", "geoalchemy2", "psycopg2-binary", "starlette", "uvicorn", "uvloop", "httptools")
_TABLE = (
    "CREATE EXTENSION postgis",
    "CREATE TABLE places (id text PRIMARY KEY, n integer, name text, remark text, place geometry(Point, 4326))",
    "CREATE INDEX ON places USING gist (place)",
)
_ROW = "INSERT INTO places VALUES (%s, %s, %s, %s, ST_GeomFromGeoJSON(%s))"
_ROWS = 500
_REPEATS = 5
_READY_S = 60.0
_OURS = "/ngsi-ld/v1/entities?type=Common&format=simplified&limit={limit}&bbox={turn}"
_THEIRS = "/collections/places/items?f=json&limit=500&bbox={turn}"
_CONFIG: dict[str, object] = {
    "logging": {"level": "ERROR"},
    "metadata": {
        "identification": {
            "title": "bench",
            "description": "bench",
            "keywords": ["bench"],
            "keywords_type": "theme",
            "terms_of_service": "https://example.org",
            "url": "https://example.org",
        },
        "license": {"name": "CC0", "url": "https://example.org"},
        "provider": {"name": "bench", "url": "https://example.org"},
        "contact": {"name": "bench"},
    },
}


def measure(directory: Path) -> Iterator[Row]:
    """CPU time per returned row, in turns."""
    with fresh_database() as url, running(HubProcess(directory / "data", "--no-broker")) as hub:
        fill_places(hub.port)
        _fill_table(url, hub.port)
        with _pygeoapi(directory, url) as (port, process):
            theirs, page, large = [], [], []
            for _ in range(_REPEATS):
                theirs.append(_us_a_row(port, process, _THEIRS, 60, _ROWS))
                page.append(_us_a_row(hub.port, hub.family()[0], _OURS.replace("{limit}", "20"), 1_000, 20))
                large.append(_us_a_row(hub.port, hub.family()[0], _OURS.replace("{limit}", "500"), 100, _ROWS))
    yield Row("pygeoapi on PostGIS, 500 rows of 500 in a box", _each(theirs))
    for what, ours in (("20 rows", page), ("500 rows", large)):
        shares = [them / us for them, us in zip(theirs, ours, strict=True)]
        yield Row(f"the hub, {what} of 100,000 in a box", _each(ours))
        yield Row("  CPU per row, pygeoapi's / ours", spread(shares, "", 1), ">= 10")


def _each(costs: list[float]) -> str:
    return spread(costs, "us CPU a row", 1)


def _us_a_row(port: int, process: psutil.Process, path: str, count: int, rows: int) -> float:
    boxes = _boxes(count)
    found = orjson.loads(body_of(port, path.replace("{turn}", boxes[0])))
    length = len(found["features"] if isinstance(found, dict) else found)
    if length != rows:
        raise RuntimeError(f"{path} answers {length} rows, not {rows}")
    before = cpu_s_of([process])
    result = run_load(Order(port, "GET", path, "", count, 2, turns=boxes)).check("200")
    return (cpu_s_of([process]) - before) / len(result.latencies) / rows * 1e6


def _boxes(count: int) -> list[str]:
    """Around all there is, no two alike."""
    chance = random.Random(count)
    margins = [chance.random() for _ in range(count)]
    return [f"{WEST - m:.6f},{SOUTH - m:.6f},{WEST + EDGE + m:.6f},{SOUTH + EDGE + m:.6f}" for m in margins]


def _fill_table(url: str, port: int) -> None:
    """Rows of the hub into the other's table."""
    path = _OURS.replace("{limit}", str(_ROWS)).replace("{turn}", _boxes(1)[0])
    rows = orjson.loads(body_of(port, path))
    with psycopg.connect(url, autocommit=True) as server:
        try:
            for line in _TABLE:
                server.execute(line)
        except psycopg.Error as error:
            raise RuntimeError(f"PostGIS is not there: {error}") from None
        for row in rows:
            place = orjson.dumps(row["location"]).decode()
            server.execute(_ROW, (row["id"], row["n"], row["name"], row["remark"], place))


@contextlib.contextmanager
def _pygeoapi(directory: Path, url: str) -> Iterator[tuple[int, psutil.Process]]:
    """pygeoapi in one process, on uvicorn, uvloop and httptools as the hub is. Installs it first."""
    python = _installed(directory / "venv")
    port = free_port()
    environment = _configured(directory, url, port)
    told = ["--output-file", environment["PYGEOAPI_OPENAPI"]]
    prepare: list[str | Path] = [
        python.with_name("pygeoapi"),
        "openapi",
        "generate",
        environment["PYGEOAPI_CONFIG"],
        *told,
    ]
    subprocess.run(prepare, env=environment, check=True, capture_output=True)
    command: list[str | Path] = [
        python,
        "-m",
        "uvicorn",
        "--port",
        str(port),
        "--log-level",
        "error",
        "--no-access-log",
    ]
    with subprocess.Popen([*command, "pygeoapi.starlette_app:APP"], env=environment) as server:
        try:
            if not wait_until(lambda: _answers(port), _READY_S):
                raise RuntimeError("pygeoapi does not answer")
            yield port, psutil.Process(server.pid)
        finally:
            server.terminate()


def _installed(venv: Path) -> Path:
    python = venv / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *_PACKAGES], check=True)
    return python


def _configured(directory: Path, url: str, port: int) -> dict[str, str]:
    known = psycopg.conninfo.conninfo_to_dict(url)
    data = {
        "host": known.get("host"),
        "port": int(known.get("port") or 5432),
        "dbname": known.get("dbname"),
        "user": known.get("user"),
        "password": known.get("password") or "",
        "search_path": ["public"],
    }
    extent = {
        "spatial": {
            "bbox": [WEST, SOUTH, WEST + EDGE, SOUTH + EDGE],
            "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        }
    }
    table = {"table": "places", "id_field": "id", "geom_field": "place"}
    provider = {"type": "feature", "name": "PostgreSQL", "data": data, **table}
    about = {"title": "places", "description": "places", "keywords": ["places"], "links": []}
    server = {
        "bind": {"host": "127.0.0.1", "port": port},
        "url": f"http://127.0.0.1:{port}",
        "mimetype": "application/json; charset=UTF-8",
        "encoding": "utf-8",
        "languages": ["en-US"],
        "limits": {"default_items": _ROWS, "max_items": _ROWS},
        "map": {"url": "https://example.org", "attribution": "none"},
    }
    resources = {"places": {"type": "collection", **about, "extents": extent, "providers": [provider]}}
    config = directory / "pygeoapi.yml"
    config.write_bytes(orjson.dumps({**_CONFIG, "server": server, "resources": resources}))  # JSON is YAML, too
    return {**os.environ, "PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(directory / "openapi.yml")}


def _answers(port: int) -> bool:
    try:
        return bool(body_of(port, "/collections?f=json"))
    except (OSError, RuntimeError):
        return False
