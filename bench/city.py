"""The sample city on ports of ours, and a data directory in which it has run for a while."""

from __future__ import annotations

import contextlib
import re
import time
import tomllib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from tests.processes import Started, free_port

_FILE = Path(__file__).parents[1] / "cities" / "sample.toml"


class SampleCity:
    """`cities/sample.toml` with free ports; `up` is `cityos up` over a data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.data = directory, directory / "data"
        self.file = directory / "city.toml"
        text = _FILE.read_text()
        told = tomllib.loads(text)
        self._ports = {one["module"]: free_port() for one in (*told["sources"], *told["services"])}
        for one in (*told["sources"], *told["services"]):
            text = re.sub(rf"\b{one['port']}\b", str(self._ports[one["module"]]), text)
        self.file.write_text(text)

    def up(self, *arguments: str) -> Started:
        """Everything: sources, hub, services."""
        command = ["up", "--city", str(self.file), "--data", str(self.data), *arguments]
        return Started("cityos", command, self.directory / "up.log")

    def sources(self) -> Started:
        """The sources alone."""
        port = self._ports["services.sample_city"]
        return Started("services.sample_city", ["--speed", "60"], self.directory / "sources.log", port=port)

    @contextlib.contextmanager
    def lived(self, hours: float, speed: float, arguments: Sequence[str] = ()) -> Iterator[Started]:
        """The city after so many of its hours, still running."""
        up = self.up("--speed", str(speed), *arguments)
        up.start()
        try:
            up.await_ready()
            time.sleep(timedelta(hours=hours).total_seconds() / speed)
            yield up
        finally:
            up.stop()
