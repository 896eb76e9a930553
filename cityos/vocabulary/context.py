"""The city's words and the IRIs they stand for.

Words that a Smart Data Model defines stand for its IRIs; the city's own words fall into the standard's default
vocabulary, so that they read the same with this context, with the core context, and with none.
"""

from __future__ import annotations

from cityos.ngsi.context import Context

CITY_CONTEXT_ID = "cityos"
CONTEXT_PATH = f"/ngsi-ld/v1/jsonldContexts/{CITY_CONTEXT_ID}"

_TRANSPORTATION = "https://smartdatamodels.org/dataModel.Transportation/"
_MOBILITY = "https://smartdatamodels.org/dataModel.UrbanMobility/"
_WEATHER = "https://smartdatamodels.org/dataModel.Weather/"

CITY_TERMS: dict[str, str] = {
    "name": "https://smartdatamodels.org/name",
    "alternateName": "https://smartdatamodels.org/alternateName",
    "dataProvider": "https://smartdatamodels.org/dataProvider",
    "CrowdFlowObserved": _TRANSPORTATION + "CrowdFlowObserved",
    "peopleCount": _TRANSPORTATION + "peopleCount",
    "direction": _TRANSPORTATION + "direction",
    "dateObservedFrom": _TRANSPORTATION + "dateObservedFrom",
    "dateObservedTo": _TRANSPORTATION + "dateObservedTo",
    "Vehicle": _TRANSPORTATION + "Vehicle",
    "bearing": _TRANSPORTATION + "bearing",
    "speed": _TRANSPORTATION + "speed",
    "WeatherObserved": _WEATHER + "WeatherObserved",
    "atmosphericPressure": _WEATHER + "atmosphericPressure",
    "precipitation": _WEATHER + "precipitation",
    "relativeHumidity": _WEATHER + "relativeHumidity",
    "snowHeight": _WEATHER + "snowHeight",
    "temperature": _WEATHER + "temperature",
    "windDirection": _WEATHER + "windDirection",
    "windSpeed": _WEATHER + "windSpeed",
    "GtfsAgency": _MOBILITY + "GtfsAgency",
    "GtfsRoute": _MOBILITY + "GtfsRoute",
    "GtfsStation": _MOBILITY + "GtfsStation",
    "GtfsStop": _MOBILITY + "GtfsStop",
    "code": _MOBILITY + "code",
    "hasParentStation": _MOBILITY + "hasParentStation",
    "hasStop": _MOBILITY + "hasStop",
    "language": _MOBILITY + "language",
    "operatedBy": _MOBILITY + "operatedBy",
    "page": _MOBILITY + "page",
    "phone": _MOBILITY + "phone",
    "routeColor": _MOBILITY + "routeColor",
    "routeTextColor": _MOBILITY + "routeTextColor",
    "routeType": _MOBILITY + "routeType",
    "shortName": _MOBILITY + "shortName",
    "timezone": _MOBILITY + "timezone",
    "wheelChairAccessible": _MOBILITY + "wheelChairAccessible",
    "zoneCode": _MOBILITY + "zoneCode",
}

CITY_CONTEXT = Context(CITY_TERMS)


def iri(term: str) -> str:
    """The IRI of one of the city's words."""
    return CITY_CONTEXT.expand(term)
