"""Real recordings that lie beside the project and never in it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.services_required import skip_unless

_ROOT = Path(os.environ.get("CITYOS_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def find_shared(path: str) -> Path | None:
    """A file below `../shared/data` (or `$CITYOS_SHARED/data`), None where it is not on this machine."""
    found = _ROOT / "data" / path
    return found if found.exists() else None


def shared(path: str) -> Path:
    """As `find_shared`; skips the test with the reason where the file is absent."""
    skip_unless(find_shared(path) is not None, f"the real recording {_ROOT / 'data' / path} is not on this machine")
    return _ROOT / "data" / path
