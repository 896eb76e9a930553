"""アメダス: temperature, snow and wind that the weather agency's stations measure, every ten minutes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from cityos.connector import (
    Batch,
    Cadence,
    Config,
    Connector,
    Document,
    Fetcher,
    Manifest,
    Notice,
    Request,
    Row,
    Severity,
    SourceChanged,
)
from cityos.connector.cadence import JST
from cityos.connector.reading import JsonObject, as_object, gather, point, read_text, read_time, read_tree
from cityos.vocabulary.context import iri
from cityos.vocabulary.weather import WEATHER_OBSERVED, Measure, WeatherObserved
from connectors.amedas.element import ELEMENTS, read_measure

NAME = "amedas"
_TIME = "{time}"
# Every map has its own address; told as one document that changes, its notices close when a later map is free of them.
_DOCUMENT = "amedas/map.json"
_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})\.json\Z", re.ASCII)


class Station(BaseModel):
    """A station (観測所) as the city file knows it; the maps hold neither names nor places."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class AmedasConfig(Config):
    """`stations` by code (`31312 = {name, lon, lat}`); only these are read, of all the country's.

    `url` is the map; `{time}` in it is replaced by the time that `url_latest_time` tells. Without it the map itself is
    asked for, and its address must end in its time, such as `20260115080000.json` (Japan time).
    """

    url: str = "https://www.jma.go.jp/bosai/amedas/data/map/{time}.json"
    url_latest_time: str = "https://www.jma.go.jp/bosai/amedas/data/latest_time.txt"
    stations: Mapping[str, Station] = Field(min_length=1)

    def requests(self) -> Sequence[Request]:
        """What is asked for first."""
        return [Request(self.url_latest_time if _TIME in self.url else self.url)]


class AmedasConnector(Connector[AmedasConfig]):
    """Values with their quality; the time is that of the map, never of the fetch."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="アメダス（気温・積雪・降雪・降水・風）",
        provider="気象庁",
        licence="政府標準利用規約 2.0（CC BY 4.0 互換）。API としての提供ではない",
        attribution="出典：気象庁ホームページ",
        emits=frozenset({iri(WEATHER_OBSERVED)}),
        cadence=Cadence(poll=timedelta(minutes=3), every=timedelta(minutes=10), grace=timedelta(minutes=10)),
        stale_after=timedelta(hours=1),
    )
    config_type = AmedasConfig

    async def fetch(self, config: AmedasConfig, fetcher: Fetcher) -> AsyncIterator[Document]:
        """The newest map; where it lies tells the latest-time document. Raises SourceChanged if that is no time."""
        (first,) = config.requests()
        document = await fetcher.get(first)
        if _TIME in config.url:
            latest = _latest_time(document).astimezone(JST)
            document = await fetcher.get(Request(config.url.replace(_TIME, f"{latest:%Y%m%d%H%M%S}")))
        yield replace(document, name=_DOCUMENT)

    def normalise(self, document: Document, config: AmedasConfig) -> Batch:
        """One row per station of the config that the map names."""
        at = _map_time(document)
        text = read_text(document)
        stations = as_object(read_tree(text.content, document.name))
        if not any(isinstance(said, dict) for said in stations.values()):
            raise SourceChanged(f"Document {document.name} is JSON, but no map from stations to their elements")
        notices = list(text.notices)
        rows = [
            Row(observed.to_entity(config.feed), f"{document.name}:{code}")
            for code, station in config.stations.items()
            if (observed := _observed(code, station, stations, document.name, at, notices)) is not None
        ]
        return Batch.of(rows, gather(notices), as_of=at)


def _latest_time(document: Document) -> datetime:
    said = read_text(document).content.strip()
    latest = read_time(said)
    if latest is None:
        raise SourceChanged(
            f"Document {document.name} says {said[:40]!r}, which is no time such as 2026-01-15T08:00:00+09:00"
        )
    return latest


def _map_time(document: Document) -> datetime:
    """The time in the map's address: the map itself says none."""
    found = _STAMP.search(urlsplit(document.url).path)
    at = None if found is None else read_time("{}-{}-{} {}:{}:{}".format(*found.groups()))
    if at is None:
        raise SourceChanged(
            f"Document {document.name} comes from {document.url or 'nowhere'}, which does not end in a time such as "
            "20260115080000.json; nobody knows when it was measured"
        )
    return at


def _observed(
    code: str, station: Station, stations: JsonObject, name: str, at: datetime, notices: list[Notice]
) -> WeatherObserved | None:
    where = f"{name}:{code}"
    if code not in stations:
        detail = f"{station.name} ({code}) is not in the map; its last values stay with their age"
        notices.append(Notice("station_missing", Severity.WARNING, where, detail, subject=code))
        return None
    said = as_object(stations[code])
    found = {
        ELEMENTS[element].term: read_measure(element, said[element], at, where, station.name)
        for element in ELEMENTS
        if element in said
    }
    notices += [one for one in found.values() if isinstance(one, Notice)]
    measures = {term: one for term, one in found.items() if isinstance(one, Measure)}
    return WeatherObserved(code, station.name, point(station.lon, station.lat), measures)


connector = AmedasConnector()
