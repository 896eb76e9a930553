"""The order of tests: journeys first, so that no long one is left for the end when two run at a time."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the order among journeys, and among the others."""
    items.sort(key=lambda item: item.get_closest_marker("journey") is None)
