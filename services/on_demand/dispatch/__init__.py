"""Dispatch (配車): a problem in, a plan out. Knows no client, no clock and no file.

Times are numbers of one unit (seconds in the service, minutes in the benchmarks) counted from any origin; places are
indices into a matrix of driving times.
"""

from services.on_demand.dispatch.insertion import Insertion, cheapest_insertion
from services.on_demand.dispatch.lateness import hold
from services.on_demand.dispatch.model import Request, Route, Stop, Travel, Vehicle, Visit
from services.on_demand.dispatch.progress import Done, drive, set_off, stand
from services.on_demand.dispatch.schedule import Timetable, time_route

__all__ = [
    "Done",
    "Insertion",
    "Request",
    "Route",
    "Stop",
    "Timetable",
    "Travel",
    "Vehicle",
    "Visit",
    "cheapest_insertion",
    "drive",
    "hold",
    "set_off",
    "stand",
    "time_route",
]
