"""A feed: a connector with the config, the rhythm and the people a city gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cityos.clock import Clock
from cityos.connector.cadence import Cadence
from cityos.connector.contract import Config, Connector


@dataclass(frozen=True, slots=True)
class Feed:
    """`clock` is the feed's own: the city's, or that of the recording it plays. `owner`, `telephone`: who to ring.

    `provider`, `licence`, `attribution` are of this feed's source: the connector's, unless the city says otherwise.
    A feed asks its source, unless it has a `folder` whose files are its documents, or `is_pushed`: then it waits for
    what is brought to it with `push_key` (or the hub's key). `refers_to` is the feed whose dataset knows what its rows
    speak of (the timetable of a GTFS Realtime feed), "" for none.
    """

    name: str
    title: str
    connector: Connector[Any]
    config: Config
    cadence: Cadence
    stale_after: timedelta
    clock: Clock
    owner: str = ""
    telephone: str = ""
    provider: str = ""
    licence: str = ""
    attribution: str = ""
    folder: Path | None = None
    is_pushed: bool = False
    push_key: str | None = None
    refers_to: str = ""
