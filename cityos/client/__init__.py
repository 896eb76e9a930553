"""The typed way for services and outside developers to use the hub: `City`, and `Mirror` to answer from memory.

async with City("http://127.0.0.1:8080") as city:
    async for state in city.watch("SnowRemovalZone"):
        ...
"""

from cityos.client.change import AttributeChange, Change, ChangePage, Resync
from cityos.client.city import City, Near
from cityos.client.cursor import OLDEST, Cursor
from cityos.client.dataset_mirror import DatasetMirror, Held
from cityos.client.error import (
    CityError,
    CityRefused,
    CityUnavailable,
    CursorGone,
    PartlyRefused,
    Problem,
)
from cityos.client.health import FeedStatus, Health, feed_of
from cityos.client.hub_contact import HubContact, contact_of
from cityos.client.mirror import Mirror
from cityos.client.shelf import Shelf
from cityos.client.watch import State
from cityos.clock import Clock
from cityos.ngsi.entity import Entity
from cityos.ngsi.instant import format_instant

__all__ = [
    "OLDEST",
    "AttributeChange",
    "Change",
    "ChangePage",
    "City",
    "CityError",
    "CityRefused",
    "CityUnavailable",
    "Clock",
    "Cursor",
    "CursorGone",
    "DatasetMirror",
    "Entity",
    "FeedStatus",
    "Health",
    "Held",
    "HubContact",
    "Mirror",
    "Near",
    "PartlyRefused",
    "Problem",
    "Resync",
    "Shelf",
    "State",
    "contact_of",
    "feed_of",
    "format_instant",
]
