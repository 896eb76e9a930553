"""Snow removal and people flow: what is said as a noun comes back from its entity, also over its canonical bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.entity import from_bytes, to_bytes
from cityos.vocabulary.people_flow import CountQuality, PeopleCount
from cityos.vocabulary.snow import SNOW_REMOVAL_SECTION, SNOW_REMOVAL_ZONE, ClaimCode, Evidence, SnowRemoval

text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
COUNTED = PeopleCount("c", "C", 12, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC))

removals = st.builds(
    SnowRemoval,
    type_name=st.sampled_from([SNOW_REMOVAL_ZONE, SNOW_REMOVAL_SECTION]),
    local_id=st.from_regex(r"[A-Zあ-ん0-9-]{1,8}", fullmatch=True),
    name=text,
    claim=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    claim_code=st.sampled_from(ClaimCode),
    claimed_at=st.none() | instants,
    meaning=st.none() | text,
    season=st.none() | text,
    planned_on=st.none() | st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    order=st.none() | text,
    remark=st.none() | text,
    evidence=st.sampled_from(Evidence),
    location=st.none() | st.just({"type": "Point", "coordinates": [140.7, 40.8]}),
)


@given(removals)
def test_snow_removal_comes_back(removal: SnowRemoval) -> None:
    assert SnowRemoval.from_entity(from_bytes(to_bytes(removal.to_entity("snow_removal")))) == removal


@given(removals)
def test_outline_claims_nothing_under_the_same_id(removal: SnowRemoval) -> None:
    outline, entity = removal.to_outline("f"), removal.to_entity("f")
    assert outline.id == entity.id
    assert outline.latest_observation() is None
    assert outline.attributes.items() <= entity.attributes.items()


@given(st.integers(0, 10**6), instants, st.sampled_from(CountQuality))
def test_people_count_comes_back(number: int, until: datetime, quality: CountQuality) -> None:
    count = replace(COUNTED, count=number, observed_from=until - timedelta(hours=1), observed_to=until, quality=quality)
    assert PeopleCount.from_entity(from_bytes(to_bytes(count.to_entity("people_flow")))) == count


def test_suppressed_count_tells_no_number() -> None:
    count = replace(COUNTED, count=None, quality=CountQuality.SUPPRESSED)
    assert PeopleCount.from_entity(count.to_entity("f")) == count


def test_newest_of_count_and_suppression_is_told() -> None:
    entity = COUNTED.to_entity("f")
    later = replace(
        COUNTED, count=None, observed_to=COUNTED.observed_to + timedelta(hours=1), quality=CountQuality.SUPPRESSED
    )
    entity.attributes.update(later.to_entity("f").attributes)
    assert PeopleCount.from_entity(entity).count is None


def test_counter_without_count_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no count"):
        PeopleCount.from_entity(replace(COUNTED.to_entity("f"), attributes={}))
