"""``python -m services.sample_city``: serves the sample city."""

import argparse
import time
from collections.abc import Sequence
from datetime import datetime

import uvicorn

from .app import create_app
from .clock import JST, Clock


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and serves until it is stopped."""
    asked = _parser().parse_args(arguments)
    started = time.time() if asked.started is None else asked.started
    at = asked.at or datetime.fromtimestamp(started, JST)
    app = create_app(asked.seed, Clock(at, started, asked.speed), calm=asked.calm)
    # The Date header is the city's own, so that it agrees with Last-Modified.
    uvicorn.run(app, host=asked.host, port=asked.port, date_header=False, access_log=False, log_level="warning")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.sample_city", description="雪野市: an invented city's data"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", type=_instant, help="the city's instant at the start, with its zone (default: now)")
    parser.add_argument("--speed", type=float, default=1.0, help="city seconds per second")
    parser.add_argument("--started", type=float, help="the real instant, in Unix seconds, at which --at was true")
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong")
    return parser


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"Instant {text} has no time zone")
    return instant


if __name__ == "__main__":
    main()
