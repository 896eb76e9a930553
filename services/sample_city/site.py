"""Where people are counted in 雪野市, and how busy each place is by its nature."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .clock import JST
from .weather import snowfall_cm

_FESTIVAL = "雪灯りの夕べ"
_FESTIVAL_HOURS = range(18, 21)
_FESTIVAL_FACTOR = 2.8
# Each cm of snow in the hour keeps this share of walkers at home, down to a floor of those who must go.
_DETERRED_PER_CM, _UNDETERRED = 0.13, 0.4


class Use(Enum):
    """What people do at a place: weight of each hour (busiest = 1), and the factor of a Saturday or Sunday."""

    COMMUTING = (
        (0.06, 0.02, 0.01, 0.01, 0.02, 0.1, 0.35, 0.9, 0.85, 0.4, 0.35, 0.4)
        + (0.45, 0.4, 0.4, 0.5, 0.65, 0.95, 1.0, 0.7, 0.45, 0.35, 0.25, 0.14),
        0.65,
    )
    SHOPPING = (
        (0.03, 0.02, 0.01, 0.0, 0.01, 0.02, 0.08, 0.2, 0.3, 0.45, 0.75, 0.9)
        + (1.0, 0.9, 0.85, 0.9, 0.95, 0.85, 0.7, 0.5, 0.3, 0.2, 0.12, 0.06),
        1.35,
    )
    OUTING = (
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.04, 0.1, 0.25, 0.5, 0.85, 1.0)
        + (0.9, 0.95, 0.95, 0.8, 0.5, 0.25, 0.12, 0.08, 0.04, 0.02, 0.01, 0.0),
        1.9,
    )


@dataclass(frozen=True, slots=True)
class Site:
    """A counter: ``number`` in the sensor list, ``peak`` in persons per hour at its busiest, position WGS 84."""

    number: int
    slug: str
    title: str
    title_en: str
    lon: float
    lat: float
    use: Use
    peak: int
    festive: bool = False


FIVE_MINUTE = (
    Site(21, "ekimae-hiroba", "雪野駅前広場", "Station Plaza", 140.7502, 40.8214, Use.COMMUTING, 780, festive=True),
    Site(22, "chuo-dori", "中央通り東", "Chuo Street East", 140.7583, 40.8197, Use.SHOPPING, 420),
    Site(23, "yukimi-bashi", "雪見橋", "Yukimi Bridge", 140.7664, 40.8021, Use.COMMUTING, 130),
)
CAMERA_DAILY = (
    Site(31, "yukino-station-east-entrance", "雪野駅東口", "Station East", 140.7519, 40.8209, Use.COMMUTING, 1150),
    Site(32, "shiratori-lookout", "白鳥平展望台", "Shiratori Lookout", 140.7462, 40.7873, Use.OUTING, 620),
)
CAMERA_HOURLY = (
    Site(33, "ichibangai-arcade", "一番街アーケード", "Ichibangai Arcade", 140.7548, 40.8226, Use.SHOPPING, 640),
)
HOURLY = (
    Site(1, "Eki_W", "雪野駅西口", "Yukino Station (West)", 140.7488, 40.8211, Use.COMMUTING, 940, festive=True),
    Site(2, "Chu_N", "中央通り北", "Chuo Street (North)", 140.7561, 40.8241, Use.SHOPPING, 510),
    Site(3, "Min_P", "港町プロムナード", "Minatomachi Promenade", 140.7497, 40.8452, Use.OUTING, 300, festive=True),
    Site(5, "Gak_S", "学園南", "Gakuen South", 140.7178, 40.8063, Use.COMMUTING, 360),
)
ALL_SITES = (*HOURLY, *FIVE_MINUTE, *CAMERA_DAILY, *CAMERA_HOURLY)


def expected_per_h(seed: int, site: Site, instant: datetime) -> float:
    """Persons per hour to be expected at ``instant``: hour, weekday, snow and the evening event together."""
    local = instant.astimezone(JST)
    weights, weekend = site.use.value
    share = local.minute / 60
    hour = weights[local.hour] * (1 - share) + weights[(local.hour + 1) % 24] * share
    snow = max(_UNDETERRED, 1 - _DETERRED_PER_CM * snowfall_cm(seed, instant))
    event = _FESTIVAL_FACTOR if site.festive and find_event(instant) else 1.0
    return site.peak * hour * (weekend if local.weekday() >= 5 else 1.0) * snow * event


def find_event(instant: datetime) -> str | None:
    """The event that is on, if any: mid-month and on winter Saturdays the city lights its snow lanterns."""
    local = instant.astimezone(JST)
    lit = local.month in (1, 2) and (local.day == 15 or local.weekday() == 5)
    return _FESTIVAL if lit and local.hour in _FESTIVAL_HOURS else None
