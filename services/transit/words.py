"""What is said of departures and feeds to people, in Japanese and plain English. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cityos.client.words import age_in_words, age_of
from services.transit.board import Board, Leaving
from services.transit.live import Basis, Status
from services.transit.network import LiveState

Said = dict[str, str]

_MINUTE_S = 60

NOTE: Said = {
    "ja": "時刻表はバス事業者が公開したものです。basis が scheduled の便は、遅れが分かりません。",
    "en": "The timetable is what the operator publishes. Of departures with basis scheduled no delay is known.",
}


def of_leaving(one: Leaving, now: datetime) -> Said:
    """How far the time of a departure is known."""
    outlook = one.outlook
    if outlook.status is Status.CANCELLED:
        return {"ja": "運休", "en": "cancelled"}
    if outlook.status is Status.SKIPPED:
        return {"ja": "この停留所には止まりません", "en": "does not call at this stop"}
    if outlook.basis is Basis.SCHEDULED or outlook.delay_s is None:
        return {"ja": "時刻表の時刻（遅れは不明）", "en": "by the timetable (delay not known)"}
    age = age_of(outlook.observed_at, now)
    ja, en = _delay(outlook.delay_s, at_least=outlook.basis is Basis.VEHICLE)
    return {"ja": f"{ja}（{age_in_words(age, 'ja')}の情報）", "en": f"{en} (told {age_in_words(age, 'en')})"}


def _delay(delay_s: int, *, at_least: bool) -> tuple[str, str]:
    minutes = round(abs(delay_s) / _MINUTE_S)
    if minutes == 0:
        return "ほぼ定刻", "about on time"
    unit = "minute" if minutes == 1 else "minutes"
    if delay_s < 0:
        return f"約{minutes}分早い", f"about {minutes} {unit} early"
    if at_least:
        return f"{minutes}分以上の遅れ", f"at least {minutes} {unit} late"
    return f"約{minutes}分遅れ", f"about {minutes} {unit} late"


def of_live(live: LiveState, now: datetime) -> Said:
    """Whether delays are taken up, and if not, why."""
    age = age_of(live.as_of, now)
    match live.state:
        case "live":
            return {
                "ja": f"遅れの情報を反映しています（{age_in_words(age, 'ja')}の情報）",
                "en": f"Delays are taken up (told {age_in_words(age, 'en')})",
            }
        case "positions":
            return {
                "ja": f"バスの位置から、遅れを見積もっています（{age_in_words(age, 'ja')}の情報）",
                "en": f"Delays are reckoned from where the buses are (told {age_in_words(age, 'en')})",
            }
        case "quiet":
            return {
                "ja": "いま、遅れが伝えられているバスはありません",
                "en": "Nothing is told of any bus now",
            }
        case "stale" if age is None:
            return {
                "ja": "遅れの情報がまだ届いていません。時刻表の時刻をお知らせします",
                "en": "Nothing has been told of delays yet; times are those of the timetable",
            }
        case "stale":
            return {
                "ja": f"遅れの情報が古くなっています（{age_in_words(age, 'ja')}のもの）。時刻表の時刻をお知らせします",
                "en": f"What was told of delays is old ({age_in_words(age, 'en')}); times are those of the timetable",
            }
        case "unknownFeed":
            names = ", ".join(live.feeds)
            return {
                "ja": f"遅れの情報（{names}）は、市のデータ基盤にありません。時刻表の時刻をお知らせします",
                "en": f"The hub has no feed {names}; times are those of the timetable",
            }
        case _:
            return {
                "ja": "この路線には遅れの情報がありません。時刻表の時刻をお知らせします",
                "en": "No realtime feed belongs to this timetable; times are those of the timetable",
            }


def of_nothing(board: Board, within: timedelta, zone: ZoneInfo) -> Said:
    """Why a board is empty, and when the next bus leaves."""
    if board.next_at is not None:
        local = board.next_at.astimezone(zone)
        return {
            "ja": f"この時間には便がありません。次は{local.month}月{local.day}日 {local.hour}時{local.minute:02}分です",
            "en": f"No bus leaves in this time; the next is on {local:%Y-%m-%d} at {local:%H:%M}",
        }
    if board.ends_on is not None:
        return {
            "ja": f"この時刻表は{_day(board.ends_on)}までのものです。新しい時刻表がまだ届いていません",
            "en": f"This timetable ended on {board.ends_on.isoformat()}; the next has not arrived yet",
        }
    hours = round(within.total_seconds() / 3600)
    return {
        "ja": f"{hours}時間以内にも、その後の7日間にも、ここを出る便はありません",
        "en": f"No bus leaves here within {hours} hours, nor in the seven days after",
    }


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
