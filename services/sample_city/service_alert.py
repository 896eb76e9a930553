"""What the bus operator tells passengers in words: delays and detours in the snow, lost trips, crowds at the event."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from google.transit import gtfs_realtime_pb2 as pb

from .bus_run import Run, runs_on
from .clock import DAY, HOUR, jst, last_hourly, midnight
from .gtfs import AGENCY_ID
from .line import station_id
from .road import CENTRE
from .site import festival_share
from .timetable import moment
from .weather import snowfall_24h_cm

# New snow in 24 h from which delays are announced, and from which the roads by the bridge are closed to buses.
_DELAYS_CM, _DETOUR_CM = 15.0, 25.0
_DETOURED_ROUTES = ("1040", "1080")
_SPELL_H = 48  # nobody looks further back for the beginning
_SERVICE_ENDS_HOUR = 4
_ANNOUNCED_BEFORE = 2 * HOUR
_CROWDED_HOURS = (16, 22)

Texts = tuple[str, str]  # Japanese, English


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert."""

    id: str
    begins: datetime
    ends: datetime
    cause: pb.Alert.Cause
    effect: pb.Alert.Effect
    header: Texts
    description: Texts
    agencies: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()


def notices_at(seed: int, instant: datetime) -> Iterator[Notice]:
    """What is announced at ``instant``."""
    for limit_cm, told in ((_DELAYS_CM, _delays), (_DETOUR_CM, _detour)):
        begins = _snow_since(seed, instant, limit_cm)
        if begins:
            yield told(begins, _service_end(instant))
    yield from _lost_trips(seed, instant)
    yield from _crowds(instant)


def _delays(begins: datetime, ends: datetime) -> Notice:
    return Notice(
        f"delays-{begins:%Y%m%d%H}",
        begins,
        ends,
        pb.Alert.WEATHER,
        pb.Alert.SIGNIFICANT_DELAYS,
        ("大雪による遅れ", "Delays due to heavy snow"),
        ("積雪のため全路線に遅れが出ています。", "Snow on the roads delays all lines."),
        agencies=(AGENCY_ID,),
    )


def _detour(begins: datetime, ends: datetime) -> Notice:
    return Notice(
        f"detour-{begins:%Y%m%d%H}",
        begins,
        ends,
        pb.Alert.WEATHER,
        pb.Alert.DETOUR,
        ("雪見橋・白鳥平線、上沼線 迂回運行", "Shiratoritai and Kaminuma lines on detour"),
        (
            "除排雪作業のため、川原町付近で迂回することがあります。",
            "Buses may leave their way near Kawaramachi while snow is cleared.",
        ),
        routes=_DETOURED_ROUTES,
    )


def _lost_trips(seed: int, instant: datetime) -> Iterator[Notice]:
    today = midnight(instant).date()
    for run in (run for day in (today - DAY, today) for run in runs_on(seed, day) if run.cancelled):
        begins, ends = (moment(run.day, minute) for minute in (run.trip.minutes[0], run.trip.minutes[-1]))
        if begins - _ANNOUNCED_BEFORE <= instant <= ends:
            line, shown = run.trip.pattern.line, f"{begins:%H:%M}"
            yield Notice(
                f"cancelled-{run.day:%Y%m%d}-{run.trip.id}",
                begins - _ANNOUNCED_BEFORE,
                ends,
                pb.Alert.WEATHER,
                pb.Alert.NO_SERVICE,
                (f"{line.name} {shown}発 運休", f"{line.english}: {shown} departure cancelled"),
                ("除雪作業のため運休します。", "The trip is cancelled while the road is cleared of snow."),
                runs=(run,),
            )


def _crowds(instant: datetime) -> Iterator[Notice]:
    today: date = midnight(instant).date()
    begins, ends = (jst(today, hour) for hour in _CROWDED_HOURS)
    festive = any(festival_share(begins + n * HOUR) for n in range(6))
    if festive and begins <= instant < ends:
        yield Notice(
            f"crowds-{today:%Y%m%d}",
            begins,
            ends,
            pb.Alert.OTHER_CAUSE,
            pb.Alert.OTHER_EFFECT,
            ("雪灯りの夕べ 駅前混雑", "Snow-lantern evening: crowds at the station"),
            (
                "駅前のりばは混み合います。お早めにご利用ください。",
                "The stops at the station are crowded. Please come early.",
            ),
            stops=(station_id(CENTRE),),
        )


def _snow_since(seed: int, instant: datetime, limit_cm: float) -> datetime | None:
    """The hour in which the new snow of 24 h passed the limit, if it is above it now."""
    hour = last_hourly(instant, 0)
    if snowfall_24h_cm(seed, hour) < limit_cm:
        return None
    earlier = (hour - n * HOUR for n in range(1, _SPELL_H))
    return next((at + HOUR for at in earlier if snowfall_24h_cm(seed, at) < limit_cm), hour - _SPELL_H * HOUR)


def _service_end(instant: datetime) -> datetime:
    """When the service day that holds ``instant`` is over."""
    day = (instant - timedelta(hours=_SERVICE_ENDS_HOUR)).date()
    return jst(day + DAY, _SERVICE_ENDS_HOUR)
