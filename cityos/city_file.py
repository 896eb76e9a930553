"""The city file (TOML): which feeds a city has, who answers for them, which services run, what is kept how long.

Secrets stand in it only as ${NAME} and are taken from the environment.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cityos.bus.embedded import BROKER_USERS
from cityos.clock import Clock
from cityos.connector.cadence import JST, Cadence, Calendar
from cityos.connector.feed import Feed
from cityos.ingest.catalogue import NoSuchConnector, get_connector
from cityos.ingest.fetching import Recording
from cityos.ngsi.geo import Box
from cityos.settings import SHORTEST_KEY
from cityos.store.record import Retention
from cityos.vocabulary.context import iri

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])\Z")
# ${NAME}, or ${NAME:-what to use where it is not set}
_SECRET = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class CityFileError(ValueError):
    """The city file cannot be used; the text says where and why."""


def _parse_span(said: object) -> timedelta:
    found = _SPAN.match(said) if isinstance(said, str) else None
    if found is None:
        raise ValueError(f"{said!r} is not a span such as 30s, 5m, 24h or 7d")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _parse_month_day(said: object) -> tuple[int, int]:
    try:
        at = datetime.strptime(f"2024-{said}", "%Y-%m-%d")  # noqa: DTZ007 - only month and day are kept
    except ValueError:
        raise ValueError(f"{said!r} is not a month and day such as 12-01") from None
    return at.month, at.day


def _parse_zone(said: object) -> ZoneInfo:
    try:
        return said if isinstance(said, ZoneInfo) else ZoneInfo(str(said))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{said!r} is not a time zone such as Asia/Tokyo") from None


Span = Annotated[timedelta, BeforeValidator(_parse_span)]
MonthDay = Annotated[tuple[int, int], BeforeValidator(_parse_month_day)]
Zone = Annotated[ZoneInfo, BeforeValidator(_parse_zone)]


def _parse_push_key(said: object) -> str:
    # What a broker would read otherwise than it is written; $2 begins a bcrypt hash.
    if not isinstance(said, str) or len(said) < SHORTEST_KEY or not said.isprintable() or said.startswith("$2"):
        raise ValueError(f"a key has {SHORTEST_KEY} printable characters or more and does not begin with $2")
    return said


PushKey = Annotated[str, BeforeValidator(_parse_push_key)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class _City(_Part):
    name: str = Field(pattern=r"^[A-Za-z0-9_]+$")
    title: str
    box: Box | None = None  # min lon, min lat, max lon, max lat
    starts_at: AwareDatetime | None = None  # the city's time when it is started without --at
    speed: float = Field(default=1.0, gt=0)


class _Feed(_Part):
    name: str = Field(pattern=r"^[A-Za-z0-9_\-]+$")
    connector: str
    title: str | None = None
    owner: str = ""
    telephone: str = ""
    provider: str | None = None
    licence: str | None = None
    attribution: str | None = None
    config: dict[str, Any] = {}
    poll: Span | None = None
    every: Span | None = None
    at: tuple[time, ...] | None = None
    grace: Span | None = None
    stale_after: Span | None = None
    season: tuple[MonthDay, MonthDay] | None = None
    hours: tuple[time, time] | None = None
    weekdays: frozenset[int] | None = None
    folder: str | None = None  # its files are the documents; relative to the data directory
    pushed: bool = False  # documents are sent to POST /feeds/{name}/documents
    push_key: PushKey | None = None
    refers_to: str = ""  # the feed whose dataset knows what this one speaks of
    starts_at: AwareDatetime | None = None  # the feed's own clock when the city's is at its start: for recordings
    speed: float | None = Field(default=None, gt=0)  # of that clock, where it is not the city's


class _Recording(_Part):
    url: str
    at: AwareDatetime
    file: str
    grows_by: str | None = None
    grows_format: str | None = None
    zone: Zone = JST
    lag: Span = timedelta()


class Process(_Part):
    """A service or sample source that `cityos up` starts: `python -m <module> --host H --port P <arguments>`.

    `{data}` in an argument is the data directory.
    """

    module: str
    port: int
    arguments: tuple[str, ...] = ()


class _Retention(_Part):
    changes_days: float = Field(default=7.0, gt=0)
    history_days: float = Field(default=400.0, gt=0)
    documents_days: float = Field(default=30.0, gt=0)
    runs_days: float = Field(default=30.0, gt=0)
    dataset_versions: int = Field(default=5, gt=0)
    history_days_by_type: dict[str, float] = {}


class _File(_Part):
    city: _City
    retention: _Retention = _Retention()
    feeds: tuple[_Feed, ...] = ()
    recordings: tuple[_Recording, ...] = ()
    services: tuple[Process, ...] = ()
    sources: tuple[Process, ...] = ()


class CityFile:
    """A read city file. `tenant` is the city's name."""

    def __init__(self, said: _File) -> None:
        self._said = said
        self.tenant = said.city.name
        self.title = said.city.title
        self.box = said.city.box
        self.starts_at = said.city.starts_at
        self.speed = said.city.speed
        self.services = said.services
        self.sources = said.sources

    @classmethod
    def read(cls, path: Path, environment: Mapping[str, str] = os.environ) -> CityFile:
        """Reads and checks a city file. Raises CityFileError."""
        try:
            told = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise CityFileError(f"{path} cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CityFileError(f"{path} is not TOML: {error}") from None
        try:
            said = _File.model_validate(_with_secrets(told, environment, path))
        except ValidationError as error:
            raise CityFileError(f"{path}: {_first_fault(error)}") from None
        return cls(said)

    @property
    def retention(self) -> Retention:
        """What is kept how long."""
        said = self._said.retention
        by_type = {iri(term): days for term, days in said.history_days_by_type.items()}
        return Retention(
            said.changes_days, said.history_days, said.documents_days, said.runs_days, said.dataset_versions, by_type
        )

    def feeds(self, clock: Clock, data: Path = Path()) -> list[Feed]:
        """The feeds, on the city's clock or on that of their recordings, their folders below `data`.

        Raises CityFileError.
        """
        names = [said.name for said in self._said.feeds]
        if twice := {name for name in names if names.count(name) > 1}:
            raise CityFileError(f"two feeds are named {', '.join(sorted(twice))}")
        for said in self._said.feeds:
            if said.push_key is not None and said.name in BROKER_USERS:
                raise CityFileError(
                    f"feed {said.name}: the broker has a user of this name; a feed with a key needs another"
                )
            if said.refers_to and said.refers_to not in {*names} - {said.name}:
                raise CityFileError(f"feed {said.name}: refers_to is {said.refers_to!r}, which is no other feed here")
        return [_feed(said, clock, self.starts_at, data) for said in self._said.feeds]

    def recordings(self, directory: Path) -> list[Recording]:
        """The recordings, their files below a directory."""
        return [
            Recording(one.url, one.at, directory / one.file, one.grows_by, one.grows_format, one.zone, one.lag)
            for one in self._said.recordings
        ]


def _with_secrets(said: Any, environment: Mapping[str, str], path: Path) -> Any:
    """Puts the environment's values in the place of ${NAME}, everywhere."""
    if isinstance(said, dict):
        return {key: _with_secrets(value, environment, path) for key, value in said.items()}
    if isinstance(said, list):
        return [_with_secrets(value, environment, path) for value in said]
    if not isinstance(said, str):
        return said

    def value_of(found: re.Match[str]) -> str:
        value = environment.get(found[1], found[2])
        if value is None:
            raise CityFileError(f"{path} needs the environment variable {found[1]}")
        return value

    return _SECRET.sub(value_of, said)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"


def _feed(said: _Feed, clock: Clock, begins: datetime | None, data: Path) -> Feed:
    try:
        connector = get_connector(said.connector)
        config = connector.config_type.model_validate({"feed": said.name, **said.config})
    except NoSuchConnector as error:
        raise CityFileError(f"feed {said.name}: {error}") from None
    except ValidationError as error:
        raise CityFileError(f"feed {said.name}: config.{_first_fault(error)}") from None
    return Feed(
        name=said.name,
        title=said.title or connector.manifest.title,
        connector=connector,
        config=config,
        cadence=_cadence(said, connector.manifest.cadence),
        stale_after=said.stale_after or connector.manifest.stale_after,
        clock=clock if said.starts_at is None else clock.beside(said.starts_at, begins, said.speed),
        owner=said.owner,
        telephone=said.telephone,
        provider=said.provider or connector.manifest.provider,
        licence=said.licence or connector.manifest.licence,
        attribution=said.attribution or connector.manifest.attribution,
        folder=None if said.folder is None else data / said.folder,
        is_pushed=said.pushed,
        push_key=said.push_key,
        refers_to=said.refers_to,
    )


def _cadence(said: _Feed, default: Cadence) -> Cadence:
    """The connector's rhythm with what the city file says otherwise."""
    calendar = Calendar(
        season=said.season or default.calendar.season,
        weekdays=said.weekdays or default.calendar.weekdays,
        hours=said.hours or default.calendar.hours,
        zone=default.calendar.zone,
    )
    if said.every is not None and said.at is not None:
        raise CityFileError(f"feed {said.name}: say either every or at, not both")
    has_rhythm = said.every is not None or said.at is not None
    return Cadence(
        poll=said.poll or default.poll,
        every=said.every if has_rhythm else default.every,
        at=(said.at or ()) if has_rhythm else default.at,
        grace=said.grace if said.grace is not None else default.grace,
        calendar=calendar,
    )
