"""Stops (停留所) and platforms (のりば) of a timetable, found by id, by name and by place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import asin, cos, radians, sin, sqrt

from cityos.vocabulary.identifier import mint_id
from cityos.vocabulary.timetable import Stop as Row
from cityos.vocabulary.timetable import Timetable
from cityos.vocabulary.transit import PLATFORM, STOP
from services.transit.name import search_key

_EARTH_M = 6_371_008.8  # mean radius (IUGG)
_KANA, _ENGLISH = "ja-Hrkt", "en"


@dataclass(frozen=True, slots=True)
class Place:
    """A stop, or one platform of it. `id` is the entity's id in the hub, `stop_ids` the platforms in the timetable.

    `kana` and `name_en` are "" where the feed says none; positions are WGS 84 degrees. `code` is the platform's number.
    """

    id: str
    feed: str
    name: str
    kana: str
    name_en: str
    lon: float | None
    lat: float | None
    stop_ids: tuple[str, ...]
    platforms: tuple[Place, ...] = ()
    code: str = ""
    note: str = ""

    def metres_to(self, lon: float, lat: float) -> float | None:
        """Great-circle distance (haversine); None where the feed does not say where the stop is."""
        if self.lon is None or self.lat is None:
            return None
        lat_1, lat_2 = radians(self.lat), radians(lat)
        across = sin(radians(lon - self.lon) / 2) ** 2 * cos(lat_1) * cos(lat_2)
        return 2 * _EARTH_M * asin(sqrt(min(1.0, sin((lat_2 - lat_1) / 2) ** 2 + across)))


class StopIndex:
    """The stops of one feed."""

    def __init__(self, feed: str, timetable: Timetable) -> None:
        self.stops: Sequence[Place] = tuple(_stops(feed, timetable))
        self._by_id = {place.id: place for stop in self.stops for place in (stop, *stop.platforms)}
        self.by_stop_id = {one: place for stop in self.stops for place in stop.platforms for one in place.stop_ids}
        self._keys = [(tuple(map(search_key, _names(stop))), stop) for stop in self.stops]

    def find(self, place_id: str) -> Place | None:
        """A stop or platform by its id in the hub."""
        return self._by_id.get(place_id)

    def named(self, name: str) -> list[Place]:
        """The stops of exactly this name, in whichever of its languages."""
        key = search_key(name)
        return [stop for keys, stop in self._keys if key in keys]

    def search(self, text: str) -> Iterator[tuple[int, Place]]:
        """Stops whose name contains the text, with how well it fits: 0 the whole name, 1 its beginning, 2 inside."""
        key = search_key(text)
        for keys, stop in self._keys:
            fits = [_fit(key, one) for one in keys if key in one]
            if fits:
                yield min(fits), stop


def nearest(stops: Iterable[Place], lon: float, lat: float, count: int, within_m: float) -> list[tuple[float, Place]]:
    """The nearest stops and how many metres away they are, as the crow flies."""
    far = ((metres, stop) for stop in stops if (metres := stop.metres_to(lon, lat)) is not None)
    return nsmallest(count, (one for one in far if one[0] <= within_m), key=lambda one: (one[0], one[1].id))


def _fit(key: str, name: str) -> int:
    return 0 if key == name else 1 if name.startswith(key) else 2


def _names(stop: Place) -> Iterator[str]:
    yield from (name for name in (stop.name, stop.kana, stop.name_en) if name)


def _stops(feed: str, timetable: Timetable) -> Iterator[Place]:
    for station in timetable.tables.stations:
        rows = [timetable.stops[one] for one in timetable.platforms.get(station.station_id, ())]
        if not rows:
            continue
        # The stop of a feed without stations of its own is found, not said: its platforms know its names.
        record = station.station_id if station.is_said else rows[0].stop_id
        yield Place(
            id=mint_id(STOP, feed, station.station_id),
            feed=feed,
            name=station.name,
            kana=_translated(timetable, station.name, _KANA, record),
            name_en=_translated(timetable, station.name, _ENGLISH, record),
            lon=station.lon,
            lat=station.lat,
            stop_ids=tuple(row.stop_id for row in rows),
            platforms=tuple(_platform(feed, timetable, row) for row in rows),
        )


def _platform(feed: str, timetable: Timetable, row: Row) -> Place:
    return Place(
        id=mint_id(PLATFORM, feed, row.stop_id),
        feed=feed,
        name=row.name,
        kana=_translated(timetable, row.name, _KANA, row.stop_id),
        name_en=_translated(timetable, row.name, _ENGLISH, row.stop_id),
        lon=row.lon,
        lat=row.lat,
        stop_ids=(row.stop_id,),
        code=row.platform_code,
        note=row.description,
    )


def _translated(timetable: Timetable, text: str, language: str, record: str) -> str:
    return timetable.translate(text, language, "stops", "stop_name", record) or ""
