"""`python -m services.transit`: next departures of a stop. The key, if any, comes from CITYOS_API_KEY."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import uvicorn

from cityos.client import City
from services.transit.app import Plan, create_app


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m services.transit", description="バスの案内: next departures")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8102)
    parser.add_argument("--city-url", default="http://127.0.0.1:8080", help="address of the hub")
    parser.add_argument("--tenant", default=None)
    parser.add_argument("--data", type=Path, default=None, help="where timetables are kept for a start without the hub")
    parser.add_argument(
        "--realtime",
        action="append",
        default=[],
        metavar="TIMETABLE=REALTIME,...",
        type=_pair,
        help="the realtime feeds that speak of the trips of a timetable feed; once for each timetable",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    city = City(options.city_url, os.environ.get("CITYOS_API_KEY"), options.tenant)
    try:
        app = create_app(Plan(city, dict(options.realtime), options.data))
    except OSError as error:
        sys.exit(f"transit: {error}")
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=2)


def _pair(said: str) -> tuple[str, tuple[str, ...]]:
    timetable, _, realtime = said.partition("=")
    names = tuple(realtime.split(","))
    if not timetable or not all(names):
        raise argparse.ArgumentTypeError(f"{said!r} is not such as bus=bus-trip-updates,bus-vehicles")
    return timetable, names


if __name__ == "__main__":
    main()
