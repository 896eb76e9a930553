"""From what is known of the city to what the page shows, and to HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cityos.client import Entity, FeedStatus
from cityos.client.words import Language, age_in_words, age_of, evidence_in_words, is_stale, updated_in_words
from cityos.vocabulary.context import iri
from cityos.vocabulary.feed import FeedState
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, SnowRemoval
from services.portal.bus import Buses, Heard, compose_buses
from services.portal.ride import Rides, compose_rides
from services.portal.text import CLAIMS_EN, TEXTS, Text
from services.portal.wording import clip, day_in_words, dial, normal, time_in_words

_DASHES = re.compile("[-‐‑‒–—―−ー]")

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Known:
    """The city as last known. `lost_s` is None while the hub is in touch, else real seconds since it was.

    `heard` is what the transit service said, None where the city has none.
    """

    now: datetime
    entities: Sequence[Entity]
    feeds: Sequence[FeedStatus]
    lost_s: float | None = None
    city: str = ""
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """A particular with its label. `quoted`: in a source's own words, so in Japanese."""

    label: str
    said: str
    quoted: bool = True


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """One zone, in words. `details` are its date, order mark and remark."""

    name: str
    word: str
    gloss: str
    meaning: str
    details: tuple[Detail, ...]
    updated: str
    claimed_at: str
    warning: str
    evidence: str


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One feed, in words. `dial` is the telephone number as a link wants it."""

    title: str
    sources: tuple[Detail, ...]
    state: str
    mark: str
    age: str
    received: str
    owner: str
    telephone: str
    dial: str


@dataclass(frozen=True, slots=True)
class Page:
    """All the page shows, in one language."""

    language: Language
    now: str
    warning: str
    query: str
    caption: str
    zones: tuple[ZoneRow, ...]
    unreadable: str
    feeds: tuple[FeedRow, ...]
    city: str = ""
    buses: Buses | None = None
    rides: Rides | None = None

    @property
    def text(self) -> Text:
        """The sentences of its language."""
        return TEXTS[self.language]


def render(page: Page) -> str:
    """The page as HTML; whatever came from a source is escaped."""
    return _ENVIRONMENT.get_template("page.html").render(page=page, text=page.text)


def render_nothing_yet(language: Language) -> str:
    """The page before anything was received from the hub."""
    return _ENVIRONMENT.get_template("nothing.html").render(language=language, text=TEXTS[language])


def compose(known: Known, language: Language, query: str = "") -> Page:
    """The page about what is known; `query` leaves the zones whose names contain it. Raises bus.Unfit."""
    text = TEXTS[language]
    query = clip(query.strip())
    zones = [entity for entity in known.entities if iri(SNOW_REMOVAL_ZONE) in entity.types]
    states = sorted(_readable(zones), key=lambda state: (normal(state.name), state.local_id))
    found = [state for state in states if _search_key(query) in _search_key(state.name)]
    unreadable = len(zones) - len(states)
    return Page(
        language=language,
        now=text.as_of.format(now=time_in_words(known.now, language)),
        warning="" if known.lost_s is None else text.hub_lost.format(age=_real_age(known.lost_s, language)),
        query=query,
        caption=_caption(text, query, len(found), len(states)),
        zones=tuple(_zone_row(state, known.now, language) for state in found),
        unreadable=text.unreadable.format(count=unreadable) if unreadable else "",
        feeds=tuple(_feed_row(feed, known, language) for feed in known.feeds),
        city=known.city,
        buses=None if known.heard is None else compose_buses(known.heard, language),
        rides=compose_rides(known.entities, known.now, language),
    )


def _readable(entities: Iterable[Entity]) -> Iterable[SnowRemoval]:
    for entity in entities:
        try:
            yield SnowRemoval.from_entity(entity)
        except ValueError:  # counted by the caller, and told on the page
            continue


def _caption(text: Text, query: str, found: int, count: int) -> str:
    if not count:
        return text.no_zones
    if not query:
        return text.zones_caption.format(count=count)
    if not found:
        return text.found_none.format(query=query)
    return text.found_caption.format(query=query, found=found, count=count)


def _zone_row(state: SnowRemoval, now: datetime, language: Language) -> ZoneRow:
    text, age = TEXTS[language], age_of(state.claimed_at, now)
    planned_on = "" if state.planned_on is None else day_in_words(state.planned_on, language)
    details = (
        Detail(text.planned_on, planned_on, quoted=False),
        Detail(text.order, clip(state.order or "")),
        Detail(text.remark, clip(state.remark or "")),
    )
    old = text.unknown_age if age is None else text.stale
    return ZoneRow(
        name=clip(state.name),
        word=clip(state.claim) or text.no_claim,
        gloss=CLAIMS_EN[state.claim_code] if language == "en" else "",
        meaning=clip(state.meaning or "") or text.no_meaning,
        details=tuple(detail for detail in details if detail.said),
        updated="" if age is None else updated_in_words(age, language),
        claimed_at="" if age is None or state.claimed_at is None else time_in_words(state.claimed_at, language),
        warning=old if is_stale(age) else "",
        evidence=evidence_in_words(state.evidence, language),
    )


def _feed_row(feed: FeedStatus, known: Known, language: Language) -> FeedRow:
    text = TEXTS[language]
    state = clip(feed.state_ja if language == "ja" else feed.state_en)
    received_at = feed.last_success_at
    sources = (
        Detail(text.source, clip(feed.attribution or feed.provider)),
        Detail(text.licence, clip(feed.licence)),
    )
    return FeedRow(
        title=clip(feed.title),
        sources=tuple(source for source in sources if source.said),
        state=state if known.lost_s is None else text.state_when_last_heard.format(state=state),
        mark="○" if feed.state == FeedState.FRESH else "△",
        age=_data_age(feed, known.now, language),
        received="" if received_at is None else text.received_at.format(time=time_in_words(received_at, language)),
        owner=clip(feed.owner),
        telephone=clip(feed.telephone),
        dial=dial(feed.telephone),
    )


def _data_age(feed: FeedStatus, now: datetime, language: Language) -> str:
    """Timetables and road networks have no clock of their own: that is not to have brought nothing."""
    text = TEXTS[language]
    if feed.as_of is None:
        return text.no_data if feed.last_success_at is None else text.undated
    return text.data_age.format(age=age_in_words(age_of(feed.as_of, now), language))


def _real_age(seconds: float, language: Language) -> str:
    return age_in_words(timedelta(seconds=seconds), language)


def _search_key(name: str) -> str:
    """As people type it: whatever dash the keyboard gives, with or without spaces."""
    return _DASHES.sub("-", re.sub(r"\s", "", normal(name)))
