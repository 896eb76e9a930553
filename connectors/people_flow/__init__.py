"""通行量（人流）: people counted at fixed places, in the layouts in which cameras and counters are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cityos.connector import Batch, Cadence, Config, Connector, Document, Manifest, Notice, Row, Severity
from cityos.connector.reading import gather, point
from cityos.vocabulary.context import iri
from cityos.vocabulary.people_flow import CROWD_FLOW_OBSERVED, SMALLEST_PUBLIC_COUNT, CountQuality, PeopleCount
from connectors.people_flow.layout import Count, Terms, read_layout
from connectors.people_flow.outage import suspect_outages

NAME = "people_flow"


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone such as Asia/Tokyo")
    return name


class Counter(BaseModel):
    """A counter (計測地点) as the city file knows it; the lists themselves hold no positions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class PeopleFlowConfig(Config):
    """`url` is one list; `counter` names whose it is where it says only `dt,n`; `counters` adds names and places.

    `zone` is the zone of the list's clock. Counts from 1 to below `suppress_below` are not told. `interval_minutes` is
    the rhythm of `dt,n` lists, `gap_minutes` how far apart two reports may be to belong together.
    """

    url: str
    counter: str = ""
    counters: Mapping[str, Counter] = {}
    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Tokyo"
    suppress_below: int = Field(default=SMALLEST_PUBLIC_COUNT, ge=0, le=SMALLEST_PUBLIC_COUNT)
    interval_minutes: int = Field(default=5, gt=0, le=24 * 60)
    gap_minutes: int = Field(default=10, gt=0, le=24 * 60)
    ends_with_line_break: bool = True

    def terms(self) -> Terms:
        """What the layouts need to be told."""
        return Terms(
            zone=ZoneInfo(self.zone),
            counter=self.counter,
            interval=timedelta(minutes=self.interval_minutes),
            longest_gap=timedelta(minutes=self.gap_minutes),
            ends_with_line_break=self.ends_with_line_break,
        )


class PeopleFlowConnector(Connector[PeopleFlowConfig]):
    """Passages, not persons; small counts are suppressed before they leave this file."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="通行量（AIカメラ・カウンター）",
        provider="計測地点の設置者（市のファイルで指定）",
        licence="提供者による（福井県AIカメラ・code4fukui/jinryu は MIT、メルボルン市はオープンデータ）",
        attribution="出典：各計測地点の提供者",
        emits=frozenset({iri(CROWD_FLOW_OBSERVED)}),
        cadence=Cadence(poll=timedelta(minutes=5), every=timedelta(hours=1), grace=timedelta(minutes=30)),
        stale_after=timedelta(hours=6),
    )
    config_type = PeopleFlowConfig

    def normalise(self, document: Document, config: PeopleFlowConfig) -> Batch:
        """One row per counter and interval, oldest first."""
        found, notices = read_layout(document, config.terms())
        counts = _one_each(found, notices)
        suspects = suspect_outages(counts, ZoneInfo(config.zone))
        if suspects:
            notices.append(_suspicion(counts, suspects))
        rows = (
            Row(_told(one, position in suspects, config).to_entity(config.feed), one.where)
            for position, one in enumerate(counts)
        )
        return Batch.of(rows, gather(notices))


def _one_each(counts: Iterable[Count], notices: list[Notice]) -> list[Count]:
    """One count per counter and end of interval, oldest first; the later row of two is taken: sources correct so."""
    chosen: dict[tuple[str, datetime], Count] = {}
    for one in counts:
        key = (one.counter, one.until)
        known = chosen.get(key)
        if known is not None:
            notices.append(_duplicate(known, one))
        chosen[key] = one
    return sorted(chosen.values(), key=lambda one: one.until)


def _duplicate(known: Count, later: Count) -> Notice:
    if (known.since, known.count) == (later.since, later.count):
        detail = f"Counts of {later.counter} are listed again, saying the same"
        return Notice("duplicate_count", Severity.INFO, later.where, detail)
    # The counts stay unsaid: they may be small ones.
    detail = f"Count of {later.counter} to {later.until:%Y-%m-%dT%H:%MZ} differs from {known.where}; the later is taken"
    return Notice("contradicting_count", Severity.WARNING, later.where, detail)


def _told(one: Count, is_suspect: bool, config: PeopleFlowConfig) -> PeopleCount:
    is_small = 0 < one.count < config.suppress_below
    quality = CountQuality.SUSPECT_OUTAGE if is_suspect else CountQuality.MEASURED
    place = config.counters.get(one.counter)
    return PeopleCount(
        local_id=one.counter,
        name=place.name if place else one.name or one.counter,
        count=None if is_small else one.count,
        observed_from=one.since,
        observed_to=one.until,
        kind=one.kind,
        quality=CountQuality.SUPPRESSED if is_small else quality,
        location=point(place.lon, place.lat) if place else None,
    )


def _suspicion(counts: list[Count], suspects: set[int]) -> Notice:
    first = counts[min(suspects)]
    counters = ", ".join(sorted({counts[position].counter for position in suspects}))
    detail = f"{len(suspects)} counts of 0 for a day or longer at busy counters ({counters}): outage or nobody"
    return Notice("suspect_outage", Severity.WARNING, first.where, detail, subject=counters)


connector = PeopleFlowConnector()
