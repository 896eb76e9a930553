"""除排雪の出動指令状況: what Aomori claims of its snow-removal zones and routes, in every form it has published it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import ClassVar

from cityos.connector import (
    Batch,
    Cadence,
    Calendar,
    Config,
    Connector,
    Document,
    Manifest,
    Notice,
    Request,
    Row,
    Severity,
)
from cityos.connector.cadence import JST
from cityos.connector.reading import fold_width, gather, read_japanese_date, read_japanese_time
from cityos.ngsi.entity import Entity
from cityos.vocabulary.attribute import put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import mint_id
from cityos.vocabulary.snow import SNOW_REMOVAL_SECTION, SNOW_REMOVAL_ZONE, ClaimCode, SnowRemoval
from connectors.snow_removal.layout import ORDER, PLANNED, UPDATED, Said, read_layout
from connectors.snow_removal.word import code_of, meaning_of, season_of, split_explanation

NAME = "snow_removal"
_NOTHING = frozenset({"", "-", "ー", "―", "—"})
_NO_DATE_YET = "調整中"
# A claim's date has no year. It lies in the past; a clock that runs ahead by less than this is told as it is, so that
# quality can hold it, instead of becoming a claim of last year.
_CLOCK_AHEAD = timedelta(days=30)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class SnowRemovalConfig(Config):
    """`url` is the list of claims (CSV, JSON or GeoJSON).

    `url_geometry` is a GeoJSON of the same zones, read for their shapes alone, where `url` has none. `complete`: the
    list names every zone, so that an absent one has ended. `meanings`: what the city said its words mean, by season
    (`{"2025-26": {"作業中": "..."}}`). `ends_with_line_break`: set false if the CSV never does.
    """

    url: str
    url_geometry: str | None = None
    meanings: Mapping[str, Mapping[str, str]] = {}
    complete: bool = True
    ends_with_line_break: bool = True

    def requests(self) -> Sequence[Request]:
        """The claims, then the shapes."""
        return [Request(url) for url in (self.url, self.url_geometry) if url]

    def is_geometry(self, document: Document) -> bool:
        """Whether a document is asked only for shapes."""
        return document.url == self.url_geometry != self.url


@dataclass(frozen=True, slots=True)
class _Claim:
    said: Said
    removal: SnowRemoval

    @property
    def key(self) -> tuple[str, str]:
        return self.removal.type_name, self.removal.local_id

    @property
    def polled_at(self) -> datetime:
        return self.said.polled_at or _BEFORE_ALL


class SnowRemovalConnector(Connector[SnowRemovalConfig]):
    """Claims only: no source here sees a plough."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="除排雪の出動指令状況（工区・路線）",
        provider="青森市（都市整備部 道路維持課）",
        licence="市の公開情報（利用条件の明示なし）。取得履歴は MIT（98wrvgxrn9-ctrl/aomori-snow-tracker）",
        attribution="出典：青森市「除排雪出動指令状況」",
        emits=frozenset({iri(SNOW_REMOVAL_ZONE), iri(SNOW_REMOVAL_SECTION)}),
        cadence=Cadence(
            poll=timedelta(minutes=30),
            at=(time(17, 0),),
            grace=timedelta(hours=3),
            calendar=Calendar(season=((12, 1), (3, 15))),
        ),
        stale_after=timedelta(hours=24),
    )
    config_type = SnowRemovalConfig

    def normalise(self, document: Document, config: SnowRemovalConfig) -> Batch:
        """One row per zone or section and publication, oldest first; the newest is the state."""
        reading = read_layout(document, config.ends_with_line_break)
        notices = list(reading.notices)
        if config.is_geometry(document):
            shapes = (Row(_shape(_place(said), config.feed), said.where) for said in reading.said)
            return Batch.of(shapes, gather(notices))
        claims = [_claim(said, document, config, notices) for said in reading.said]
        claims = _one_each(claims, notices)
        is_complete = config.complete and reading.is_whole and bool(claims)
        if is_complete:
            claims = _without_gone(claims, notices)
        return Batch.of(
            rows=(Row(claim.removal.to_entity(config.feed), claim.said.where) for claim in claims),
            notices=gather(notices),
            covers={iri(claim.removal.type_name) for claim in claims} if is_complete else None,
            as_of=max((said.polled_at for said in reading.said if said.polled_at), default=None),
        )


def _place(said: Said) -> SnowRemoval:
    """What and where it is, nothing being claimed."""
    folded = fold_width(said.name)
    is_section = said.is_section
    return SnowRemoval(
        type_name=SNOW_REMOVAL_SECTION if is_section else SNOW_REMOVAL_ZONE,
        # A route's name stands on many lines; only its course tells one from the other.
        local_id=f"{folded}-{_course(said)}" if is_section else folded,
        name=said.name,
        claim="",
        claim_code=ClaimCode.UNKNOWN,
        location=said.geometry,
    )


