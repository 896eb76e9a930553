"""Where each file of the city is served."""

ZONES_CSV = "/snow/koku.csv"
ZONES_GEOJSON = "/snow/koku.geojson"
ROUTES_GEOJSON = "/snow/rosen.geojson"
HOURLY_CSV = "/people/hourly.csv"
SENSORS_CSV = "/people/sensors.csv"
BUS_ZIP = "/gtfs/yukino-bus.zip"
VEHICLE_POSITIONS_PB = "/gtfs-rt/vehicle_positions.pb"
TRIP_UPDATES_PB = "/gtfs-rt/trip_updates.pb"
ALERTS_PB = "/gtfs-rt/alerts.pb"
WEATHER_TIME_TXT = "/amedas/latest_time.txt"
WEATHER_MAP_JSON = "/amedas/data/map/{stamp}.json"
ROADS_GEOJSON = "/roads/roads.geojson"
PLOUGHS_GEOJSON = "/ploughs/positions.geojson"
PLOUGH_COVERAGE_JSON = "/ploughs/coverage.json"


def five_minute_path(slug: str) -> str:
    """The file of a 5-minute counter."""
    return f"/people/5min/{slug}.csv"


def camera_path(slug: str) -> str:
    """The file of a camera."""
    return f"/people/camera/{slug}/Person.csv"
