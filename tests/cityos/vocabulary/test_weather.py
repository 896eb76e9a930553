"""Weather stations: each measure keeps its own time and quality."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.entity import Entity, from_bytes, to_bytes
from cityos.ngsi.merge import observe
from cityos.vocabulary.context import iri
from cityos.vocabulary.weather import UNITS, Measure, MeasureQuality, WeatherObserved

instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
measures = st.builds(
    Measure,
    value=st.floats(-50, 2000),
    observed_at=instants,
    quality=st.sampled_from(MeasureQuality),
    flag=st.integers(0, 6),
)
stations = st.builds(
    WeatherObserved,
    local_id=st.from_regex(r"\d{5}", fullmatch=True),
    name=st.just("青森"),
    location=st.just({"type": "Point", "coordinates": [140.7683, 40.8217]}),
    measures=st.dictionaries(st.sampled_from(sorted(UNITS)), measures),
)
AT = datetime(2026, 1, 15, tzinfo=UTC)


def station(**said: Measure) -> Entity:
    return WeatherObserved("1", "青森", None, said).to_entity("f")


@given(stations)
def test_station_comes_back(observed: WeatherObserved) -> None:
    assert WeatherObserved.from_entity(from_bytes(to_bytes(observed.to_entity("amedas")))) == observed


def test_measures_have_their_unit() -> None:
    instance = station(snowHeight=Measure(72, AT)).find(iri("snowHeight"))
    assert instance is not None
    assert instance.notes == {"unitCode": "CMT"}
    assert iri("snowHeight") == "https://smartdatamodels.org/dataModel.Weather/snowHeight"


def test_measure_that_is_not_told_again_keeps_its_old_time() -> None:
    later = AT + timedelta(minutes=10)
    known, _ = observe(
        station(snowHeight=Measure(72, AT), temperature=Measure(-3, AT)), station(temperature=Measure(-4, later))
    )
    told = WeatherObserved.from_entity(known).measures
    assert {term: one.observed_at for term, one in told.items()} == {"snowHeight": AT, "temperature": later}


def test_doubt_does_not_stick_to_the_next_value() -> None:
    doubtful = Measure(0, AT, MeasureQuality.DOUBTFUL, 4)
    assert not doubtful.is_normal
    known, _ = observe(station(snowHeight=doubtful), station(snowHeight=Measure(3, AT + timedelta(hours=1))))
    assert WeatherObserved.from_entity(known).measures["snowHeight"].is_normal


def test_quality_that_is_not_known_here_is_no_reason_to_trust() -> None:
    entity = station(snowHeight=Measure(72, AT))
    instance = entity.find(iri("snowHeight"))
    assert instance is not None
    instance.attributes[iri("quality")][""].value = "estimated"
    assert not WeatherObserved.from_entity(entity).measures["snowHeight"].is_normal
