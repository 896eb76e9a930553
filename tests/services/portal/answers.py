"""Answers of the transit service as it gives them."""

from __future__ import annotations

from typing import Any


def departure(**about: object) -> dict[str, Any]:
    """One departure, four minutes late."""
    return {
        "line": {"id": "urn:ngsi-ld:GtfsRoute:bus:r", "name": "中央線", "nameEn": "Central Line", "color": "C62828"},
        "headsign": "桐ヶ森",
        "headsignEn": "Kirigamori",
        "platform": {"id": "urn:ngsi-ld:GtfsStop:bus:100_1", "code": "1", "note": ""},
        "scheduledAt": "2026-01-16T08:05:00+09:00",
        "expectedAt": "2026-01-16T08:09:00+09:00",
        "status": "running",
        "said": {"ja": "約4分遅れ（1分前の情報）", "en": "about 4 minutes late (told 1 minute ago)"},
        **about,
    }


def answer(*departures: dict[str, Any], **about: object) -> dict[str, Any]:
    """The answer about one stop."""
    feed = {
        "state": "fresh",
        "stateLabel": {"ja": "正常", "en": "fresh"},
        "attribution": "出典元の市",
        "realtime": {"ja": "遅れの情報を反映しています", "en": "Delays are taken up"},
    }
    alert = {"ja": {"header": "大雪", "text": "遅れます"}, "en": {"header": "Snow", "text": "Delays"}}
    board = {
        "stop": {"name": "雪野駅前", "nameEn": "Yukino Station"},
        "feed": feed,
        "departures": list(departures),
        "alerts": [alert],
        **about,
    }
    return {"boards": [board]}
