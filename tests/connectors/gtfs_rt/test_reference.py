"""What of the timetable a message's rows stand on."""

from __future__ import annotations

from typing import Any

import pytest

from cityos.connector.batch import batch_from_bytes, batch_to_bytes
from tests.connectors.gtfs_rt.building import message, read, trip_update, vehicle


@pytest.mark.parametrize(
    ("trip", "refers"),
    [
        ({"tripId": "t1", "routeId": "r1"}, (("trip", "t1"),)),
        ({"tripId": "t1", "scheduleRelationship": "CANCELED"}, (("trip", "t1"),)),
        ({"routeId": "r1", "startTime": "08:00:00"}, (("route", "r1"),)),
        ({"tripId": "extra", "routeId": "r1", "scheduleRelationship": "ADDED"}, ()),
    ],
    ids=["trip", "cancelled", "route alone", "added"],
)
def test_positions_and_delays_refer_to_their_trip(trip: dict[str, Any], refers: tuple[tuple[str, str], ...]) -> None:
    batch = read(message([vehicle("1", trip=trip), trip_update("2", trip=trip)]))
    assert [row.refers for row in batch.rows] == [refers, refers]
    assert batch_from_bytes(batch_to_bytes(batch)) == batch


def test_a_bus_without_a_trip_and_an_alert_refer_to_nothing() -> None:
    alert = {
        "id": "a",
        "alert": {"informedEntity": [{"routeId": "r9"}], "headerText": {"translation": [{"text": "雪"}]}},
    }
    assert [row.refers for row in read(message([vehicle("1"), alert])).rows] == [(), ()]
