"""The weather stations, every ten minutes, in the JSON of the Meteorological Agency's web pages (bosai/amedas).

Every element is [value, flag]. Flag 0 is good; 4 is doubtful (too few readings behind the sum); 5 goes with null, the
gauge being serviced. Flag null is a trap: the station has no such gauge, and its 0 is no zero. Out of season there are
no elements of snow.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .chance import pick, spread
from .climate import SNOW_FREE_MONTHS, snow_depth_cm, snowfall_between_cm, temperature_c, wind
from .clock import DAY, HOUR, JST, jst, last_step
from .geojson import compact
from .weather import snowfall_cm

STEP = timedelta(minutes=10)
_PUBLISHED_AFTER = timedelta(minutes=4)
_KEPT = 10 * DAY
_STAMP = "%Y%m%d%H%M%S"
_SUMS_H = (1, 6, 12, 24)
# Once a day, beginning within these hours: the sums of snow are doubtful, and the snow gauge is serviced.
_DOUBTFUL, _DOUBTFUL_HOURS = 3 * HOUR, (9, 17)
_SERVICED, _SERVICED_HOURS = timedelta(minutes=40), (18, 22)
_MM_PER_CM = 1.0  # of water in new snow
_CALM_M_S = 0.3

Element = list[float | int | None]


@dataclass(frozen=True, slots=True)
class Station:
    """A station of five digits (no prefecture has 99); ``colder_c`` than the town, ``snow_gauge`` or none."""

    code: str
    name: str
    lon: float
    lat: float
    altitude_m: int
    colder_c: float
    snow_gauge: bool


STATIONS = (
    Station("99101", "雪野", 140.7531, 40.8236, 4, 0.0, snow_gauge=True),
    Station("99102", "白鳥平", 140.7462, 40.7869, 118, 0.9, snow_gauge=False),
)


def latest_time(instant: datetime) -> bytes:
    """The last instant there is a map of, as the pages' own scripts read it."""
    return latest_at(instant).isoformat().encode()


def latest_at(instant: datetime) -> datetime:
    """The last instant there is a map of."""
    return last_step(instant - _PUBLISHED_AFTER, int(STEP.total_seconds()))


def changed_at(instant: datetime) -> datetime:
    """When the last map was published."""
    return latest_at(instant) + _PUBLISHED_AFTER


def find_map_time(stamp: str, instant: datetime) -> datetime | None:
    """The instant a file name means, if there is such a file at ``instant``."""
    try:
        at = datetime.strptime(stamp, _STAMP).replace(tzinfo=JST)
    except ValueError:
        return None
    newest = latest_at(instant)
    exists = at == last_step(at, int(STEP.total_seconds())) and newest - _KEPT <= at <= newest
    return at if exists and len(stamp) == 14 else None


def published_at(at: datetime) -> datetime:
    """When the map of an instant was published."""
    return at + _PUBLISHED_AFTER


def station_map(seed: int, at: datetime) -> bytes:
    """All elements of all stations at one instant."""
    return compact({station.code: _elements(seed, station, at) for station in STATIONS})


def doubtful_from(seed: int, day: date) -> tuple[datetime, datetime]:
    """The window of a day in which the sums of snow are doubtful."""
    return _window(seed, day, "doubtful", _DOUBTFUL_HOURS, _DOUBTFUL)


def serviced_from(seed: int, day: date) -> tuple[datetime, datetime]:
    """The window of a day in which the snow gauge gives nothing."""
    return _window(seed, day, "serviced", _SERVICED_HOURS, _SERVICED)


def _elements(seed: int, station: Station, at: datetime) -> dict[str, Element]:
    elements: dict[str, Element] = {"temp": [round(temperature_c(seed, at) - station.colder_c, 1), 0]}
    if station.snow_gauge:
        elements["humidity"] = [_humidity(seed, at), 0]
    if at.month not in SNOW_FREE_MONTHS:
        elements |= _snow(seed, at) if station.snow_gauge else {f"snow{h}h": [0, None] for h in _SUMS_H}
    elements["sun1h"] = [_sun_h(seed, at), 0]
    for name, back in (("10m", STEP), ("1h", HOUR), ("3h", 3 * HOUR), ("24h", DAY)):
        elements[f"precipitation{name}"] = [_water_mm(seed, at - back, at), 0]
    direction, speed = wind(seed, at)
    elements["windDirection"] = [0 if speed < _CALM_M_S else direction, 0]
    elements["wind"] = [round(speed * (1.3 if station.altitude_m > 100 else 1.0), 1), 0]
    return elements


def _snow(seed: int, at: datetime) -> dict[str, Element]:
    serviced, doubtful = (_holds(window(seed, at.date()), at) for window in (serviced_from, doubtful_from))
    sums = {h: round(snowfall_between_cm(seed, at - h * HOUR, at)) for h in _SUMS_H}
    snow: dict[str, Element] = {"snow": [None, 5] if serviced else [round(snow_depth_cm(seed, at)), 0]}
    snow["snow1h"] = [None, 5] if serviced else [sums[1], 0]
    return snow | {f"snow{h}h": [sums[h], 4 if serviced or doubtful else 0] for h in _SUMS_H[1:]}


def _humidity(seed: int, at: datetime) -> int:
    return min(99, round(spread(seed, 62, 74, "humidity", at.date()) + 9 * snowfall_cm(seed, at)))


def _sun_h(seed: int, at: datetime) -> float:
    """Hours of sunshine in the last hour."""
    bright = 8 <= at.hour <= 16 and snowfall_between_cm(seed, at - HOUR, at) < 0.1
    return round(spread(seed, 0.0, 1.0, "sun", at.date(), at.hour), 1) if bright else 0.0


def _water_mm(seed: int, start: datetime, end: datetime) -> float:
    """In steps of half a millimetre, as the gauge tips."""
    return int(snowfall_between_cm(seed, start, end) * _MM_PER_CM * 2) / 2


def _window(seed: int, day: date, what: str, hours: tuple[int, int], length: timedelta) -> tuple[datetime, datetime]:
    steps = pick(seed, (hours[1] - hours[0]) * 6, what, day)
    begins = jst(day, hours[0]) + steps * STEP
    return begins, begins + length


def _holds(window: tuple[datetime, datetime], at: datetime) -> bool:
    return window[0] <= at < window[1]
