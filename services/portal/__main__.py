"""`python -m services.portal`: the citizens' page. The key, if any, comes from CITYOS_API_KEY."""

from __future__ import annotations

import argparse
import logging
import os

import uvicorn

from cityos.client import City
from services.portal.app import create_app
from services.portal.transit import TransitDesk


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m services.portal", description="市民向けページ: the citizens' page")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--city-url", default="http://127.0.0.1:8080", help="address of the hub")
    parser.add_argument("--tenant", default=None)
    parser.add_argument("--transit-url", default=None, help="address of the transit service; without it, no buses")
    parser.add_argument("--stop", action="append", default=[], help="name of a stop always shown; may be repeated")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    city = City(options.city_url, os.environ.get("CITYOS_API_KEY"), options.tenant)
    transit = None if options.transit_url is None else TransitDesk(options.transit_url, options.stop)
    app = create_app(city, transit)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
