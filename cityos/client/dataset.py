"""What the hub lists of its bulk data."""

from __future__ import annotations

from datetime import date

from cityos.client.answer import find_text, objects, text, whole
from cityos.ngsi.value import JsonObject
from cityos.vocabulary.dataset import DatasetNews


def datasets_from_json(told: JsonObject) -> tuple[DatasetNews, ...]:
    """Reads `GET /datasets`."""
    return tuple(dataset_from_json(one) for one in objects(told, "datasets"))


def dataset_from_json(told: JsonObject) -> DatasetNews:
    """Reads one item of it."""
    return DatasetNews(
        feed=text(told, "feed"),
        kind=text(told, "kind"),
        version=text(told, "version"),
        media_type=text(told, "mediaType"),
        size=whole(told, "byteSize"),
        digest=text(told, "checksum").removeprefix("sha-256:"),
        licence=text(told, "licence"),
        attribution=text(told, "attribution"),
        valid_from=_day(told, "validFrom"),
        valid_until=_day(told, "validUntil"),
    )


def dataset_to_json(news: DatasetNews) -> JsonObject:
    """What `dataset_from_json` reads."""
    return {
        "feed": news.feed,
        "kind": news.kind,
        "version": news.version,
        "mediaType": news.media_type,
        "byteSize": news.size,
        "checksum": f"sha-256:{news.digest}",
        "licence": news.licence,
        "attribution": news.attribution,
        "validFrom": None if news.valid_from is None else news.valid_from.isoformat(),
        "validUntil": None if news.valid_until is None else news.valid_until.isoformat(),
    }


def _day(told: JsonObject, name: str) -> date | None:
    said = find_text(told, name)
    return None if said is None else date.fromisoformat(said)
