"""`python -m bench [name ...]`: measures and prints a table. It judges nothing: a busy machine's time is no verdict."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench import (
    aomori,
    batch,
    day,
    history,
    memory,
    notify,
    places,
    postgresql,
    read,
    restart,
    rival,
    start,
    subscriptions,
    writes,
)
from bench.figure import Row, spin_ms, spread

Measure = Callable[[Path], Iterable[Row]]
FIGURES: dict[str, Measure] = {
    "start": start.measure,
    "restart": restart.measure,
    "notify": notify.measure,
    "subscriptions": subscriptions.measure,
    "writes": writes.measure,
    "read": read.measure,
    "batch": batch.measure,
    "history": history.measure,
    "places": places.measure,
    "postgresql": postgresql.measure,
    "memory": memory.measure,
    "aomori": aomori.measure,
    "day": day.measure,
}
# Measured only where they are named: they install what is no part of the project.
ON_REQUEST: dict[str, Measure] = {"rival": rival.measure}
_HEAD = ("figure", "measured: median (min to max)", "target", "CPU time")


def main() -> None:
    """Measures the figures named, or all."""
    known = FIGURES | ON_REQUEST
    parser = argparse.ArgumentParser(prog="python -m bench", description="measures CityOS on this machine")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join(known)}; all but {', '.join(ON_REQUEST)} if none"
    )
    names: list[str] = parser.parse_args().names
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no figure {unknown[0]}; there are {', '.join(known)}")
    lines: list[tuple[str, ...]] = []
    for name in names or FIGURES:
        lines += _measured(name, known[name])
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    _print_table([_HEAD, *lines])


def _measured(name: str, measure: Measure) -> list[tuple[str, ...]]:
    print(f"measuring {name} ...", flush=True)
    began, before = time.monotonic(), spin_ms()
    with tempfile.TemporaryDirectory(prefix=f"cityos-bench-{name}-") as directory:
        rows = list(_rows_of(measure(Path(directory))))
    noise = spread([*before, *spin_ms()], "ms", 1)
    told = [(row.what, row.measured, row.target, row.cpu) for row in rows]
    return [*told, (f"  {name}: machine noise, a fixed spin", noise, "", f"{time.monotonic() - began:.0f} s in all")]


def _rows_of(rows: Iterable[Row]) -> Iterator[Row]:
    """What a figure tells; one that cannot be measured says so and leaves the others their turn."""
    try:
        yield from rows
    except (AssertionError, RuntimeError, OSError) as error:
        yield Row("  not measured", str(error).strip().splitlines()[-1])


def _print_table(lines: list[tuple[str, ...]]) -> None:
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEAD))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
