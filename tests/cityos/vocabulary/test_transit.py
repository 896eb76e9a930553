"""Stops, platforms, routes, agencies and feeds come back from their entities, also over the canonical bytes."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.entity import from_bytes, to_bytes
from cityos.vocabulary.context import iri
from cityos.vocabulary.transit import Agency, Platform, Route, RouteFigures, Stop, TransitFeed

text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
ids = st.from_regex(r"[A-Z0-9あ-ん_%/ -]{1,8}", fullmatch=True).filter(str.strip)
names = st.dictionaries(st.sampled_from(["ja", "ja-Hrkt", "en", "zh-Hans-CN"]), text)
points = st.none() | st.just({"type": "Point", "coordinates": [140.7, 40.8]})
days = st.dates(date(1990, 1, 1), date(2100, 1, 1))
counts = st.integers(0, 10**6)
figures = st.builds(RouteFigures, days, counts, st.floats(0, 1e6), st.none() | st.floats(0, 1e6))


@given(st.builds(Platform, ids, text, ids, names, text, text, text, text, text, st.integers(0, 2), points))
def test_platform_comes_back(platform: Platform) -> None:
    assert Platform.from_entity(from_bytes(to_bytes(platform.to_entity("bus")))) == platform


@given(st.builds(Stop, ids, text, st.lists(ids).map(tuple), names, points))
def test_stop_comes_back(stop: Stop) -> None:
    assert Stop.from_entity(from_bytes(to_bytes(stop.to_entity("bus")))) == stop


@given(
    st.builds(
        Route,
        ids,
        text,
        names,
        kind=st.none() | counts,
        agency_id=st.none() | ids,
        figures=st.none() | figures,
        via=text,
    )
)
def test_route_comes_back(route: Route) -> None:
    assert Route.from_entity(from_bytes(to_bytes(route.to_entity("bus")))) == route


@given(st.builds(Agency, st.just("") | ids, text, text, text, text, text, text, text))
def test_agency_comes_back(agency: Agency) -> None:
    assert Agency.from_entity(from_bytes(to_bytes(agency.to_entity("bus")))) == agency


@given(
    st.builds(
        TransitFeed,
        text,
        valid_from=st.none() | days,
        valid_until=st.none() | days,
        edition=st.none() | st.integers(1, 4),
        agency_ids=st.lists(ids).map(tuple),
        calls=counts,
    )
)
def test_feed_comes_back(feed: TransitFeed) -> None:
    assert TransitFeed.from_entity(from_bytes(to_bytes(feed.to_entity("bus")))) == feed


def test_platform_is_part_of_its_stop() -> None:
    stop = Stop("1", "青森駅", ("1_01", "1_02")).to_entity("bus")
    platforms = [Platform(one, "青森駅", "1").to_entity("bus") for one in ("1_01", "1_02")]
    parents = [one.find(iri("hasParentStation")) for one in platforms]
    members = stop.find(iri("hasStop"))
    assert [parent.value for parent in parents if parent] == [stop.id, stop.id]
    assert members is not None
    assert members.value == [one.id for one in platforms]


def test_words_stand_for_the_smart_data_models() -> None:
    assert iri("GtfsStop") == "https://smartdatamodels.org/dataModel.UrbanMobility/GtfsStop"
    assert Platform("1_01", "青森駅", "1").to_entity("bus").types == (iri("GtfsStop"),)
