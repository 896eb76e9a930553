"""`python -m services.on_demand`: the on-demand transit service. CITYOS_API_KEY opens the hub, and what drivers do."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import uvicorn

from cityos.client import City
from services.on_demand.app import Plan, create_app
from services.on_demand.config import SAMPLE, ConfigError, read_area
from services.on_demand.key import check_bind, driver_key
from services.on_demand.store import StoreError


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m services.on_demand", description="オンデマンド交通: booking and dispatch"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8103)
    parser.add_argument("--city-url", default="http://127.0.0.1:8080", help="address of the hub")
    parser.add_argument("--tenant", default=None)
    parser.add_argument("--data", type=Path, default=Path("var/on_demand"), help="where bookings are kept")
    parser.add_argument("--config", type=Path, default=SAMPLE, help="area, vehicles, meeting points (TOML)")
    parser.add_argument("--driver-keys", action="store_true", help="print each vehicle's key and end")
    sys.exit(_run(parser.parse_args()))


def _run(said: argparse.Namespace) -> int:
    key = os.environ.get("CITYOS_API_KEY") or None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        check_bind(said.host, key)
        area = read_area(said.config)
        if said.driver_keys:
            return _print_keys(key, list(area.vans))
        app = create_app(Plan(City(said.city_url, key, said.tenant), area, said.data, key))
    except (ValueError, ConfigError, StoreError, OSError) as error:
        sys.stderr.write(f"on_demand: {error}\n")
        return 2
    uvicorn.run(app, host=said.host, port=said.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    return 0


def _print_keys(key: str | None, vehicles: list[str]) -> int:
    if key is None:
        sys.stderr.write("on_demand: drivers' keys are made from CITYOS_API_KEY, which is not set\n")
        return 2
    for vehicle in vehicles:
        sys.stdout.write(f"{vehicle} {driver_key(key, vehicle)}\n")
    return 0


if __name__ == "__main__":
    main()
