"""Where each file of the city is served."""

ZONES_CSV = "/snow/koku.csv"
ZONES_GEOJSON = "/snow/koku.geojson"
ROUTES_GEOJSON = "/snow/rosen.geojson"
HOURLY_CSV = "/people/hourly.csv"
SENSORS_CSV = "/people/sensors.csv"


def five_minute_path(slug: str) -> str:
    """The file of a 5-minute counter."""
    return f"/people/5min/{slug}.csv"


def camera_path(slug: str) -> str:
    """The file of a camera."""
    return f"/people/camera/{slug}/Person.csv"
