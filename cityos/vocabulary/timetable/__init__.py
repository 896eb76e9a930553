"""The timetable (時刻表) of a feed: the schema of the dataset of kind `timetable`, its file, and questions to it.

A dataset and not a heap of entities: Aomori's has 44,540 calls, Manhattan's 1,174,914. Follows GTFS and GTFS-JP (all
editions' columns under one name each).
"""

from cityos.vocabulary.timetable.file import MEDIA_TYPE, SCHEMA, read_tables, write_tables
from cityos.vocabulary.timetable.query import Call, Departure, Journey, Timetable, start_of
from cityos.vocabulary.timetable.schema import (
    RECKONED,
    SHAPE_UNITS_PER_DEGREE,
    UNSAID,
    VERSION,
    Agency,
    Fare,
    FareRule,
    Frequency,
    Info,
    Office,
    Pattern,
    Route,
    Service,
    ShapePoints,
    Station,
    Stop,
    StopTimes,
    Tables,
    Transfer,
    Translation,
    Trip,
)

TIMETABLE = "timetable"
TRIP_KEY, ROUTE_KEY = "trip", "route"
"""Of what kinds a timetable knows the ids, for those who refer to it."""

__all__ = [
    "MEDIA_TYPE",
    "RECKONED",
    "ROUTE_KEY",
    "SCHEMA",
    "SHAPE_UNITS_PER_DEGREE",
    "TIMETABLE",
    "TRIP_KEY",
    "UNSAID",
    "VERSION",
    "Agency",
    "Call",
    "Departure",
    "Fare",
    "FareRule",
    "Frequency",
    "Info",
    "Journey",
    "Office",
    "Pattern",
    "Route",
    "Service",
    "ShapePoints",
    "Station",
    "Stop",
    "StopTimes",
    "Tables",
    "Timetable",
    "Transfer",
    "Translation",
    "Trip",
    "read_tables",
    "start_of",
    "write_tables",
]