def _shape(place: SnowRemoval, feed: str) -> Entity:
    """Its location alone: the list names it, and two spellings of one name by turns would be changes that are none."""
    entity = Entity(mint_id(place.type_name, feed, place.local_id), (iri(place.type_name),))
    put_location(entity, place.location)
    return entity


def _course(said: Said) -> str:
    return sha256(repr(said.geometry).encode()).hexdigest()[:10]


def _claim(said: Said, document: Document, config: SnowRemovalConfig, notices: list[Notice]) -> _Claim:
    word, explanation = split_explanation(said.status)
    code = code_of(word)
    if code is ClaimCode.UNKNOWN:
        detail = f"Status {word!r} is not known; it is told as unknown"
        notices.append(Notice("unknown_status", Severity.ERROR, said.where, detail))
    claimed_at = _claimed_at(said, document, notices)
    season = None if claimed_at is None else season_of(claimed_at.astimezone(JST).date())
    place = _place(said)
    removal = SnowRemoval(
        type_name=place.type_name,
        local_id=place.local_id,
        name=place.name,
        claim=word,
        claim_code=code,
        claimed_at=claimed_at,
        meaning=explanation or meaning_of(word, season, config.meanings),
        season=season,
        planned_on=_planned_on(said, claimed_at or document.fetched_at, notices),
        order=_something(said.order),
        remark=_something(said.remark),
        location=place.location,
    )
    if removal.planned_on and not removal.order:
        notices.append(_contradiction(said))
    return _Claim(said, removal)


def _claimed_at(said: Said, document: Document, notices: list[Notice]) -> datetime | None:
    """The source's own clock. The fetch serves only to find the year of a date that names none."""
    if _something(said.updated) is None:
        return said.polled_at
    near = said.polled_at or document.modified_at or document.fetched_at
    updated = read_japanese_time(said.updated, near, ahead=_CLOCK_AHEAD)
    if updated is None:
        notices.append(_unreadable(UPDATED, said.updated, said.where))
    return updated or said.polled_at


def _planned_on(said: Said, near: datetime, notices: list[Notice]) -> date | None:
    if _something(said.planned) is None or fold_width(said.planned) == _NO_DATE_YET:
        return None
    planned = read_japanese_date(said.planned, near.astimezone(JST).date())
    if planned is None:
        notices.append(_unreadable(PLANNED, said.planned, said.where))
    return planned


def _something(text: str) -> str | None:
    """The text, None where it is empty or a dash."""
    return None if fold_width(text) in _NOTHING else text


def _one_each(claims: Iterable[_Claim], notices: list[Notice]) -> list[_Claim]:
    """One claim per zone and time claimed, oldest first.

    What a later list says of the same time replaces the earlier; within one list the first stays.
    """
    chosen: dict[tuple[tuple[str, str], datetime | None], _Claim] = {}
    for claim in sorted(claims, key=lambda claim: claim.polled_at):
        key = (claim.key, claim.removal.claimed_at)
        known = chosen.get(key)
        if known is not None and known.polled_at == claim.polled_at:
            notices.append(_duplicate(claim, is_same=claim.removal == known.removal))
        else:
            chosen[key] = claim
    return sorted(chosen.values(), key=lambda claim: claim.removal.claimed_at or _BEFORE_ALL)


def _without_gone(claims: list[_Claim], notices: list[Notice]) -> list[_Claim]:
    """Without zones that the newest complete list no longer names: they have ended."""
    newest = max(claim.polled_at for claim in claims)
    named = {claim.key for claim in claims if claim.polled_at == newest}
    gone = [claim for claim in claims if claim.key not in named]
    detail = "Zone is no longer in the newest list; it has ended"
    notices += [Notice("zone_gone", Severity.INFO, claim.said.where, detail) for claim in gone]
    return [claim for claim in claims if claim.key in named]


def _contradiction(said: Said) -> Notice:
    detail = f"{said.name} has {PLANNED} {said.planned!r} but {ORDER} {said.order!r}; both are told as said"
    return Notice("order_contradiction", Severity.WARNING, said.where, detail)


def _unreadable(column: str, text: str, where: str) -> Notice:
    return Notice("date_unreadable", Severity.WARNING, where, f"{column} {text!r} is no date that we can read")


def _duplicate(claim: _Claim, is_same: bool) -> Notice:
    name = claim.said.name
    if is_same:
        return Notice("duplicate_zone", Severity.INFO, claim.said.where, f"{name} is listed again, saying the same")
    detail = f"{name} is listed again and says something else; the first is taken"
    return Notice("duplicate_zone", Severity.WARNING, claim.said.where, detail)


connector = SnowRemovalConnector()
