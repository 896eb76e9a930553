"""Where people are counted in 雪野市, and how busy each place is by its nature."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .chance import spread
from .clock import JST
from .weather import snowfall_cm

# The evening event: its busiest hour of the day, hours from there to empty, and its crowd in units of a site's peak.
_FESTIVAL_PEAK_H, _FESTIVAL_HALF_H, _FESTIVAL_CROWD = 19.25, 1.75, 0.9
_MOOD = 0.12  # how far a day differs from its like for no reason a counter can see
# Each cm of snow in the hour keeps this share of walkers at home, down to a floor of those who must go.
_DETERRED_PER_CM, _UNDETERRED = 0.13, 0.4


class Use(Enum):
    """What people do at a place: weight of each hour in % of the busiest, and the factor of a Saturday or Sunday."""

    COMMUTING = ("6 2 1 1 2 10 35 90 85 40 35 40 45 40 40 50 65 95 100 70 45 35 25 14", 0.65)
    SHOPPING = ("3 2 1 0 1 2 8 20 30 45 75 90 100 90 85 90 95 85 70 50 30 20 12 6", 1.35)
    OUTING = ("0 0 0 0 0 1 4 10 25 50 85 100 90 95 95 80 50 25 12 8 4 2 1 0", 1.9)

    def __init__(self, percent: str, weekend: float) -> None:
        self.weights = tuple(int(hour) / 100 for hour in percent.split())
        self.weekend = weekend


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
    """Persons per hour to be expected at ``instant``: hour, weekday, mood of the day, snow and the evening event."""
    local = instant.astimezone(JST)
    weights, share = site.use.weights, local.minute / 60
    usual = weights[local.hour] * (1 - share) + weights[(local.hour + 1) % 24] * share
    weekend = site.use.weekend if local.weekday() >= 5 else 1.0
    mood = spread(seed, 1 - _MOOD, 1 + _MOOD, "mood", site.slug, local.date())
    snow = max(_UNDETERRED, 1 - _DETERRED_PER_CM * snowfall_cm(seed, instant))
    event = _FESTIVAL_CROWD * festival_share(instant) if site.festive else 0.0
    return site.peak * snow * (usual * weekend * mood + event)


def festival_share(instant: datetime) -> float:
    """How much of its crowd the snow-lantern evening (雪灯りの夕べ) has, 0 .. 1: 15 January and winter Saturdays."""
    local = instant.astimezone(JST)
    lit = (local.month, local.day) == (1, 15) or (local.month in (1, 2) and local.weekday() == 5)
    off_h = abs(local.hour + local.minute / 60 - _FESTIVAL_PEAK_H)
    return max(0.0, 1 - off_h / _FESTIVAL_HALF_H) if lit else 0.0
