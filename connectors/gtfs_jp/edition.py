"""Which edition of GTFS-JP a feed follows, by what only that edition has. Old editions are to be met for years."""

from __future__ import annotations

from collections.abc import Callable, Collection

_FOURTH_FILES = frozenset(
    {
        *("fare_media.txt", "fare_products.txt", "fare_leg_rules.txt", "fare_transfer_rules.txt", "networks.txt"),
        *("areas.txt", "stop_areas.txt", "timeframes.txt", "booking_rules.txt", "location_groups.txt", "pathways.txt"),
    }
)
_FOURTH_COLUMNS = {"agency": "cemv_support", "routes": "cemv_support", "stops": "tts_stop_name"}
_OLD_FILES = frozenset({"agency_jp.txt", "routes_jp.txt", "office_jp.txt"})


def find_edition(files: Collection[str], has_column: Callable[[str, str], bool], is_japanese: bool) -> int | None:
    """1 (2017), 2 (2019), 3 (2021) or 4 (2026); None where nothing shows that it is GTFS-JP at all.

    The first two differ in little that shows: `platform_code` and rows of the language `ja` came with the second.
    """
    if not is_japanese:
        return None
    if not _FOURTH_FILES.isdisjoint(files) or any(has_column(*one) for one in _FOURTH_COLUMNS.items()):
        return 4
    if "pattern_jp.txt" in files or has_column("trips", "jp_pattern_id") or has_column("translations", "table_name"):
        return 3
    is_old = not _OLD_FILES.isdisjoint(files) or has_column("translations", "trans_id")
    if not is_old and not has_column("routes", "jp_parent_route_id"):
        return None
    return 2 if has_column("stops", "platform_code") or has_column("translations", "ja") else 1
