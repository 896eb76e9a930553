"""Tests that need a program of the machine say so here."""

from __future__ import annotations

import os

import pytest


def skip_unless(present: bool, reason: str) -> None:
    """Skip the test with the reason; fail it where CITYOS_REQUIRE_SERVICES=1 promises that everything is there."""
    if present:
        return
    if os.environ.get("CITYOS_REQUIRE_SERVICES") == "1":
        pytest.fail(f"CITYOS_REQUIRE_SERVICES=1, but {reason}")
    pytest.skip(reason)
