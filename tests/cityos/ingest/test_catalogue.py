"""Connectors are found in their folder and in outside packages."""

from __future__ import annotations

import pytest

from cityos.ingest.catalogue import NoSuchConnector, get_connector, list_connectors


def test_own_connectors_and_those_of_other_packages_are_found() -> None:
    assert {"people_flow", "snow_removal", "fickle"} <= set(list_connectors())
    assert get_connector("fickle").manifest.name == "fickle"
    assert get_connector("people_flow").manifest.name == "people_flow"


def test_an_absent_connector_is_told_with_those_there_are() -> None:
    with pytest.raises(NoSuchConnector, match=r"no connector nothing; there are .*fickle"):
        get_connector("nothing")
