"""How far what is told of a timetable's buses can be trusted, in a word for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cityos.client import Entity, FeedStatus, Held
from cityos.vocabulary.dataset import DatasetNews
from services.transit import words
from services.transit.live import LIVE_FOR
from services.transit.network import Feed, Loaded, Network
from services.transit.stop import StopIndex
from tests.services.transit.town import EIGHT, timetable, update, vehicle

_NEWS = DatasetNews("bus", "timetable", "v1", "x", 1, "0" * 64, "CC0-1.0", "")
_HELD = Held(_NEWS, Loaded(timetable(), StopIndex("bus", timetable())))
_STATUS = FeedStatus("rt", "遅れ", "fresh", "正常", "fresh", EIGHT, EIGHT, EIGHT, EIGHT, None, 0, 0, 0, *[""] * 5)


def feed(
    entities: Sequence[Entity] = (),
    statuses: Sequence[FeedStatus] = (_STATUS,),
    partners: Sequence[str] = ("rt",),
    now: datetime = EIGHT,
) -> Feed:
    return Network({"bus": partners}).feed(_HELD, {one.id: one for one in entities}, statuses, now)


_UPDATE, _VEHICLE = update(delay_s=60).to_entity("bus"), vehicle(10).to_entity("bus")
_LATE = EIGHT + LIVE_FOR + timedelta(minutes=7)


@pytest.mark.parametrize(
    ("found", "state", "says"),
    [
        (feed([_UPDATE, _VEHICLE]), "live", "遅れの情報を反映しています（たった今の情報）"),
        (feed([_VEHICLE]), "positions", "バスの位置から、遅れを見積もっています"),
        (feed([_UPDATE], now=_LATE), "stale", "遅れの情報が古くなっています（12分前のもの）"),
        (feed([_UPDATE], now=_LATE, statuses=[replace(_STATUS, state="stale")]), "stale", "古くなっています"),
        (feed(), "quiet", "いま、遅れが伝えられているバスはありません"),
        (feed(statuses=[replace(_STATUS, state="dead")]), "stale", "遅れの情報が古くなっています"),
        (feed(statuses=[replace(_STATUS, state="waiting", as_of=None)]), "stale", "遅れの情報がまだ届いていません"),
        (feed(statuses=[]), "unknownFeed", "遅れの情報（rt）は、市のデータ基盤にありません"),
        (feed(statuses=[], partners=[]), "notConnected", "この路線には遅れの情報がありません"),
        (feed([_UPDATE], statuses=[], partners=[]), "live", "遅れの情報を反映しています"),
    ],
)
def test_the_state_of_realtime_is_told(found: Feed, state: str, says: str) -> None:
    assert found.live.state == state
    now = _LATE if "12分前" in says else EIGHT
    assert says in words.of_live(found.live, now)["ja"]
    assert words.of_live(found.live, now)["en"]


def test_another_timetables_buses_are_not_ours() -> None:
    assert feed([update(delay_s=60).to_entity("bus2")]).live.state == "quiet"
    assert feed([update(delay_s=60).to_entity("bus2")]).picture.is_empty


def test_a_clock_of_another_year_is_no_news() -> None:
    old = update(delay_s=60, observed_at=datetime(2019, 6, 20, tzinfo=UTC)).to_entity("bus")
    assert feed([old]).live.state == "stale"
