"""The recordings of a city, looked for before anything starts: a feed would only fall silent."""

from __future__ import annotations

import argparse
from pathlib import Path

from cityos.city_file import CityFile
from cityos.ingest.fetching import Recording

_SCHEME = "recorded://"  # of addresses that nothing but a recording answers
_TOLD = 3


def recordings_of(city: CityFile | None, said: argparse.Namespace) -> list[Recording]:
    """The recordings to play, all there. Raises ValueError, saying which are not and what to write."""
    if said.recordings is None:
        if city is not None and any(one.url.startswith(_SCHEME) for one in city.recordings(Path())):
            raise ValueError(f"{said.city} plays recordings: say with --recordings DIR in which directory they lie")
        return []
    if city is None:
        raise ValueError("--recordings needs the city file that lists them: say --city FILE, too")
    if not said.recordings.is_dir():
        raise ValueError(f"--recordings {said.recordings} is no directory; say in which the recordings lie")
    recordings = city.recordings(said.recordings)
    missing = sorted({str(one.path) for one in recordings if not one.path.is_file()})
    if missing:
        more = [f"and {len(missing) - _TOLD} more"] if len(missing) > _TOLD else []
        raise ValueError(
            f"of {said.city}'s recordings, {len(missing)} are missing: {', '.join([*missing[:_TOLD], *more])}; "
            "say with --recordings DIR where they lie, or leave them out in a copy of the city file"
        )
    return recordings
