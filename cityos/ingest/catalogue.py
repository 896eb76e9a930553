"""Finds connectors: the folders of `connectors`, and packages that offer one by the entry point `cityos.connectors`."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
from typing import Any

from cityos.connector.contract import Connector

ENTRY_POINTS = "cityos.connectors"


class NoSuchConnector(LookupError):
    """A city file names a connector that is not installed."""


def list_connectors() -> list[str]:
    """The names of all connectors, sorted; none is imported."""
    package = importlib.import_module("connectors")
    own = [module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg]
    return sorted({*own, *(point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS))})


@functools.cache  # looking for entry points costs more than most documents
def get_connector(name: str) -> Connector[Any]:
    """Imports one connector. Raises NoSuchConnector."""
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS, name=name):
        return _checked(name, point.load())
    if name not in list_connectors():
        raise NoSuchConnector(f"There is no connector {name}; there are {', '.join(list_connectors())}")
    return _checked(name, importlib.import_module(f"connectors.{name}").connector)


def _checked(name: str, found: object) -> Connector[Any]:
    if not isinstance(found, Connector) or found.manifest.name != name:
        raise NoSuchConnector(f"{name} does not export a connector whose manifest says name={name!r}")
    return found
