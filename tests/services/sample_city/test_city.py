"""The invented map is a plausible one: zones tile the city, routes follow their borders."""

import pytest
from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from services.sample_city.city import EAST, NORTH, SOUTH, WEST, list_streets, list_zones


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_zones_tile_the_city_without_gap_or_overlap(seed: int) -> None:
    zones = [Polygon(zone.ring) for zone in list_zones(seed)]
    city = box(WEST, SOUTH, EAST, NORTH)
    assert all(zone.is_valid and zone.exterior.is_ccw for zone in zones)
    assert sum(zone.area for zone in zones) == pytest.approx(city.area, rel=1e-6)
    assert unary_union(zones).symmetric_difference(city).area < 1e-9


def test_zone_names_are_keys_and_route_names_are_not() -> None:
    names = [zone.name for zone in list_zones(1)]
    routes = [street.route for street in list_streets(1)]
    assert len(set(names)) == len(names) == 36
    assert len(set(routes)) < len(routes)
