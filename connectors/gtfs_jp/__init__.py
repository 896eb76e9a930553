"""GTFS-JP（標準的なバス情報フォーマット）: a bus timetable of any edition, as entities and as a timetable dataset."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from cityos.connector import Batch, Cadence, Config, Connector, Dataset, Document, Manifest, Notice, Severity
from cityos.vocabulary.context import iri
from cityos.vocabulary.timetable import MEDIA_TYPE, ROUTE_KEY, TIMETABLE, TRIP_KEY, Tables, write_tables
from cityos.vocabulary.transit import AGENCY, PLATFORM, ROUTE, STOP, TRANSIT_FEED
from connectors.gtfs_jp.check import examine
from connectors.gtfs_jp.finding import Findings
from connectors.gtfs_jp.importer import Import, read_feed
from connectors.gtfs_jp.package import Limits, Package
from connectors.gtfs_jp.statistics import reckon
from connectors.gtfs_jp.telling import Telling, validity
from connectors.gtfs_jp.value import day_of, is_zone

NAME = "gtfs_jp"
_MB = 1_000_000
# Which entities a table names all of: an absent one has ended only where no row of it was left out.
_NAMED_BY = {AGENCY: "agency", STOP: "stops", PLATFORM: "stops", ROUTE: "routes"}


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"{name!r} is not a time zone such as Asia/Tokyo")
    return name


class GtfsJpConfig(Config):
    """`url` is the zip. `zone` is taken where the feed names no zone that exists. `statistics` adds figures to routes.

    The limits are a city's: Manhattan's buses take 80 MB inflated and 1.3 million rows. `most_members` counts the files
    of the zip and of any zip within it.
    """

    url: str
    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Tokyo"
    statistics: bool = False
    most_zipped_mb: int = Field(default=100, gt=0, le=1_000)
    most_inflated_mb: int = Field(default=400, gt=0, le=4_000)
    most_members: int = Field(default=200, gt=0, le=10_000)
    most_rows: int = Field(default=5_000_000, gt=0, le=50_000_000)

    def limits(self) -> Limits:
        """What a feed may take."""
        return Limits(self.most_zipped_mb * _MB, self.most_inflated_mb * _MB, self.most_members, self.most_rows)


class GtfsJpConnector(Connector[GtfsJpConfig]):
    """As the feed says, holidays too: a mismatch with the national calendar is often meant (Obon, year's end)."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="バス時刻表（GTFS-JP）",
        provider="バス事業者・自治体（市のファイルで指定）",
        licence="提供者による（青森市営バスは CC BY 4.0）",
        attribution="出典：各事業者のGTFS-JPデータ",
        emits=frozenset(map(iri, (TRANSIT_FEED, AGENCY, STOP, PLATFORM, ROUTE))),
        cadence=Cadence(poll=timedelta(hours=6), every=timedelta(days=1), grace=timedelta(days=1)),
        stale_after=timedelta(days=400),
    )
    config_type = GtfsJpConfig

    def normalise(self, document: Document, config: GtfsJpConfig) -> Batch:
        """Entities of the feed, and the timetable where it says what runs when."""
        findings = Findings()
        feed = read_feed(Package(document, config.limits(), findings), config.zone, findings)
        tables = feed.tables
        figures = reckon(tables, findings) if config.statistics and feed.is_timetable else {}
        for notice in examine(tables, day_of(document.fetched_at, tables.info.zone)):
            findings.add(notice)
        datasets = list(_datasets(feed, findings))
        rows = Telling(tables, config.feed, figures).rows()
        return Batch.of(rows, findings.notices(), _covered(feed), datasets=datasets)


def _covered(feed: Import) -> list[str]:
    named = [kind for kind, table in _NAMED_BY.items() if table in feed.whole]
    return [iri(kind) for kind in (TRANSIT_FEED, *named)]


def _datasets(feed: Import, findings: Findings) -> Iterator[Dataset]:
    """None where nothing runs: an empty timetable must not take the place of the last good one."""
    if not feed.is_timetable:
        detail = "The feed says of no trip when it calls where; the last timetable stays, its stops and routes are read"
        findings.add(Notice("timetable_missing", Severity.ERROR, "stop_times.txt", detail))
        return
    yield _dataset(feed.tables)


def _dataset(tables: Tables) -> Dataset:
    valid_from, valid_until = validity(tables)
    keys = {
        TRIP_KEY: frozenset(trip.trip_id for trip in tables.trips),
        ROUTE_KEY: frozenset(route.route_id for route in tables.routes),
    }
    return Dataset(TIMETABLE, MEDIA_TYPE, write_tables(tables), valid_from, valid_until, keys)


connector = GtfsJpConnector()
