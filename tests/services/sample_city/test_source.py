"""All content is a function of seed and instant."""

import hashlib
import itertools
import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from services.sample_city.answer import answer, answer_calmly
from services.sample_city.clock import HOUR, JST, Clock
from services.sample_city.source import Source, list_sources

START = datetime(2026, 1, 15, 5, tzinfo=JST)
SOURCES = list_sources(1, calm=False)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.path)
def test_same_instant_gives_same_bytes_in_a_new_city(source: Source) -> None:
    again = next(s for s in list_sources(1, calm=False) if s.path == source.path)
    for n in range(0, 24, 3):
        assert answer(1, source, START + n * HOUR) == answer(1, again, START + n * HOUR)


def test_another_process_gives_the_same_bytes() -> None:
    told = hashlib.sha256(b"".join(source.render(START + 4 * HOUR) for source in SOURCES)).hexdigest()
    script = (
        "import hashlib, sys, datetime as d; from services.sample_city.source import list_sources;"
        "at = d.datetime.fromisoformat(sys.argv[1]);"
        "print(hashlib.sha256(b''.join(s.render(at) for s in list_sources(1, calm=False))).hexdigest())"
    )
    command = [sys.executable, "-c", script, (START + 4 * HOUR).isoformat()]
    again = subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == told


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.path)
def test_content_changes_only_when_the_source_says_so(source: Source) -> None:
    around_midnight = [START + 19 * HOUR + timedelta(minutes=n - 15) for n in range(30)]
    instants = sorted([START + timedelta(minutes=11 * n) for n in range(120)] + around_midnight)
    for earlier, later in itertools.pairwise(instants):
        if source.changed_at(earlier) == source.changed_at(later):
            assert source.render(earlier) == source.render(later)
        assert source.changed_at(later) <= later


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.path)
def test_validators_are_those_of_the_source(source: Source) -> None:
    headers = answer_calmly(source, START).headers
    assert ("etag" in headers, "last-modified" in headers) == (source.etag, source.last_modified)


def test_calm_city_prints_the_new_format_from_the_beginning() -> None:
    (zones,) = (s for s in list_sources(1, calm=True) if s.path == "/snow/koku.csv")
    assert zones.render(START).decode().split("\n")[1].count(",") == 6


def test_city_time_runs_at_its_speed_from_its_start() -> None:
    clock = Clock(START, started=1000.0, speed=60.0)
    assert clock.now(1000.0) == START
    assert clock.now(1060.0) == START + HOUR
