"""The commands: serve, up, feeds, replay, watch. They parse and print; what they do is elsewhere."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cityos.settings import DEFAULT_URL
from cityos.store.error import StoreError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    said = _parser().parse_args(arguments)
    try:
        return _run(said)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read us has read enough
        sys.stderr.close()
        return 0
    except (ValueError, OSError, RuntimeError, StoreError) as error:
        print(f"cityos: {error}", file=sys.stderr)
        return 1


def _run(said: argparse.Namespace) -> int:
    """Imports just the command that is asked for: the hub's rooms cost half a second."""
    module, function = said.run.split(".")
    return int(getattr(importlib.import_module(f"cityos.command.{module}"), function)(said))


def _instant(text: str) -> datetime:
    if text == "now":
        return datetime.now(UTC)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} names no time zone; write {text}+09:00")
    return at


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cityos", description="都市OS: a snowy city's data in one API")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("serve", help="the hub and its broker; feeds only with --city")
    _add_serving(one, port=8080)
    one.add_argument("--city", type=Path, help="city file (TOML)")
    one.set_defaults(run="serve.run")

    one = commands.add_parser("up", help="the hub, the city's services and its sample sources")
    _add_serving(one, port=8080)
    one.add_argument("--city", type=Path, required=True, help="city file (TOML)")
    one.set_defaults(run="up.run")

    one = commands.add_parser("feeds", help="all feeds: state, age, rows, who to ring")
    _add_asking(one)
    one.add_argument("name", nargs="?", help="one feed with its notices and runs")
    one.set_defaults(run="feeds.show")

    one = commands.add_parser("run-feed", help="run a feed now")
    _add_asking(one)
    one.add_argument("name")
    one.add_argument("--accept-endings", action="store_true", help="end what the source no longer names, however many")
    one.set_defaults(run="feeds.run_now")

    one = commands.add_parser("replay", help="normalise an archived day again")
    _add_asking(one)
    one.add_argument("name")
    one.add_argument("day", help="a date in Japan such as 2026-01-15")
    one.set_defaults(run="feeds.replay")

    one = commands.add_parser("watch", help="follow what changes, a line each")
    _add_asking(one)
    one.add_argument("types", nargs="*", help="entity types; all if none")
    one.add_argument("--after", type=int, help="start after this seq; 0 is the oldest kept; from now on if not said")
    one.set_defaults(run="watch.run")
    return parser


def _add_serving(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--data", type=Path, default=Path("var/data"), help="directory of this hub's data")
    parser.add_argument(
        "--at", type=_instant, help="the city's time at the start, such as 2026-01-15T05:00:00+09:00, or now"
    )
    parser.add_argument("--speed", type=float, help="how many times faster than real time the city runs")
    parser.add_argument("--recordings", type=Path, help="play the city file's recordings from this directory")
    parser.add_argument("--no-broker", action="store_true", help="without MQTT")


def _add_asking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help=f"the hub; CITYOS_URL or {DEFAULT_URL} if not said")
