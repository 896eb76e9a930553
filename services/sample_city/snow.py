"""The snow files: zone status as CSV in two formats, zones and routes as GeoJSON, as one real city published them."""

import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from .chance import draw, pick
from .city import Zone, list_streets, list_zones
from .clearing import PUBLISHED_HOUR, Claim, Phase, published_at, route_claim, zone_claim
from .clock import jst
from .geojson import collection, feature

_HEADER = "取得日時,工区,ステータス"
_STATUS = {
    Phase.CHECKING: "現場確認中（現場確認中のもの）",
    Phase.ADJUSTING: "作業日程調整中（作業日程を調整中のもの）",
    Phase.PLANNED: "作業予定あり（直近の作業日程が予定されているもの）",
    Phase.WORKING: "作業中（作業を行っているもの）",
}
_CONTINUED, _WIDENING = "前夜から続く作業", "一部区間で拡幅作業予定"
# In the change to v2 one zone moved to the end of the list; who matches by position goes wrong.
_MOVED_ZONE = "A-3"


def zone_csv_v1(seed: int, instant: datetime) -> bytes:
    """Three fields a row: half-width names and one status word. 作業中 means "ordered, begins tonight"."""
    at = published_at(instant)
    rows = (
        f"{at:%Y-%m-%d %H:%M:%S},{z.name},{_word(zone_claim(seed, z.name, at.date()), at)}" for z in list_zones(seed)
    )
    return _csv(rows)


def zone_csv_v2(seed: int, instant: datetime) -> bytes:
    """Seven fields a row under the header of three: full-width names, status with its gloss, date, order, notice."""
    at = published_at(instant)
    return _csv(
        ",".join([f"{at:%Y-%m-%d %H:%M:%S}", *_stated(widen(z.name), claim, at).values(), _notice(seed, z, claim, at)])
        for z, claim in _zones_v2(seed, at)
    )


def zone_geojson(seed: int, instant: datetime) -> bytes:
    """The zones as Polygons: the v2 fields, and what earlier publications tell (last clearing, age of the order)."""
    at = published_at(instant)
    return collection(
        feature(_stated(widen(zone.name), claim, at) | _derived(seed, zone.name, claim, at), "Polygon", [zone.ring])
        for zone, claim in _zones_v2(seed, at)
    )


def route_geojson(seed: int, instant: datetime) -> bytes:
    """The routes as LineStrings, several with one name; on the bypass one name carries several statuses."""
    at = published_at(instant)
    claims = [(street, route_claim(seed, street.work, at.date())) for street in list_streets(seed)]
    return collection(
        feature(_stated(street.route, claim, at) | _derived(seed, street.work, claim, at), "LineString", street.line)
        for street, claim in claims
    )


def widen(name: str) -> str:
    """The full-width spelling of the v2 format: A-1 becomes Ａ－１, ｹ ケ, ･ ・."""
    composed = unicodedata.normalize("NFKC", name)
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in composed)


def _zones_v2(seed: int, at: datetime) -> list[tuple[Zone, Claim]]:
    ordered = sorted(list_zones(seed), key=lambda zone: zone.name == _MOVED_ZONE)
    return [(zone, zone_claim(seed, zone.name, at.date())) for zone in ordered]


def _word(claim: Claim, at: datetime) -> str:
    if claim.phase is Phase.CHECKING:
        return "現場確認中"
    tonight = claim.planned_on is not None and claim.planned_on <= at.date()
    return "作業中" if tonight else "作業予定あり"


def _stated(name: str, claim: Claim, at: datetime) -> dict[str, str]:
    """The v2 fields of one row, in their order; no date bears a year."""
    return {
        "名前": name,
        "ステータス": _STATUS[claim.phase],
        "直近作業予定日": _planned(claim),
        "指令": _order(claim, at.date()),
        "更新日時": f"{at.month}月{at.day}日 {at:%H:%M} 現在",
    }


def _planned(claim: Claim) -> str:
    if claim.phase is Phase.ADJUSTING:
        return "調整中"
    return f"{claim.planned_on.month}月{claim.planned_on.day}日 作業予定" if claim.planned_on else "-"


def _order(claim: Claim, today: date) -> str:
    if claim.ordered_on is None:
        return "－"
    return "新規指令" if claim.ordered_on == today else "継続指令"


def _notice(seed: int, zone: Zone, claim: Claim, at: datetime) -> str:
    if claim.phase is Phase.WORKING:
        return _CONTINUED
    return _WIDENING if claim.ordered_on and draw(seed, "notice", zone.name, at.date()) < 0.1 else ""


def _derived(seed: int, name: str, claim: Claim, at: datetime) -> dict[str, str]:
    derived: dict[str, str] = {}
    if claim.cleared_on:
        cleared = jst(claim.cleared_on, 6) + timedelta(seconds=pick(seed, 3600, "cleared", name, claim.cleared_on))
        derived["最終除雪日"] = f"{cleared.month}月{cleared.day}日"
        derived["最終除雪日時"] = f"{cleared:%Y-%m-%d %H:%M:%S}"
    if claim.ordered_on:
        ordered = jst(claim.ordered_on, PUBLISHED_HOUR)
        age = at - ordered
        derived["指令継続"] = f"{age.days}日{age.seconds // 3600}時間"
        derived["指令開始日時"] = f"{ordered:%Y-%m-%d %H:%M:%S}"
    return derived


def _csv(rows: Iterable[str]) -> bytes:
    return "\n".join([_HEADER, *rows, ""]).encode()
