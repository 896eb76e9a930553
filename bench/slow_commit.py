"""`python -m bench.slow_commit serve ...`: a hub on a disk that takes 5 ms more for every commit."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import uvloop

from cityos.command.serve import serve
from cityos.hub import Plan
from cityos.store.writer import Writer

_MORE_S = 0.005


class SlowWriter(Writer):
    """The store's writer, later."""

    def _commit(self) -> None:
        time.sleep(_MORE_S)
        super()._commit()


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    said = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Plan(said.data, writer=SlowWriter), said.port))


if __name__ == "__main__":
    main()
