"""What a column of a spreadsheet is called in Japanese, where it holds one of the city's words."""

from __future__ import annotations

from cityos.ngsi.core_context import LOCATION
from cityos.vocabulary.context import iri

WHEN = "日時（日本時間）"
LATITUDE, LONGITUDE = "緯度", "経度"
GONE = "削除"

_WORDS = {
    "alternateName": "別名",
    "atmosphericPressure": "気圧（hPa）",
    "bearing": "進行方位（度）",
    "claim": "除排雪の発表",
    "code": "番号",
    "currentStatus": "停車状況",
    "dateObservedFrom": "観測の始まり",
    "dateObservedTo": "観測の終わり",
    "description": "説明",
    "direction": "方向",
    "evidence": "作業の確認",
    "name": "名称",
    "occupancyStatus": "混雑度",
    "peopleCount": "通行量（人）",
    "precipitation": "前1時間降水量（mm）",
    "relativeHumidity": "湿度（0から1）",
    "shortName": "略称",
    "snowHeight": "積雪深（cm）",
    "speed": "速さ（km/h）",
    "temperature": "気温（℃）",
    "windDirection": "風向（度）",
    "windSpeed": "風速（m/s）",
}
HEADINGS = {LOCATION: "位置", **{iri(term): heading for term, heading in _WORDS.items()}}


def heading_of(attribute: str, term: str, dataset: str = "") -> str:
    """The heading of an attribute's column: its Japanese name, else `term`; the dataset behind it if it has one."""
    name = HEADINGS.get(attribute, term)
    return f"{name}（{dataset}）" if dataset else name
